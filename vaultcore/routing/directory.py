"""Where model names have led: looked up once, and kept while catalog and keyring stay the same."""

from __future__ import annotations

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import route
from vaultcore.catalog.schema import Route
from vaultcore.routing.plan import reachable
from vaultcore.vault.keyring import Keyring

MOST = 1_024  # names kept: clients choose them


class Directory:
    """Routes by model name, for one catalog and one keyring at a time."""

    def __init__(self) -> None:
        self._catalog = Catalog({})
        self._keyring: Keyring | None = None
        self._routes: dict[str, Route] = {}
        self.reachable: frozenset[str] = frozenset()  # names of the providers that can be called

    def use(self, catalog: Catalog, keyring: Keyring) -> None:
        """What is asked from now on. Others than before are another directory."""
        if keyring is not self._keyring or catalog is not self._catalog:
            self.reachable = reachable(catalog.providers.values(), keyring)
            self._routes.clear()
            self._catalog, self._keyring = catalog, keyring

    def route(self, name: str) -> Route:
        """The route of a model name, or NoRoute."""
        found = self._routes.get(name)
        if found is None:
            found = route(name, self._catalog, self.reachable)
            if len(self._routes) >= MOST:
                self._routes.clear()
            self._routes[name] = found
        return found
