"""The table of models, models.json. A row becomes a `Model` when it is looked up.

tools/build_models.py compiles models.json. It contains:

    models        rows by provider and model id
    names         by provider: other names of a model -> the id of its row
    borrows       provider -> providers whose rows it uses, too
    forms         provider -> patterns to remove from its model names before a look-up
    capabilities  distinct sets of capabilities; rows contain the index of theirs
    tools         by provider: prices of its own tools; a row has those that differ for its model

A price is a list of nano-dollars per million units in the order of `Price`; its last item may be an object
with the less common units. A tier is such a list, with the number of tokens where it begins in front.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from vaultcore.catalog.schema import Capabilities, HourlyPrice, Model, Price, PriceTier, ServiceTier
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

_SNAPSHOT = re.compile(r"(?:[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest))$")  # claude-sonnet-4-5-20250929


@dataclass(frozen=True, slots=True)
class Models:
    """Rows of models by provider. A row stays plain JSON until a look-up, so that cold starts are fast."""

    rows: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    borrows: Mapping[str, Iterable[str]] = field(default_factory=dict)
    forms: Mapping[str, Iterable[str]] = field(default_factory=dict)
    capabilities: tuple[Json, ...] = field(default=(), repr=False)
    tools: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    prices: Mapping[tuple[str, str], Json] = field(
        default_factory=dict
    )  # of the operator: (provider, model) -> row

    @classmethod
    def from_json(cls, compiled: Json) -> Models:
        return cls(
            compiled["models"],
            compiled["names"],
            compiled["borrows"],
            compiled["forms"],
            tuple(compiled["capabilities"]),
            compiled["tools"],
        )

    def ids(self, provider: str) -> Iterable[str]:
        """Return the model ids that the provider lists."""
        return self.rows.get(provider, {}).keys()

    def lists(self, provider: str, name: str) -> bool:
        """Return True if the provider is known to serve a model under exactly this name."""
        return name in self.rows.get(provider, ()) or name in self.names.get(provider, ())

    def model(self, provider: str, name: str) -> Model:
        """Return the model as the provider serves it; an unknown model has only its name."""
        source, row = self._row(provider, name)
        model = Model(name) if row is None else self._model(name, row)
        if tools := self._tools(provider, source, row or {}):
            model = replace(model, tool_prices=tools)
        own = self.prices.get((provider, name))
        if own is None:
            return model
        model = _priced(replace(model, regions={}), own)
        return replace(model, tool_prices={**model.tool_prices, **own.get("tools", {})})

    def _tools(self, provider: str, source: str, row: Json) -> Mapping[str, int]:
        """Return the prices of the tools of a row that is the provider's own or borrowed from `source`."""
        own, special = self.tools.get(provider, {}), row.get("tools", {})
        if source == provider:
            return {**own, **special} if special else own
        return {**self.tools.get(source, {}), **special, **own}

    def _row(self, provider: str, name: str) -> tuple[str, Json | None]:
        """Return the row of a name, and its provider: the given one, else one whose rows it borrows.

        Dated snapshots share a row.
        """
        spellings = [name, _SNAPSHOT.sub("", name)]
        for form in self.forms.get(provider, ()):
            name = re.sub(form, "", name)
            spellings.append(name)
        sources = (provider, *self.borrows.get(provider, ()))
        for source in sources:
            rows, names = self.rows.get(source, {}), self.names.get(source, {})
            for spelling in spellings:
                row = rows.get(names.get(spelling, spelling))
                if row is not None:
                    return source, row
        return sources[-1], None

    def _model(self, name: str, row: Json) -> Model:
        can = row.get("can")
        model = Model(
            name=name,
            type=row.get("type", "text"),
            context_window=row.get("context"),
            max_output_tokens=row.get("output"),
            dialect=row.get("dialect"),
            own_tools=tuple(row.get("own_tools", ())),
            regions=row.get("regions", {}),
            capabilities=Capabilities() if can is None else _capabilities(self.capabilities[can]),
        )
        return _priced(model, row) if "price" in row else model


def _priced(model: Model, row: Json) -> Model:
    """Return the model with exactly the prices of the row."""
    services = (
        ServiceTier(name, _price(each["price"]), _tiers(each))
        for name, each in row.get("services", {}).items()
    )
    hours = (
        HourlyPrice(begin, end, _price(each["price"]), _tiers(each))
        for begin, end, each in row.get("hours", ())
    )
    price, tiers = _price(row["price"]), _tiers(row)
    return replace(model, price=price, tiers=tiers, services=tuple(services), hours=tuple(hours))


def _tiers(row: Json) -> tuple[PriceTier, ...]:
    return tuple(PriceTier(above, _price(price)) for above, *price in row.get("tiers", ()))


def _price(amounts: Sequence[Any]) -> Price:
    *leading, last = amounts
    return Price(*leading, **last) if isinstance(last, dict) else Price(*amounts)


def _capabilities(facts: Json) -> Capabilities:
    values: Json = {key: tuple(fact) if isinstance(fact, list) else fact for key, fact in facts.items()}
    return Capabilities(**values)
