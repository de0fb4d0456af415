"""The errors for model names: similar names for an unknown one, and where a key's models are listed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import find_listing, resolve_name
from vaultcore.clock import Clock
from vaultcore.errors import Forbidden, NoRoute
from vaultcore.limits.allowlist import allowed_targets
from vaultcore.routing.plan import reachable
from vaultcore.secrets import SecretSource

LISTED = "GET /v1/models lists the models that this key may use."
MAX_LENGTH = 80  # characters of a name that similar names are searched for
MAX_NAMES = 3  # names that an error suggests
CUTOFF = 0.75  # similarity, from 0 to 1
SEARCH_INTERVAL = 0.2  # seconds between two searches: one takes some milliseconds of CPU time
CAPACITY = 256  # results that are kept


def model_not_allowed(name: str, *, param: str = "model") -> Forbidden:
    """Return the error for a model that the key may not use."""
    shown_name = repr(name if len(name) <= MAX_LENGTH else f"{name[: MAX_LENGTH - 3]}...")
    return Forbidden(f"this key may not use the model {shown_name}. {LISTED}", param=param)


class ModelNames:
    """Suggests model names. One per process."""

    def __init__(self, catalog: Callable[[], Catalog], secrets: SecretSource, clock: Clock) -> None:
        self._catalog, self._secrets, self._clock = catalog, secrets, clock
        self._results: dict[tuple[str, tuple[str, ...] | None], tuple[str, ...]] = {}
        self._searched: tuple[Catalog, float] | None = None  # the catalog of the results; the last search

    async def explain(self, error: NoRoute, name: str, models: Sequence[str] | None) -> NoRoute:
        """Return the error with similar names that the allow-list `models` permits (None permits all)."""
        providers = reachable(self._catalog().providers.values(), (await self._secrets.current()).keyring)
        names = [repr(each) for each in self._similar(name, models, providers)]
        *others, last = names or [""]
        question = f" Did you mean {', '.join(others) + ' or ' if others else ''}{last}?" if names else ""
        return NoRoute(f"{error}.{question} {LISTED}", param=error.param)

    def _similar(self, name: str, models: Sequence[str] | None, providers: frozenset[str]) -> tuple[str, ...]:
        catalog, now = self._catalog(), self._clock.now()
        key = (name, None if models is None else tuple(models))
        if self._searched is not None:
            searched_catalog, at = self._searched
            if searched_catalog is not catalog or len(self._results) >= CAPACITY:
                self._results.clear()
            elif key in self._results:
                return self._results[key]
            if at <= now < at + SEARCH_INTERVAL:
                return ()
        if not name or len(name) > MAX_LENGTH:
            return ()
        self._searched = catalog, now
        self._results[key] = tuple(_search(name, models, catalog, providers))
        return self._results[key]


def _search(
    name: str, models: Sequence[str] | None, catalog: Catalog, providers: frozenset[str]
) -> list[str]:
    candidates = {each.lower(): each for each in _candidates(models, catalog, providers)}
    matches = get_close_matches(name.lower(), candidates, MAX_NAMES * 2, CUTOFF)
    usable = (candidates[each] for each in matches)
    return [each for each in usable if _is_usable(each, models, catalog, providers)][:MAX_NAMES]


def _candidates(models: Sequence[str] | None, catalog: Catalog, providers: frozenset[str]) -> Collection[str]:
    """Return the names that a key may use, and some that it may not."""
    if models is not None and not any(each.endswith("/*") for each in models):
        return models
    rows = [row for row in catalog.providers.values() if row.name in providers and not row.missing_params]
    return {*(name for row in rows for name in catalog.ids(row)), *catalog.routes, *catalog.aliases}


def _is_usable(name: str, models: Sequence[str] | None, catalog: Catalog, providers: frozenset[str]) -> bool:
    """Return True if a provider with a key serves the name, and the allow-list permits it."""
    route = resolve_name(name, catalog, providers)
    if route is None or find_listing(name, catalog, providers) is None:
        return False
    targets = [target for target in route.targets if target.provider.name in providers]
    return bool(allowed_targets(models, name, targets, routed=route.name in catalog.routes))
