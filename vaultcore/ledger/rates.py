"""Whether a row's cost follows from the prices in its record, and these from its price version."""

from __future__ import annotations

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
        if self._catalog is not None and record.price_version == self._catalog.price_version:
            return self._beside(record, self._catalog)
        self._compare(record)
        return None

    def _beside(self, record: Record, catalog: Catalog) -> str | None:
        """What the catalog that the row was priced by says."""
        if not record.price:
            return None
        prices = list(_prices(record, catalog))
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


def _prices(record: Record, catalog: Catalog) -> Iterator[Price]:
    """Those that can be in force for a row: its prompt's tier, of every service tier."""
    model = catalog.model(record.provider or "", record.served or record.model)
    for service in (None, *(each.name for each in model.services)):
        if (price := price_at(model, record.prompt_tokens, service)) is not None:
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
