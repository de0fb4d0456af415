"""What a model name means here: a route.

In this order: the operator's route; a provider's model (`openai/gpt-4o`) and the exact catalog id (`gpt-4o`,
`openai/gpt-oss-120b`); the operator's alias; each of these with a type suffix (`gpt-4o-text`); any name at
a known provider (`openai/new-model`); the provider with the longest matching prefix. Names are compared
exactly, providers without case. A name never leads to another model than the one it names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Model, ModelType, Provider, Route, Target
from vaultcore.errors import NoRoute

MAX_NAME = 256
SUFFIXES = ("-text", "-image", "-hybrid")


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that clients can ask for now."""

    id: str
    owner: str  # the provider it leads to first
    providers: tuple[str, ...]
    model: Model

    @property
    def type(self) -> ModelType:
        return self.model.type


def route(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route:
    """Where a model name leads, whether or not a key for it is in the vault; raises NoRoute alone.

    `reachable` names the providers that can be called: others are passed over where there is a choice.
    """
    found = resolve(name, catalog, reachable)
    if found is None:
        raise NoRoute(f"no provider here serves the model {_shown(name)}", param="model")
    usable = tuple(target for target in found.targets if not target.provider.missing)
    if not usable:
        raise NoRoute(
            f"the model {_shown(name)} cannot be reached: {_lacking(found.targets[0].provider)}",
            param="model",
        )
    return found if usable == found.targets else Route(found.name, usable, found.strategy)


def resolve(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    """The route of a name, or None where it means nothing here."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        return None
    found = _known(name, catalog, reachable) or _suffixed(name, catalog, reachable)
    if found is not None:
        return found
    target = _unlisted(name, catalog) or _prefixed(name, catalog)
    return None if target is None else Route(name, (target,))


def listed(catalog: Catalog, reachable: frozenset[str]) -> list[Listed]:
    """The models that clients can ask for, by their bare names, as far as providers can be reached."""
    rows = (catalog.providers[name] for name in sorted(reachable) if name in catalog.providers)
    ids = {model for row in rows if not row.missing for model in catalog.ids(row)}
    listings = (
        listing(name, catalog, reachable) for name in sorted({*ids, *catalog.routes, *catalog.aliases})
    )
    return [listing for listing in listings if listing is not None]


def listing(name: str, catalog: Catalog, reachable: frozenset[str]) -> Listed | None:
    """The same of one name, or None where it leads to no provider that can be reached."""
    found = resolve(name, catalog, reachable)
    targets = [
        target
        for target in (found.targets if found else ())
        if target.provider.name in reachable and not target.provider.missing
    ]
    if not targets:
        return None
    names = tuple(dict.fromkeys(target.provider.name for target in targets))
    return Listed(name, names[0], names, targets[0].model)


def _known(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    """What is written down somewhere: a route, an id, an alias."""
    found = _named(name, catalog, reachable)
    if found is None and (meant := catalog.aliases.get(name)) is not None:
        found = _named(meant, catalog, reachable)
        target = None if found else _unlisted(meant, catalog) or _prefixed(meant, catalog)
        found = Route(name, (target,)) if target else found
    return found


def _named(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    if name in catalog.routes:
        return catalog.routes[name]
    pinned, homes = _unlisted(name, catalog), _homes(name, catalog)
    listed = pinned is not None and catalog.lists(pinned.provider, pinned.model.name)
    if pinned is not None and pinned.provider.name in reachable and (listed or homes):
        # Who is named is asked first. What it is not known to serve, others may list by just this name.
        others = () if listed else (home for home in homes if home.name in reachable)
        return Route(name, (pinned, *(catalog.target(home, name) for home in others)))
    pinned = pinned if listed else None
    # Aggregators list models by names that look pinned, so such a name is served there if it cannot be here.
    if homes and (pinned is None or any(home.name in reachable for home in homes)):
        chosen = [home for home in homes if home.name in reachable or home is homes[0]]
        return Route(name, tuple(catalog.target(home, name) for home in chosen))
    return Route(name, (pinned,)) if pinned is not None else None


def _homes(name: str, catalog: Catalog) -> list[Provider]:
    """The providers that list exactly this name: first its vendor, then in order of preference."""
    return sorted(catalog.homes(name), key=lambda row: not _longest(row.prefixes, name))


def _suffixed(name: str, catalog: Catalog, reachable: frozenset[str]) -> Route | None:
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return _known(name.removesuffix(suffix), catalog, reachable)
    return None


def _unlisted(name: str, catalog: Catalog) -> Target | None:
    """`provider/model`, whether or not that provider is known to serve such a model."""
    head, slash, model = name.partition("/")
    provider = catalog.provider(head) if slash and model else None
    return None if provider is None else catalog.target(provider, model)


def _prefixed(name: str, catalog: Catalog) -> Target | None:
    """The provider whose prefix fits longest; among equals the preferred one."""
    best = max(
        catalog.providers.values(),
        key=lambda row: (_longest(row.prefixes, name), -row.fallback_order),
        default=None,
    )
    return catalog.target(best, name) if best is not None and _longest(best.prefixes, name) else None


def _longest(prefixes: Iterable[str], name: str) -> int:
    return max((len(prefix) for prefix in prefixes if _begins(name, prefix)), default=0)


def _begins(name: str, prefix: str) -> bool:
    """Whether a name begins with a prefix that ends where a word or a number does: o1-mini, not o10."""
    if not name.startswith(prefix):
        return False
    last, following = prefix[-1:], name[len(prefix) : len(prefix) + 1]
    return not (last.isalpha() and following.isalpha()) and not (last.isdigit() and following.isdigit())


def _lacking(provider: Provider) -> str:
    wanted = " and ".join(
        f"params.{name}" + (f" or {provider.placeholders[name]}" if name in provider.placeholders else "")
        for name in provider.missing
    )
    return f"provider {provider.name} needs {wanted}"


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:97]}...")
