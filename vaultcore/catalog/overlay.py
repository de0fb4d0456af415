"""Applies an operator's overlay file to the built-in catalog: providers, routes, aliases and prices.

docs/providers.md describes the format. Keys are in snake_case and providers in a mapping. The format of the
original VaultEdge (TypeScript), with keys in camelCase and providers in a list, works as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from vaultcore.casts import cast
from vaultcore.catalog import lookup, pricing
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.document import ConfigNode
from vaultcore.catalog.formats import parse_provider_name
from vaultcore.catalog.schema import CacheMarks, Provider, Route, Strategy, Target
from vaultcore.catalog.stanza import parse_stanza
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

SECTIONS = ("providers", "models", "aliases", "prices")
MAX_TARGETS = 32  # per route


@dataclass(frozen=True, slots=True)
class Overlay:
    """A parsed overlay file, and the built-in rows that it changes."""

    root: ConfigNode
    builtin: Mapping[str, Json]

    def rows(self) -> dict[str, Json]:
        """Return the built-in rows, changed and extended by the file's stanzas."""
        merged = dict(self.builtin)
        aliases = {alias: name for name, row in self.builtin.items() for alias in row.get("aliases", ())}
        changed: set[str] = set()
        for title, node in self._stanzas():
            name = parse_provider_name(node, title)
            name = name if name in merged else aliases.get(name, name)
            if name in changed:
                raise node.error(f"describes the provider {name} a second time; merge the two entries")
            changed.add(name)
            row = parse_stanza(node, merged.get(name, {}))
            merged[name] = row if name in self.builtin else {"title": title, **row}
        _check_aliases(self.root, merged)
        return merged

    def apply_to(self, catalog: Catalog) -> Catalog:
        """Return the catalog with the file's prices, routes and aliases. Its providers must be `rows()`."""
        priced = self._with_prices(catalog)
        routed = replace(priced, routes=self._routes(priced))
        return replace(routed, aliases=self._aliases(routed))

    def _stanzas(self) -> list[tuple[str, ConfigNode]]:
        """Return the names and stanzas of the section `providers`, a mapping or a list."""
        section = self._section("providers")
        if section is None:
            return []
        if not isinstance(section.value, list):
            for row in section.mapping().values():
                if "name" in row.mapping():
                    raise row.error("has a name already, before the colon; remove this key")
            return list(section.mapping().items())
        stanzas = [(row.mapping().get("name"), row) for row in section.value]
        for name, row in stanzas:
            if name is None:
                raise row.error("has no name")
        return [(name.text(), row) for name, row in stanzas if name is not None]

    def _section(self, name: str) -> ConfigNode | None:
        node = self.root.mapping(SECTIONS).get(name)
        return None if node is None or node.value is None else node

    def _with_prices(self, catalog: Catalog) -> Catalog:
        section = self._section("prices")
        if section is None:
            return catalog
        prices: dict[tuple[str, str], Json] = {}
        for name, node in section.mapping().items():
            key = _model_key(node, name, catalog)
            if key in prices:
                raise node.error("has a price already, under another name of its provider; remove one")
            prices[key] = pricing.parse(node)
        canonical = json.dumps(sorted([*key, row] for key, row in prices.items()), sort_keys=True)
        return replace(
            catalog,
            models=replace(catalog.models, prices=prices),
            price_version=f"{catalog.price_version}+{hashlib.sha256(canonical.encode()).hexdigest()[:12]}",
        )

    def _routes(self, catalog: Catalog) -> dict[str, Route]:
        section = self._section("models")
        entries = {} if section is None else section.mapping()
        return {name: _route(_client_name(node, name), node, catalog) for name, node in entries.items()}

    def _aliases(self, catalog: Catalog) -> dict[str, str]:
        section = self._section("aliases")
        aliases = {} if section is None else {name: node.text() for name, node in section.mapping().items()}
        for name, node in section.mapping().items() if section is not None else ():
            _client_name(node, name)
            if name in catalog.routes:
                raise node.error("is already the name of a route; rename the alias")
            if lookup.resolve_name(aliases[name], catalog, frozenset()) is None:
                raise node.error(f"refers to {aliases[name]!r}, which is not a model or route")
        return aliases


