"""Prepares the route of each model name while catalog and keyring stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import find_route
from vaultcore.catalog.schema import Route, Strategy, Target
from vaultcore.routing.plan import is_drawn, order, reachable
from vaultcore.vault.keyring import Keyring

CAPACITY = 1_024  # names; clients choose them, so they are bounded


@dataclass(frozen=True, slots=True)
class PreparedRoute:
    """A route in the order of one strategy, and its targets that the vault has a key for."""

    route: Route
    strategy: Strategy
    is_drawn: bool  # every call draws another order
    ordered: Sequence[Target]
    reachable: Sequence[Target]


class RouteCache:
    """Routes by model name and strategy, for one catalog and one keyring at a time."""

    def __init__(self) -> None:
        self._catalog = Catalog({})
        self._keyring: Keyring | None = None
        self._routes: dict[tuple[str, Strategy | None], PreparedRoute] = {}
        self.reachable: frozenset[str] = frozenset()  # names of the providers that can be called

    def use(self, catalog: Catalog, keyring: Keyring) -> None:
        """Set the catalog and keyring of later lookups; a new one of either empties the cache."""
        if keyring is not self._keyring or catalog is not self._catalog:
            self.reachable = reachable(catalog.providers.values(), keyring)
            self._routes.clear()
            self._catalog, self._keyring = catalog, keyring

    def find_route(self, name: str, strategy: Strategy | None = None) -> PreparedRoute:
        """Return the route of a model name; a `strategy` replaces the route's own. Raises NoRoute."""
        prepared = self._routes.get((name, strategy))
        if prepared is None:
            route = find_route(name, self._catalog, self.reachable)
            ordered = order(route, strategy)
            prepared = PreparedRoute(
                route, strategy or route.strategy, is_drawn(route, strategy), ordered, self.select(ordered)
            )
            if len(self._routes) >= CAPACITY:
                self._routes.clear()
            self._routes[(name, strategy)] = prepared
        return prepared

    def select(self, targets: Sequence[Target]) -> Sequence[Target]:
        """Return those of the targets that can be called, in the same order."""
        return [target for target in targets if target.provider.name in self.reachable]
