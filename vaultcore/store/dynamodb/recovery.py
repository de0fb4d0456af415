"""Completes settlements whose process died after it had written the record and before all charges."""

from __future__ import annotations

from vaultcore.limits.account import day_of
from vaultcore.store.document_types import records_collection, timestamp
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.documents import QueryRange
from vaultcore.store.dynamodb.items import partitions_of
from vaultcore.store.dynamodb.operation_marks import mark_of
from vaultcore.store.dynamodb.settlements import DUE, Due, charge_missing
from vaultcore.wire import Json

GRACE = 60.0  # seconds for which a settlement may still be running
DAY = 86_400


async def complete_settlements(accounts: AccountTable, since: float, until: float) -> int:
    """Charge what the records of a time range lack. Return the number of charges.

    The marks of an account are read once, and every record is compared with them.
    """
    until = min(until, accounts.clock.now() - GRACE)
    known: dict[str, frozenset[str]] = {}
    completed = 0
    for day in range(int(since // DAY), int(until // DAY) + 1):
        for partition in partitions_of(records_collection(day_of(day * DAY))):
            for due in await _read_due(accounts, partition, since, until):
                mark = mark_of("settle", due.id)
                for name in due.accounts:
                    if name not in known:
                        known[name] = await _read_marks(accounts, name, since)
                if any(mark not in known[name] for name in due.accounts):
                    completed += await charge_missing(accounts, due)
    return completed


async def _read_marks(accounts: AccountTable, name: str, since: float) -> frozenset[str]:
    item = await accounts.read(name)
    return item.recent | item.older | await accounts.archive.read(name, since)


async def _read_due(accounts: AccountTable, partition: str, since: float, until: float) -> list[Due]:
    """Return the charges of the records of a partition that ended between two times."""
    bounds = (timestamp(since), timestamp(until))
    query_range = QueryRange(partition, *bounds, newest_first=False, partition=partition)
    request: Json | None = query_range.request(accounts.clock.now()) | {"ProjectionExpression": DUE}
    dues: list[Due] = []
    while request is not None and not query_range.is_empty:
        items, last = await accounts.table.query(request)
        dues += (due for item in items if (due := Due.parse(item)) is not None)
        request = {**request, "ExclusiveStartKey": last} if last is not None else None
    return dues
