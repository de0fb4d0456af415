"""Routes that were looked up before."""

from __future__ import annotations

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider
from vaultcore.errors import NoRoute
from vaultcore.routing import directory
from vaultcore.routing.directory import Directory
from vaultcore.vault.keyring import Credential, Keyring

ONE = Provider("one", "https://one.example/v1")
TWO = Provider("two", "https://two.example/v1", static_models=("model",))
THREE = Provider("three", "https://three.example/v1", static_models=("model",))
CATALOG = Catalog({row.name: row for row in (ONE, TWO, THREE)})


def keyring(*names: str) -> Keyring:
    return Keyring(Credential(name, f"sk-{name}") for name in names)


def test_a_name_is_looked_up_once() -> None:
    """The same keyring and the same name give the very same route."""
    held, found = keyring("one"), Directory(CATALOG)

    assert found.route("one/any", held) is found.route("one/any", held)


def test_another_keyring_is_another_directory() -> None:
    """When keys are rotated, names lead where the new keys do."""
    found = Directory(CATALOG)

    before = found.route("model", keyring("two")), found.reachable(keyring("two"))
    after = found.route("model", keyring("three")), found.reachable(keyring("three"))

    assert (before[0].targets[0].provider, before[1]) == (TWO, {"two"})
    assert (after[0].targets[-1].provider, after[1]) == (THREE, {"three"})


def test_a_name_that_leads_nowhere_is_not_kept() -> None:
    """Names that mean nothing here are refused each time."""
    found = Directory(CATALOG)
    for _ in range(2):
        with pytest.raises(NoRoute):
            found.route("nowhere", keyring("one"))


def test_names_are_kept_within_bounds() -> None:
    """However many names clients make up, only so many are held."""
    held, found = keyring("one"), Directory(CATALOG)
    first = found.route("one/0", held)
    for i in range(directory.MOST):
        found.route(f"one/{i + 1}", held)

    assert found.route("one/0", held) is not first
