"""Routes that were looked up before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider, Route
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


def of(*names: str, catalog: Catalog = CATALOG) -> Directory:
    found = Directory()
    found.use(catalog, keyring(*names))
    return found


def test_a_name_is_looked_up_once() -> None:
    """The same catalog, keyring and name give the very same route."""
    held, found = keyring("one"), Directory()
    found.use(CATALOG, held)
    first = found.route("one/any")
    found.use(CATALOG, held)

    assert found.route("one/any") is first


def test_another_keyring_is_another_directory() -> None:
    """When keys are rotated, names lead where the new keys do."""
    found = of("two")

    before = found.route("model"), found.reachable
    found.use(CATALOG, keyring("three"))
    after = found.route("model"), found.reachable

    assert (before[0].targets[0].provider, before[1]) == (TWO, {"two"})
    assert (after[0].targets[-1].provider, after[1]) == (THREE, {"three"})


def test_another_catalog_is_another_directory() -> None:
    """When routes are set anew, names lead where they lead from then on."""
    held, found = keyring("one", "two"), Directory()
    found.use(CATALOG, held)
    before = found.route("one/any").targets[0].provider
    found.use(replace(CATALOG, routes={"one/any": Route("one/any", (CATALOG.target(TWO, "model"),))}), held)

    assert (before, found.route("one/any").targets[0].provider) == (ONE, TWO)


def test_a_name_that_leads_nowhere_is_not_kept() -> None:
    """Names that mean nothing here are refused each time."""
    found = of("one")
    for _ in range(2):
        with pytest.raises(NoRoute):
            found.route("nowhere")


def test_names_are_kept_within_bounds() -> None:
    """However many names clients make up, only so many are held."""
    found = of("one")
    first = found.route("one/0")
    for i in range(directory.MOST):
        found.route(f"one/{i + 1}")

    assert found.route("one/0") is not first