def _check_aliases(root: ConfigNode, rows: Mapping[str, Json]) -> None:
    """Raise ConfigError if an alias is also the name or alias of another provider."""
    owners: dict[str, str] = {}
    for name, row in rows.items():
        for alias in row.get("aliases", ()):
            if alias in rows or alias in owners:
                raise root.error(f"the alias {alias} of provider {name} belongs to another provider")
            owners[alias] = name


def _client_name(node: ConfigNode, name: str) -> str:
    if not name or len(name) > lookup.MAX_NAME or not name.isprintable():
        raise node.error(f"is not a model name: it must have 1 to {lookup.MAX_NAME} printable characters")
    return name


def _route(name: str, node: ConfigNode, catalog: Catalog) -> Route:
    if not isinstance(node.value, dict):  # one target, or a list of them
        return Route(name, _targets(node, catalog))
    entries = node.mapping(("primary", "fallbacks", "targets", "strategy", "cache"))
    strategy: Strategy = "priority"
    if "strategy" in entries:
        chosen = entries["strategy"].choice((*get_args(Strategy), "default"))
        strategy = "priority" if chosen == "default" else cast(Strategy, chosen)
    cache = cast(CacheMarks, entries["cache"].choice(get_args(CacheMarks))) if "cache" in entries else None
    return Route(
        name,
        tuple(replace(target, cache=cache) for target in _route_targets(node, entries, catalog)),
        strategy,
        cache,
    )


def _route_targets(
    node: ConfigNode, entries: Mapping[str, ConfigNode], catalog: Catalog
) -> tuple[Target, ...]:
    match entries:
        case {"targets": _, "primary": other} | {"targets": _, "fallbacks": other}:
            raise other.error("cannot be combined with targets; use one or the other")
        case {"targets": targets}:
            return _targets(targets, catalog)
        case {"primary": primary}:
            fallbacks = _targets(entries["fallbacks"], catalog) if "fallbacks" in entries else ()
            return _reject_repeats(node, (_target(primary, catalog), *fallbacks))
        case _:
            raise node.error("has neither targets nor primary; add one")


def _targets(node: ConfigNode, catalog: Catalog) -> tuple[Target, ...]:
    items = node.items_or_self()
    if not items or len(items) > MAX_TARGETS:
        raise node.error(f"must have 1 to {MAX_TARGETS} targets")
    return _reject_repeats(node, tuple(_target(item, catalog) for item in items))


def _reject_repeats(node: ConfigNode, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    names = [target.name for target in targets]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise node.error(f"lists {repeated[0]} more than once")
    return targets


def _target(node: ConfigNode, catalog: Catalog) -> Target:
    if not isinstance(node.value, dict):
        return _find_target(node, node.text(), catalog)
    entries = node.mapping(("target", "provider", "model", "weight"))
    weight = entries["weight"].whole(least=0, most=1_000_000) if "weight" in entries else 1
    match entries:
        case {"target": _, "provider": other} | {"target": _, "model": other}:
            raise other.error("cannot be combined with target; use one or the other")
        case {"target": target}:
            return replace(_find_target(target, target.text(), catalog), weight=weight)
        case {"provider": provider, "model": model}:
            row = _provider(provider, provider.text(), catalog)
            return catalog.target(row, model.text(), weight=weight)
        case _:
            raise node.error("must have a target such as openai/gpt-4o")


def _find_target(node: ConfigNode, name: str, catalog: Catalog) -> Target:
    """Return the target of `provider/model`, or of a catalog id at the provider that lists it first."""
    head, slash, model = name.partition("/")
    if slash:
        row = _provider(node, head, catalog)
        if not model:
            raise node.error("names no model after the slash")
        return catalog.target(row, _client_name(node, model))
    bare = lookup.resolve_name(name, replace(catalog, routes={}, aliases={}), frozenset())
    if bare is None:
        raise node.error(f"{name!r} is not a model in the catalog; write it as provider/model")
    return bare.targets[0]


def _provider(node: ConfigNode, name: str, catalog: Catalog) -> Provider:
    row = catalog.provider(name)
    if row is None:
        names = sorted({each for provider in catalog.providers.values() for each in provider.names})
        raise node.error(f"names an unknown provider, {name!r}{node.hint(name, names)}")
    return row


def _model_key(node: ConfigNode, name: str, catalog: Catalog) -> tuple[str, str]:
    head, _, model = name.partition("/")
    row = _provider(node, head, catalog)
    if not model:
        raise node.error("must be written as provider/model")
    return row.name, model
