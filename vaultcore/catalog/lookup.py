"""Resolves a model name to a route. The first match applies:

1. a route of the operator
2. `provider/model`, if the provider is known to serve the model, or a catalog id (`openai/gpt-oss-120b`)
3. an alias of the operator
4. any of these followed by a type suffix (`gpt-4o-text`)
5. any model name at a known provider (`openai/new-model`)
6. the provider with the longest matching prefix

Model names are compared exactly, provider names without case. A name never resolves to a different model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Model, ModelType, Provider, Route, Target
from vaultcore.errors import NoRoute
from vaultcore.lazy_dataclass import dataclass

MAX_NAME = 256  # characters of a model name
SUFFIXES = ("-text", "-image", "-hybrid")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model name that clients can use now."""

    id: str
    owner: str  # the provider of the first target
    providers: tuple[str, ...]
    model: Model

    @property
    def type(self) -> ModelType:
        return self.model.type


def find_route(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route:
    """Return the route of a model name, without the targets whose base URL lacks a parameter.

    `reachable` contains the providers that have a key. Where several providers serve the model, only these
    are used. Raises NoRoute.
    """
    route = resolve_name(name, catalog, reachable)
    if route is None:
        raise NoRoute(f"no provider of this gateway serves the model {_quote(name)}", param="model")
    usable = tuple(target for target in route.targets if not target.provider.missing_params)
    if not usable:
        reason = _describe_missing(route.targets[0].provider)
        raise NoRoute(f"the model {_quote(name)} is not available: {reason}", param="model")
    return route if usable == route.targets else replace(route, targets=usable)


def resolve_name(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    """Return the route of a name, or None if no rule above matches."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        return None
    route = _find_listed(name, catalog, reachable) or _find_suffixed(name, catalog, reachable)
    if route is not None:
        return route
    target = _find_pinned(name, catalog) or _find_prefixed(name, catalog)
    return None if target is None else Route(name, (target,))


def list_models(catalog: Catalog, reachable: frozenset[str]) -> list[ListedModel]:
    """Return the models, routes and aliases that the `reachable` providers serve, by name."""
    rows = (catalog.providers[name] for name in sorted(reachable) if name in catalog.providers)
    ids = {model for row in rows if not row.missing_params for model in catalog.ids(row)}
    listings = (
        find_listing(name, catalog, reachable) for name in sorted({*ids, *catalog.routes, *catalog.aliases})
    )
    return [listing for listing in listings if listing is not None]


def find_listing(name: str, catalog: Catalog, reachable: frozenset[str]) -> ListedModel | None:
    """Return one model of `list_models`, or None if no reachable provider serves it."""
    route = resolve_name(name, catalog, reachable)
    targets = [
        target
        for target in (route.targets if route else ())
        if target.provider.name in reachable and not target.provider.missing_params
    ]
    if not targets:
        return None
    names = tuple(dict.fromkeys(target.provider.name for target in targets))
    return ListedModel(name, names[0], names, targets[0].model)


def _find_listed(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    """Apply rules 1 to 3: a route, a known model, an alias."""
    route = _find_named(name, catalog, reachable)
    if route is None and (aliased := catalog.aliases.get(name)) is not None:
        route = _find_named(aliased, catalog, reachable)
        target = None if route else _find_pinned(aliased, catalog) or _find_prefixed(aliased, catalog)
        route = Route(name, (target,)) if target else route
    return route


def _find_named(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    """Apply rules 1 and 2: a route, a model of a named provider, a catalog id."""
    if name in catalog.routes:
        return catalog.routes[name]
    pinned, listing = _find_pinned(name, catalog), _providers_listing(name, catalog)
    is_listed = pinned is not None and catalog.lists(pinned.provider, pinned.model.name)
    if pinned is not None and pinned.provider.name in reachable and (is_listed or listing):
        # The named provider comes first. If it is not known to serve the model, providers that list the
        # whole name as a model id follow.
        others = () if is_listed else (row for row in listing if row.name in reachable)
        return Route(name, (pinned, *(catalog.target(row, name) for row in others)))
    pinned = pinned if is_listed else None
    # Aggregators list models under names of the form vendor/model. One of them serves the name if the
    # named provider has no key.
    if listing and (pinned is None or any(row.name in reachable for row in listing)):
        chosen = [row for row in listing if row.name in reachable or row is listing[0]]
        return Route(name, tuple(catalog.target(row, name) for row in chosen))
    return Route(name, (pinned,)) if pinned is not None else None


def _providers_listing(name: str, catalog: Catalog) -> list[Provider]:
    """Return the providers that list exactly this name: the vendor first, then in order of preference."""
    return sorted(catalog.providers_listing(name), key=lambda row: not _longest_prefix(row.prefixes, name))


def _find_suffixed(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return _find_listed(name.removesuffix(suffix), catalog, reachable)
    return None


def _find_pinned(name: str, catalog: Catalog) -> Target | None:
    """Return the target of `provider/model`, even if the provider is not known to serve the model."""
    head, slash, model = name.partition("/")
    provider = catalog.provider(head) if slash and model else None
    return None if provider is None else catalog.target(provider, model)


def _find_prefixed(name: str, catalog: Catalog) -> Target | None:
    """Return the provider with the longest matching prefix; the preferred one if several match equally."""
    best = max(
        catalog.providers.values(),
        key=lambda row: (_longest_prefix(row.prefixes, name), -row.fallback_order),
        default=None,
    )
    return catalog.target(best, name) if best is not None and _longest_prefix(best.prefixes, name) else None


def _longest_prefix(prefixes: Iterable[str], name: str) -> int:
    return max((len(prefix) for prefix in prefixes if _has_prefix(name, prefix)), default=0)


def _has_prefix(name: str, prefix: str) -> bool:
    """Return True if the name begins with the prefix, which ends with a word or number: o1-mini, not o10."""
    if not name.startswith(prefix):
        return False
    last, following = prefix[-1:], name[len(prefix) : len(prefix) + 1]
    return not (last.isalpha() and following.isalpha()) and not (last.isdigit() and following.isdigit())


def _describe_missing(provider: Provider) -> str:
    settings = " and ".join(
        " or ".join((f"params.{name}", *provider.placeholders.get(name, ())))
        for name in provider.missing_params
    )
    return f"provider {provider.name} needs {settings}"


def _quote(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:97]}...")
