"""Checks that a row's cost follows from the prices in its record, and these from its price version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import TOKENS, Model, Price
from vaultcore.usage.cost import cost_of_detail, price_at, regional_rate
from vaultcore.usage.provider_usage import EARLIER_CALLS
from vaultcore.usage.record import Record

MAX_NOTES = 20
RESERVATION = "reservation"  # unit of a call that was charged what it had reserved
UNCHECKED = (RESERVATION, EARLIER_CALLS)  # units whose price is a sum


class PriceChecker:
    """Checks a ledger's rows one after the other. `notes` lists what is unusual but not wrong."""

    def __init__(self, catalog: Catalog | None) -> None:
        self._catalog = catalog
        # Nano-dollars per million, by price version, provider, model and unit.
        self._rates: dict[tuple[str, str | None, str | None, str], int] = {}
        self.notes: list[str] = []

    def check(self, record: Record) -> str | None:
        """Return what is wrong with a row's cost, or None."""
        if record.cost is None:
            return "has prices but no cost" if record.price else None
        cost = cost_of_detail(record.price)
        if cost != record.cost:
            return f"its cost is {record.cost} nano-dollars, but its counts and prices give {cost}"
        version, _, unknown_price = record.price_version.partition("~")
        if self._catalog is not None and version == self._catalog.price_version:
            return self._compare_with_catalog(record, self._catalog, unknown_price)
        self._compare_with_rows(record)
        return None

    def _compare_with_catalog(self, record: Record, catalog: Catalog, unknown_price: str) -> str | None:
        """Return an error if the catalog of the row's price version has other prices."""
        model = catalog.model(record.provider or "", record.served or record.model)
        rates = {unit: rate for unit, (_, rate) in record.price.items() if unit not in UNCHECKED}
        if not rates or any(
            all(
                _has(price, unit, rate, percent) or model.tool_prices.get(unit) == rate
                for unit, rate in rates.items()
            )
            for price in _prices(record, model, unknown_price)
            for percent in (100, *model.regions.values())
        ):
            return None
        listed = ", ".join(f"{unit} {rate}" for unit, rate in rates.items())
        return (
            f"its prices ({listed}) are not those of {record.provider}/{record.served} in its price version"
        )

    def _compare_with_rows(self, record: Record) -> None:
        """Note if rows of one price version have different prices. Price tiers are a valid reason."""
        for unit, (_, rate) in record.price.items():
            if unit in UNCHECKED:
                continue
            first = self._rates.setdefault((record.price_version, record.provider, record.served, unit), rate)
            note = (
                f"{record.provider}/{record.served} has more than one price for {unit} in price version "
                f"{record.price_version}; compare with the catalog of that version"
            )
            if first != rate and note not in self.notes and len(self.notes) < MAX_NOTES:
                self.notes.append(note)


def _prices(record: Record, model: Model, unknown_price: str) -> Iterator[Price]:
    """Yield the prices that can apply to a row: those of its prompt's size and hour, of every service tier.

    A model without a price has the one set in VAULTEDGE_UNKNOWN_PRICE, which the price version contains.
    """
    if model.price is None and (match := re.fullmatch(r"(\d{1,18})/(\d{1,18})", unknown_price, re.ASCII)):
        input_rate, output_rate = map(int, match.groups())
        yield Price(input_rate, output_rate, pictures={} if input_rate or output_rate else {"": 0})
    for service in (None, *(each.name for each in model.services)):
        for prompt in _prompts(record, model):
            if (price := price_at(model, prompt, service, record.at)) is not None:
                yield price


def _prompts(record: Record, model: Model) -> Iterator[int]:
    """Yield prompt tokens of each size that the client's response may have had.

    The tokens of a record include those of earlier calls.
    """
    yield record.prompt_tokens
    if EARLIER_CALLS in record.price:
        yield 0
        tiers = [*model.tiers]
        for special in (model.services, model.hours):
            tiers += [tier for each in special for tier in each.tiers]
        yield from (tier.above + 1 for tier in tiers)


def _has(price: Price, unit: str, rate: int, percent: int) -> bool:
    if unit == "picture":
        return rate in price.pictures.values()
    amount = getattr(price, unit, None)
    return amount is not None and rate == (regional_rate(amount, percent) if unit in TOKENS else amount)


def is_price_detail(price: object) -> bool:
    """Return True if a value has the form of `usage.cost.price_detail`."""
    return isinstance(price, Mapping) and all(
        isinstance(each, Sequence) and len(each) == 2 and all(type(number) is int for number in each)
        for each in price.values()
    )
