"""Caches the route of each model name while catalog and keyring stay the same."""

from __future__ import annotations

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import find_route
from vaultcore.catalog.schema import Route
from vaultcore.routing.plan import reachable
from vaultcore.vault.keyring import Keyring

CAPACITY = 1_024  # names; clients choose them, so they are bounded


class RouteCache:
    """Routes by model name, for one catalog and one keyring at a time."""

    def __init__(self) -> None:
        self._catalog = Catalog({})
        self._keyring: Keyring | None = None
        self._routes: dict[str, Route] = {}
        self.reachable: frozenset[str] = frozenset()  # names of the providers that can be called

    def use(self, catalog: Catalog, keyring: Keyring) -> None:
        """Set the catalog and keyring of later lookups; a new one of either empties the cache."""
        if keyring is not self._keyring or catalog is not self._catalog:
            self.reachable = reachable(catalog.providers.values(), keyring)
            self._routes.clear()
            self._catalog, self._keyring = catalog, keyring

    def find_route(self, name: str) -> Route:
        """Return the route of a model name. Raises NoRoute."""
        cached = self._routes.get(name)
        if cached is None:
            cached = find_route(name, self._catalog, self.reachable)
            if len(self._routes) >= CAPACITY:
                self._routes.clear()
            self._routes[name] = cached
        return cached
