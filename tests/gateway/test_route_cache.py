"""Cached routes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider, Route
from vaultcore.errors import NoRoute
from vaultcore.gateway import route_cache
from vaultcore.gateway.route_cache import RouteCache
from vaultcore.vault.keyring import Credential, Keyring

ONE = Provider("one", "https://one.example/v1")
TWO = Provider("two", "https://two.example/v1", static_models=("model",))
THREE = Provider("three", "https://three.example/v1", static_models=("model",))
CATALOG = Catalog({row.name: row for row in (ONE, TWO, THREE)})


def keyring(*names: str) -> Keyring:
    return Keyring(Credential(name, f"sk-{name}") for name in names)


def routes_for(*names: str, catalog: Catalog = CATALOG) -> RouteCache:
    """Return a route cache for keys of these providers."""
    routes = RouteCache()
    routes.use(catalog, keyring(*names))
    return routes


def test_a_route_is_cached() -> None:
    """The same catalog, keyring and model name give the identical route."""
    keys, routes = keyring("one"), RouteCache()
    routes.use(CATALOG, keys)
    first = routes.find_route("one/any")
    routes.use(CATALOG, keys)

    assert routes.find_route("one/any") is first


def test_a_new_keyring_empties_the_cache() -> None:
    """After a key rotation, routes use the providers that have keys now."""
    routes = routes_for("two")

    before = routes.find_route("model").route, routes.reachable
    routes.use(CATALOG, keyring("three"))
    after = routes.find_route("model").route, routes.reachable

    assert (before[0].targets[0].provider, before[1]) == (TWO, {"two"})
    assert (after[0].targets[-1].provider, after[1]) == (THREE, {"three"})


def test_a_new_catalog_empties_the_cache() -> None:
    """After the routes were changed, lookups use the new ones."""
    keys, routes = keyring("one", "two"), RouteCache()
    routes.use(CATALOG, keys)
    before = routes.find_route("one/any").route.targets[0].provider
    routes.use(replace(CATALOG, routes={"one/any": Route("one/any", (CATALOG.target(TWO, "model"),))}), keys)

    assert (before, routes.find_route("one/any").route.targets[0].provider) == (ONE, TWO)


def test_each_strategy_has_its_own_order() -> None:
    """A strategy of one request does not change the order of others with the same model name."""
    targets = tuple(CATALOG.target(row, "model") for row in (TWO, THREE))
    catalog = replace(CATALOG, routes={"both": Route("both", targets)})
    routes = routes_for("three", catalog=catalog)
    own, drawn = routes.find_route("both"), routes.find_route("both", "weighted")

    assert (own.strategy, own.is_drawn, own.ordered) == ("priority", False, targets)
    assert (drawn.strategy, drawn.is_drawn) == ("weighted", True)
    assert own.reachable == [targets[1]]


def test_an_unknown_name_is_not_cached() -> None:
    """An unknown model name raises NoRoute each time."""
    routes = routes_for("one")
    for _ in range(2):
        with pytest.raises(NoRoute):
            routes.find_route("nowhere")


def test_the_cache_is_bounded() -> None:
    """The cache drops routes above its capacity, since clients choose the names."""
    routes = routes_for("one")
    first = routes.find_route("one/0")
    for i in range(route_cache.CAPACITY):
        routes.find_route(f"one/{i + 1}")

    assert routes.find_route("one/0") is not first
