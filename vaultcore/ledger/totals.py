"""Totals of usage: of one record, of several requests, and as they are stored per day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vaultcore.errors import CLIENT_DISCONNECTED
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store import document_types
from vaultcore.store.base import DocumentKey
from vaultcore.store.usage_selection import USAGE_AMOUNTS, UsageRow

SEALED = "sealed"  # `sums` of a record whose usage the ledger adds; other records' settlements have added it


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Totals of several requests."""

    requests: int = 0
    failed: int = 0  # requests
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nanos: int = 0  # nano-dollars
    unpriced: int = 0  # requests to models without a price
    ms: int = 0  # duration of all requests

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> UsageTotals:
        """Return the totals of a document in a usage collection."""
        return cls(*[amounts.get(name, 0) for name in AMOUNTS])

    def amounts(self) -> tuple[int, ...]:
        """Return the totals in the order of AMOUNTS."""
        return (
            self.requests,
            self.failed,
            self.prompt_tokens,
            self.completion_tokens,
            self.cached_tokens,
            self.cost_nanos,
            self.unpriced,
            self.ms,
        )

    def __add__(self, other: UsageTotals) -> UsageTotals:
        return add_totals((self, other))


AMOUNTS = USAGE_AMOUNTS  # the fields of UsageTotals


def add_totals(totals: Iterable[UsageTotals]) -> UsageTotals:
    """Return the sum of totals."""
    sums = [0] * len(AMOUNTS)
    for each in totals:
        accumulate(sums, each)
    return UsageTotals(*sums)


def accumulate(sums: list[int], totals: UsageTotals) -> None:
    """Add totals to sums in the order of AMOUNTS. A loop takes three times as long."""
    sums[0] += totals.requests
    sums[1] += totals.failed
    sums[2] += totals.prompt_tokens
    sums[3] += totals.completion_tokens
    sums[4] += totals.cached_tokens
    sums[5] += totals.cost_nanos
    sums[6] += totals.unpriced
    sums[7] += totals.ms


def is_added_by_ledger(record: Mapping[str, Any]) -> bool:
    """Return False if a stored record's settlement has added its usage to the sums: without the field."""
    return record.get("sums") == SEALED


class Sums:
    """The sums that stored records add to the documents of their day, virtual key, provider and model."""

    def __init__(self) -> None:
        self._amounts: dict[tuple[str, str, str, str], tuple[float, list[int]]] = {}

    def add(self, day: str, record: Mapping[str, Any]) -> None:
        """Add a record of a request that ended on a day. It runs 20,000 times for a report: 2 µs each."""
        name = (day, record["key"], record.get("provider") or "", record.get("served") or record["model"])
        entry = self._amounts.get(name)
        if entry is None:
            entry = self._amounts[name] = (record["ended"], [0] * len(AMOUNTS))
        status, cost, amounts = record["status"], record.get("cost"), entry[1]
        amounts[0] += 1
        amounts[1] += status >= 400 and status != CLIENT_DISCONNECTED
        amounts[2] += record.get("prompt_tokens", 0)
        amounts[3] += record.get("completion_tokens", 0)
        amounts[4] += record.get("cached_tokens", 0)
        amounts[5] += cost or 0
        amounts[6] += cost is None
        amounts[7] += round(record.get("ms", 0.0))

    def totals(self) -> Iterator[tuple[tuple[str, str, str, str], UsageTotals]]:
        """Yield day, virtual key, provider and model, and the totals of each."""
        for name, (_, amounts) in self._amounts.items():
            yield name, UsageTotals(*amounts)

    def rows(self) -> Iterator[UsageRow]:
        """Yield day, virtual key, provider, model and the totals, as one tuple each."""
        for name, (_, amounts) in self._amounts.items():
            yield (*name, *amounts)

    def items(self) -> Iterator[tuple[DocumentKey, dict[str, int]]]:
        """Yield the documents, and the amounts of each."""
        for (_, *names), (ended, amounts) in self._amounts.items():
            yield document_types.usage_key(ended, *names), dict(zip(AMOUNTS, amounts, strict=True))


def sum_of(record: Mapping[str, Any]) -> DocumentKey:
    """Return the document that a stored record's usage is added to."""
    sums = Sums()
    sums.add("", record)
    return next(sums.items())[0]
