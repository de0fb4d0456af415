"""The table of models: kept as it was compiled, a row made into a `Model` when it is asked for.

models.json, compiled by tools/build_models.py, holds `models` (rows by provider and id), `names` (other names
a provider knows the same row by), `borrows` (providers that serve another's models under their names),
`forms` (patterns of what a provider's names have around the row's) and `capabilities` (distinct sets, which
rows point into). A price is a list of nano-dollars per million in the order of `Price`, at its end perhaps an
object of those that few models have; a tier is such a list behind the number of tokens where it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vaultcore.catalog.schema import Capabilities, Hours, Model, Price, Service, Tier
from vaultcore.wire import Json

_SNAPSHOT = re.compile(r"(?:[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest))$")  # claude-sonnet-4-5-20250929


@dataclass(frozen=True, slots=True)
class Models:
    """What is known of each provider's models. Cheap to hold: rows stay plain until asked for."""

    rows: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    borrows: Mapping[str, Iterable[str]] = field(default_factory=dict)
    forms: Mapping[str, Iterable[str]] = field(default_factory=dict)
    capabilities: tuple[Json, ...] = field(default=(), repr=False)
    prices: Mapping[tuple[str, str], Json] = field(default_factory=dict)  # the operator's own, as in a row

    @classmethod
    def from_json(cls, compiled: Json) -> Models:
        return cls(
            compiled["models"],
            compiled["names"],
            compiled["borrows"],
            compiled["forms"],
            tuple(compiled["capabilities"]),
        )

    def ids(self, provider: str) -> Iterable[str]:
        """The ids listed of a provider."""
        return self.rows.get(provider, {}).keys()

    def lists(self, provider: str, name: str) -> bool:
        """Whether a provider is known to serve a model under exactly this name."""
        return name in self.rows.get(provider, ()) or name in self.names.get(provider, ())

    def model(self, provider: str, name: str) -> Model:
        """The model as that provider serves it; of an unknown one only its name is known."""
        row = self._row(provider, name)
        model = Model(name) if row is None else self._model(name, row)
        own = self.prices.get((provider, name))
        return model if own is None else _priced(model, own)

    def _row(self, provider: str, name: str) -> Json | None:
        """A row of the provider's own, then of whom it borrows from; a dated snapshot is as its model."""
        spellings = [name, _SNAPSHOT.sub("", name)]
        for form in self.forms.get(provider, ()):
            name = re.sub(form, "", name)
            spellings.append(name)
        for source in (provider, *self.borrows.get(provider, ())):
            rows, names = self.rows.get(source, {}), self.names.get(source, {})
            for spelling in spellings:
                row = rows.get(names.get(spelling, spelling))
                if row is not None:
                    return row
        return None

    def _model(self, name: str, row: Json) -> Model:
        can = row.get("can")
        model = Model(
            name=name,
            type=row.get("type", "text"),
            context_window=row.get("context"),
            max_output_tokens=row.get("output"),
            dialect=row.get("dialect"),
            capabilities=Capabilities() if can is None else _capabilities(self.capabilities[can]),
        )
        return _priced(model, row) if "price" in row else model


def _priced(model: Model, row: Json) -> Model:
    """The model at a row's prices and at no others."""
    services = (
        Service(name, _price(each["price"]), _tiers(each)) for name, each in row.get("services", {}).items()
    )
    hours = (
        Hours(begin, end, _price(each["price"]), _tiers(each)) for begin, end, each in row.get("hours", ())
    )
    price, tiers = _price(row["price"]), _tiers(row)
    return replace(model, price=price, tiers=tiers, services=tuple(services), hours=tuple(hours))


def _tiers(row: Json) -> tuple[Tier, ...]:
    return tuple(Tier(above, _price(price)) for above, *price in row.get("tiers", ()))


def _price(told: Sequence[Any]) -> Price:
    *amounts, last = told
    return Price(*amounts, **last) if isinstance(last, dict) else Price(*told)


def _capabilities(facts: Json) -> Capabilities:
    built: Json = {key: tuple(fact) if isinstance(fact, list) else fact for key, fact in facts.items()}
    return Capabilities(**built)
