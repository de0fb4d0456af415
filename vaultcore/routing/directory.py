"""Where model names have led: looked up once, and kept for as long as the keyring stays the same."""

from __future__ import annotations

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import route
from vaultcore.catalog.schema import Route
from vaultcore.routing.plan import reachable
from vaultcore.vault.keyring import Keyring

MOST = 1_024  # names kept: clients choose them


class Directory:
    """Routes by model name, for one keyring at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._keyring: Keyring | None = None
        self._reachable: frozenset[str] = frozenset()
        self._routes: dict[str, Route] = {}

    def reachable(self, keyring: Keyring) -> frozenset[str]:
        """Names of the providers that can be called."""
        if keyring is not self._keyring:
            self._reachable = reachable(self._catalog.providers.values(), keyring)
            self._routes.clear()
            self._keyring = keyring
        return self._reachable

    def route(self, name: str, keyring: Keyring) -> Route:
        """The route of a model name, or NoRoute."""
        within = self.reachable(keyring)
        found = self._routes.get(name)
        if found is None:
            found = route(name, self._catalog, within)
            if len(self._routes) >= MOST:
                self._routes.clear()
            self._routes[name] = found
        return found
