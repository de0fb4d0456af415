"""An operator's file over the built-in catalog: providers, routes, aliases and prices.

The format is in docs/providers.md. It has two spellings, which may be mixed: ours (snake_case, providers as a
mapping) and VaultEdge's (camelCase, providers as a list).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast, get_args

from vaultcore.catalog import lookup, pricing, stanza
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.document import Part
from vaultcore.catalog.schema import Provider, Route, Strategy, Target
from vaultcore.wire import Json

SECTIONS = ("providers", "models", "aliases", "prices")
MAX_TARGETS = 32


@dataclass(frozen=True, slots=True)
class Overlay:
    """An operator's document, and the built-in rows it lies over."""

    root: Part
    known: Mapping[str, Json]

    def rows(self) -> dict[str, Json]:
        """The built-in rows with the operator's laid over them."""
        merged = dict(self.known)
        own_names = {alias: name for name, row in self.known.items() for alias in row.get("aliases", ())}
        seen: set[str] = set()
        for given, part in self._stanzas():
            name = stanza.parse_name(part, given)
            name = name if name in merged else own_names.get(name, name)
            if name in seen:
                raise part.refuse(f"describes {name} a second time")
            seen.add(name)
            row = stanza.parse(part, merged.get(name, {}))
            merged[name] = row if name in self.known else {"title": given, **row}
        _check_aliases(self.root, merged)
        return merged

    def over(self, catalog: Catalog) -> Catalog:
        """The catalog, of which the providers are these, with the operator's prices, routes and aliases."""
        priced = self._priced(catalog)
        routed = replace(priced, routes=self._routes(priced))
        return replace(routed, aliases=self._aliases(routed))

    def _stanzas(self) -> list[tuple[str, Part]]:
        section = self._section("providers")
        if section is None:
            return []
        if not isinstance(section.value, list):
            for row in section.mapping().values():
                if "name" in row.mapping():
                    raise row.refuse("has a name already, before the colon")
            return list(section.mapping().items())
        named = [(row.mapping().get("name"), row) for row in section.value]
        for name, row in named:
            if name is None:
                raise row.refuse("has no name")
        return [(name.text(), row) for name, row in named if name is not None]

    def _section(self, name: str) -> Part | None:
        part = self.root.mapping(SECTIONS).get(name)
        return None if part is None or part.value is None else part

    def _priced(self, catalog: Catalog) -> Catalog:
        section = self._section("prices")
        if section is None:
            return catalog
        prices: dict[tuple[str, str], Json] = {}
        for name, part in section.mapping().items():
            key = _model_key(part, name, catalog)
            if key in prices:
                raise part.refuse("has a price already, under another name of its provider")
            prices[key] = pricing.parse(part)
        told = json.dumps(sorted([*key, row] for key, row in prices.items()), sort_keys=True)
        return replace(
            catalog,
            models=replace(catalog.models, prices=prices),
            price_version=f"{catalog.price_version}+{hashlib.sha256(told.encode()).hexdigest()[:12]}",
        )

    def _routes(self, catalog: Catalog) -> dict[str, Route]:
        section = self._section("models")
        entries = {} if section is None else section.mapping()
        return {name: _route(_client_name(part, name), part, catalog) for name, part in entries.items()}

    def _aliases(self, catalog: Catalog) -> dict[str, str]:
        section = self._section("aliases")
        aliases = {} if section is None else {name: part.text() for name, part in section.mapping().items()}
        for name, part in section.mapping().items() if section is not None else ():
            _client_name(part, name)
            if name in catalog.routes:
                raise part.refuse("is the name of a route already")
            if lookup.resolve(aliases[name], catalog, frozenset()) is None:
                raise part.refuse(f"means {aliases[name]!r}, which is no model here")
        return aliases


def _check_aliases(root: Part, rows: Mapping[str, Json]) -> None:
    """A name means one provider."""
    owners: dict[str, str] = {}
    for name, row in rows.items():
        for alias in row.get("aliases", ()):
            if alias in rows or alias in owners:
                raise root.refuse(f"provider {name} has the alias {alias}, which means another provider")
            owners[alias] = name


def _client_name(part: Part, name: str) -> str:
    if not name or len(name) > lookup.MAX_NAME or not name.isprintable():
        raise part.refuse(f"a model name has 1 to {lookup.MAX_NAME} printable characters")
    return name


def _route(name: str, part: Part, catalog: Catalog) -> Route:
    if not isinstance(part.value, dict):  # one target, or a list of them
        return Route(name, _targets(part, catalog))
    given = part.mapping(("primary", "fallbacks", "targets", "strategy"))
    strategy: Strategy = "priority"
    if "strategy" in given:
        chosen = given["strategy"].choice((*get_args(Strategy), "default"))
        strategy = "priority" if chosen == "default" else cast(Strategy, chosen)
    match given:
        case {"targets": _, "primary": other} | {"targets": _, "fallbacks": other}:
            raise other.refuse("stands beside targets: write one or the other")
        case {"targets": targets}:
            return Route(name, _targets(targets, catalog), strategy)
        case {"primary": primary}:
            fallbacks = _targets(given["fallbacks"], catalog) if "fallbacks" in given else ()
            return Route(name, _once(part, (_target(primary, catalog), *fallbacks)), strategy)
        case _:
            raise part.refuse("has neither targets nor a primary")


def _targets(part: Part, catalog: Catalog) -> tuple[Target, ...]:
    parts = part.value if isinstance(part.value, list) else [part]
    if not parts or len(parts) > MAX_TARGETS:
        raise part.refuse(f"must have 1 to {MAX_TARGETS} targets")
    return _once(part, tuple(_target(item, catalog) for item in parts))


def _once(part: Part, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    names = [target.name for target in targets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise part.refuse(f"names {twice[0]} more than once")
    return targets


def _target(part: Part, catalog: Catalog) -> Target:
    if not isinstance(part.value, dict):
        return _place(part, part.text(), catalog)
    given = part.mapping(("target", "provider", "model", "weight"))
    weight = given["weight"].whole(least=0, most=1_000_000) if "weight" in given else 1
    match given:
        case {"target": _, "provider": other} | {"target": _, "model": other}:
            raise other.refuse("stands beside target: write one or the other")
        case {"target": target}:
            return replace(_place(target, target.text(), catalog), weight=weight)
        case {"provider": provider, "model": model}:
            row = _provider(provider, provider.text(), catalog)
            return catalog.target(row, model.text(), weight=weight)
        case _:
            raise part.refuse("must have a target, like openai/gpt-4o")


def _place(part: Part, name: str, catalog: Catalog) -> Target:
    """`provider/model`; a bare name stands for the model of that name at its own vendor."""
    head, slash, model = name.partition("/")
    if slash:
        row = _provider(part, head, catalog)
        if not model:
            raise part.refuse("names no model behind the slash")
        return catalog.target(row, _client_name(part, model))
    bare = lookup.resolve(name, replace(catalog, routes={}, aliases={}), frozenset())
    if bare is None:
        raise part.refuse(f"{name!r} is no model here: write it as provider/model")
    return bare.targets[0]


def _provider(part: Part, name: str, catalog: Catalog) -> Provider:
    row = catalog.provider(name)
    if row is None:
        known = sorted({alias for provider in catalog.providers.values() for alias in provider.names})
        raise part.refuse(f"names the provider {name!r}, which is not known here{part.hint(name, known)}")
    return row


def _model_key(part: Part, name: str, catalog: Catalog) -> tuple[str, str]:
    head, _, model = name.partition("/")
    row = _provider(part, head, catalog)
    if not model:
        raise part.refuse("must be a model written as provider/model")
    return row.name, model
