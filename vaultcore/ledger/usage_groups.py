"""Usage in groups: the sums of days and the tail behind them, by any attributes.

Stores that can add up usage documents themselves (`SumUsage`) return a row per group. Of the others, every
document is read. Rows stay the tuples that the store returns: a report by key has 10,000 of them, and an
object for each would take longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from operator import add
from typing import TypeVar

from vaultcore.errors import StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.positions import read_sums_position
from vaultcore.ledger.queries import MAX_SUM_READS, TimeRange, read_sums
from vaultcore.ledger.tail import Tail, TailCache
from vaultcore.store.base import Store
from vaultcore.store.usage_selection import Attribute, SumUsage, UsageRow, UsageSelection

# Rows by their name, or by a tuple of their names if they have several.
Groups = Mapping[Hashable, UsageRow]
_ATTRIBUTES: tuple[Attribute, ...] = ("day", "key", "provider", "model")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class UsageSource:
    """The usage of a time range at one version of the sums. `tail` is the usage behind them."""

    store: Store
    span: TimeRange
    tails: TailCache
    version: int
    tail: Tail

    async def read(self, by: tuple[Attribute, ...], where: Mapping[Attribute, Iterable[str]]) -> Groups:
        """Return a row for each group: the values of its attributes, and its amounts."""
        days = self.span.days
        conditions = tuple((name, frozenset(accepted)) for name, accepted in where.items())
        selection = UsageSelection(days[0], days[-1], by, conditions)
        sums = await self._read_sums(selection)
        tail = _select(self.tail.sums.rows(), selection)
        return add_rows(tail, len(by), sums) if tail else sums

    async def _read_sums(self, selection: UsageSelection) -> Groups:
        cache = self.tails.days
        groups: Groups | None = cache.get(selection, self.version)
        if groups is None:
            sum_usage: SumUsage | None = getattr(self.store, "sum_usage", None)
            if sum_usage is not None:
                rows: Iterable[UsageRow] = await sum_usage(selection)
            else:
                rows = _select(await self._read_documents(selection), selection)
            groups = add_rows(rows, len(selection.by))
            cache.put(selection, self.version, groups)
        return groups

    async def _read_documents(self, selection: UsageSelection) -> list[UsageRow]:
        keys = dict(selection.where).get("key", frozenset())
        only_key = next(iter(keys)) if len(keys) == 1 else None
        cache = self.tails.days if only_key is None else None
        usage = await read_sums(self.store, self.span.days, only_key, cache, self.version)
        return [(each.day, each.key, each.provider, each.model, *each.totals.amounts()) for each in usage]


async def read_usage_source(
    store: Store, span: TimeRange, tails: TailCache, read: Callable[[UsageSource], Awaitable[_T]]
) -> tuple[_T, float | None]:
    """Return what `read` returns, and until when it is complete, or None if it is without exception.

    `read` is called again if the sums change meanwhile: a record could count twice then, or not at all. Raise
    StoreUnavailable if they change during each of several reads.
    """
    for _ in range(MAX_SUM_READS):
        position, version = await read_sums_position(store)
        tail = await tails.read(position, version, span.days)
        result = await read(UsageSource(store, span, tails, version, tail))
        if (await read_sums_position(store))[1] == version:
            return result, tail.complete_until
    raise StoreUnavailable("the sums of usage are being updated; try again", retry_after=1)


def add_rows(rows: Iterable[UsageRow], names: int, before: Groups | None = None) -> Groups:
    """Return groups with rows added, which begin with this number of names."""
    groups = dict(before or {})
    for row in rows:
        name: Hashable = row[0] if names == 1 else row[:names]
        existing = groups.get(name)
        if existing is not None:
            row = (*row[:names], *map(add, existing[names:], row[names:]))  # noqa: PLW2901 - 9,000 times
        groups[name] = row
    return groups


def _select(rows: Iterable[UsageRow], selection: UsageSelection) -> list[UsageRow]:
    """Return the rows that fit a selection, with only the attributes that it groups by.

    The rows have all attributes in the order of _ATTRIBUTES.
    """
    conditions = [(_ATTRIBUTES.index(name), accepted) for name, accepted in selection.where]
    columns, first = [_ATTRIBUTES.index(name) for name in selection.by], len(_ATTRIBUTES)
    return [
        (*(row[column] for column in columns), *row[first:])
        for row in rows
        if all(row[column] in accepted for column, accepted in conditions)
    ]
