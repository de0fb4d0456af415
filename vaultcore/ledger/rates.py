"""Whether a row's cost follows from the prices in its record, and these from its price version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Price
from vaultcore.usage.cost import price_at, recomputed
from vaultcore.usage.record import Record

NOTES = 20  # told at most


class Rates:
    """Is given a ledger's rows in turn; `notes` tells what is odd and not wrong."""

    def __init__(self, catalog: Catalog | None) -> None:
        self._catalog = catalog
        self._seen: dict[tuple[str, str | None, str | None, str], int] = {}
        self.notes: list[str] = []

    def fault(self, record: Record) -> str | None:
        """What is wrong with a row's cost; None where nothing is."""
        if record.cost is None:
            return "it has prices and no cost" if record.price else None
        made = recomputed(record.price)
        if made != record.cost:
            return f"its cost is {record.cost} nano-dollars, and its counts and prices make {made}"
        version, _, unknown = record.price_version.partition("~")
        if self._catalog is not None and version == self._catalog.price_version:
            return self._beside(record, self._catalog, unknown)
        self._compare(record)
        return None

    def _beside(self, record: Record, catalog: Catalog, unknown: str) -> str | None:
        """What the catalog that the row was priced by says."""
        if not record.price:
            return None
        prices = list(_prices(record, catalog, unknown))
        if any(all(_has(price, unit, rate) for unit, (_, rate) in record.price.items()) for price in prices):
            return None
        told = ", ".join(f"{unit} {rate}" for unit, (_, rate) in record.price.items())
        return f"its prices ({told}) are not those of {record.provider}/{record.served} in its price version"

    def _compare(self, record: Record) -> None:
        """Note where one version has two prices: of a tier, perhaps, which only its catalog can tell."""
        for unit, (_, rate) in record.price.items():
            known = self._seen.setdefault((record.price_version, record.provider, record.served, unit), rate)
            note = (
                f"{record.provider}/{record.served} has more than one price for {unit} in price version "
                f"{record.price_version}, whose catalog is not here to compare with"
            )
            if known != rate and note not in self.notes and len(self.notes) < NOTES:
                self.notes.append(note)


def _prices(record: Record, catalog: Catalog, unknown: str) -> Iterator[Price]:
    """Those that can be in force for a row: its prompt's tier at its hour, of every service tier.

    A model without any has the one that the operator set for such models, which its version tells.
    """
    model = catalog.model(record.provider or "", record.served or record.model)
    if model.price is None and (told := re.fullmatch(r"(\d{1,18})/(\d{1,18})", unknown, re.ASCII)):
        came_in, came_out = map(int, told.groups())
        yield Price(came_in, came_out, pictures={} if came_in or came_out else {"": 0})
    for service in (None, *(each.name for each in model.services)):
        if (price := price_at(model, record.prompt_tokens, service, record.at)) is not None:
            yield price


def _has(price: Price, unit: str, rate: int) -> bool:
    if unit == "picture":
        return rate in price.pictures.values()
    return getattr(price, unit, None) == rate


def sound(price: object) -> bool:
    """Whether it has the form of what a cost is made of."""
    return isinstance(price, Mapping) and all(
        isinstance(each, Sequence) and len(each) == 2 and all(type(number) is int for number in each)
        for each in price.values()
    )
