"""The accounts of a table: how they are read, cached, created, and changed.

A change is calculated from the cached item, and its conditions state what it depends on. If one is false,
DynamoDB returns the item, and the change is calculated anew from that. Only a refusal is repeated from the
cache, for one second: otherwise each request of a client above its limit would cost a call.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from weakref import WeakValueDictionary

from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import (
    ConditionsFailed,
    DynamoDBBusy,
    DynamoDBNoAnswer,
    DynamoDBTable,
    WriteAction,
)
from vaultcore.clock import Clock
from vaultcore.limits.account import Account, Lease, needed
from vaultcore.limits.bounds import BOUNDS
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.dynamodb.account_item import (
    AccountItem,
    account_key,
    milliseconds,
    parse_account,
    previous_key,
    render_account,
)
from vaultcore.store.dynamodb.account_updates import AccountUpdate
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.operation_marks import MarkArchive, is_due
from vaultcore.store.dynamodb.previous_accounts import (
    import_later_use,
    mark_imported,
    parse_previous_item,
)
from vaultcore.store.dynamodb.shard_allocation import combine, shard_name
from vaultcore.wire import Json

MAX_ACCOUNTS = 2_000  # cached
REFUSAL_SECONDS = 1.0  # for which a refusal is repeated without a read

Change = Callable[[AccountUpdate], WriteAction]


class AccountTable:
    """Accounts with their cache."""

    def __init__(
        self, table: DynamoDBTable, clock: Clock, now: Callable[[], float], busy_rate: float
    ) -> None:
        self.table, self.clock, self.now, self.busy_rate = table, clock, now, busy_rate
        self.archive = MarkArchive(table)
        self.attempts = count()  # to reserve, each with a mark of its own
        self._items: OrderedDict[str, AccountItem] = OrderedDict()
        self.reported: set[tuple[str, str]] = set()  # thresholds of divided accounts that are marked
        self._refusals: dict[str, tuple[float, str, int]] = {}  # time, limit, and what was needed of it
        self._allocations: dict[str, tuple[float, int]] = {}  # the last time, and how often
        self._allocation_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._reads: dict[str, asyncio.Task[AccountItem]] = {}

    def cached(self, name: str) -> AccountItem | None:
        """Return an account's item as it was last seen, or None."""
        if (item := self._items.get(name)) is not None:
            self._items.move_to_end(name)
        return item

    def cache(self, name: str, item: Json) -> AccountItem:
        """Cache an account as DynamoDB has just returned its item. Return it as current."""
        parsed = parse_account(item)
        self._items[name] = parsed
        self._items.move_to_end(name)
        if len(self._items) > MAX_ACCOUNTS:
            evicted, _ = self._items.popitem(last=False)
            self._refusals.pop(evicted, None)
        return replace(parsed, is_current=True)

    async def read(self, name: str) -> AccountItem:
        """Read an account. Tasks that read the same one at the same time share one call."""
        if (task := self._reads.get(name)) is None:
            task = self._reads[name] = asyncio.ensure_future(self._read(name))
            task.add_done_callback(lambda _: self._reads.pop(name, None))
        return await asyncio.shield(task)

    async def read_or_create(self, name: str) -> AccountItem:
        """Read an account. Create its item if there is none."""
        item = await self.read(name)
        return item if item.exists else await self.create(name)

    async def read_many(self, names: Sequence[str]) -> list[AccountItem]:
        """Read accounts in one call."""
        items = await self.table.get([account_key(name) for name in names])
        return [self.cache(name, item) for name, item in zip(names, items, strict=True)]

    async def get(self, names: Sequence[str]) -> list[Account]:
        """Return accounts, also those of earlier versions that no request has used since."""
        unique = list(dict.fromkeys(names))
        accounts = dict(zip(unique, await self.read_many(unique), strict=True))
        for name, item in accounts.items():
            if item.shards > 1:
                others = await self.read_many([shard_name(name, n) for n in range(1, item.shards)])
                whole = combine([item.account, *(each.account for each in others)])
                accounts[name] = replace(item, account=whole)
        missing = [name for name in unique if not accounts[name].exists]
        previous = await self.table.get([previous_key(name) for name in missing]) if missing else []
        imported = {
            name: parse_previous_item(item, self.now()) for name, item in zip(missing, previous, strict=True)
        }
        return [imported.get(name) or accounts[name].account for name in names]

    async def change(self, name: str, mark: str, item: AccountItem, change: Change) -> AccountItem | None:
        """Apply a change once. Return the item after it; None if its mark shows that it was applied before.

        `item` is the account to begin with. Raise AwsError.
        """
        backoff = WriteBackoff(self.clock)
        while True:
            if item.has_mark(mark):
                return None
            try:
                return await self.apply(name, item, mark, change)
            except ConditionsFailed as failure:
                item = self.cache(name, failure.items[0])
                if not item.exists:
                    item = await self.create(name)
                await backoff.wait()
            except DynamoDBBusy:
                await backoff.wait(busy=True)

    async def apply(self, name: str, item: AccountItem, mark: str, change: Change) -> AccountItem:
        """Try a change once, again if there is no answer. Raise ConditionsFailed, DynamoDBBusy or AwsError.

        On a busy account, the mark of the first attempt may be in the archive before the second attempt.
        """
        since = self.now()
        try:
            return await self._write(name, item, mark, change)
        except DynamoDBBusy:
            raise
        except AwsError as error:
            if not (error.is_ambiguous or isinstance(error, DynamoDBNoAnswer)):
                raise
        item = await self._read(name)  # before the archive: marks move from the item to there
        if item.has_mark(mark) or mark in await self.archive.read(name, since):
            return item
        return await self._write(name, item, mark, change)

    async def _write(self, name: str, item: AccountItem, mark: str, change: Change) -> AccountItem:
        if replaces_marks := is_due(item, mark):
            await self.archive.copy(name, item, self.now())
        update = AccountUpdate(name, item, mark, is_copied=replaces_marks)
        return self.cache(name, await self.table.write(change(update), repeat=False))

    async def remove_excess(self, name: str, item: AccountItem, now: float) -> AccountItem:
        """Remove what has expired until one update can remove the rest. Return the item.

        Raise ConditionsFailed, DynamoDBBusy or AwsError.
        """
        while action := AccountUpdate(name, item, "").remove_excess(now):
            item = self.cache(name, await self.table.write(action))
        return item

    async def create(self, name: str) -> AccountItem:
        """Create the item of an account that has none, from the one of an earlier version if there is one."""
        backoff = WriteBackoff(self.clock)
        while True:
            (previous,) = await self.table.get([previous_key(name)])
            account = parse_previous_item(previous, self.now())
            item = render_account(name, account, milliseconds(self.now()))
            put = WriteAction("Put", {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})
            try:
                await self.table.write(put, *([mark_imported(name, account, previous)] if previous else []))
            except ConditionsFailed:
                return await self.read(name)
            except DynamoDBBusy:
                await backoff.wait(busy=True)
            else:
                return self.cache(name, item)

    async def sweep(self, name: str) -> int:
        """Release the expired buckets of an account. Return the number of their reservations."""
        released = await self._sweep(name)
        shards = self._items[name].shards if name in self._items else 1
        return released + sum([await self._sweep(shard_name(name, n)) for n in range(1, shards)])

    async def _sweep(self, name: str) -> int:
        current, previous = await self.table.get([account_key(name), previous_key(name)])
        item = self.cache(name, current)
        if not item.exists:
            if not parse_previous_item(previous).buckets:
                return 0
            item = await self.create(name)
        elif previous and await import_later_use(self.table, name, item, previous):
            item = await self.read(name)
        backoff, total = WriteBackoff(self.clock), 0
        while released := AccountUpdate(name, item, "").release(self.now()):
            action, count = released
            try:
                item = self.cache(name, await self.table.write(action))
            except ConditionsFailed as failure:
                item = self.cache(name, failure.items[0])
                await backoff.wait()
            except DynamoDBBusy:
                await backoff.wait(busy=True)
            else:
                total += count
        return total

    def allocated_at(self, name: str) -> float:
        """Return when this process last set an account's slices, in seconds since the epoch; 0 if never."""
        return self._allocations.get(name, (0.0, 0))[0]

    def allocations(self, name: str) -> int:
        """Return how often this process has set an account's slices."""
        return self._allocations.get(name, (0.0, 0))[1]

    def count_allocation(self, name: str) -> None:
        """Count that this process has set an account's slices now."""
        self._allocations[name] = (self.now(), self.allocations(name) + 1)

    def allocation_lock(self, name: str) -> asyncio.Lock:
        """Return the lock of the tasks of this process that set an account's slices."""
        return self._allocation_locks.setdefault(name, asyncio.Lock())

    def remember_refusal(self, refused: LimitRefused, lease: Lease) -> None:
        """Remember a refusal, unless its cause may end at any moment."""
        limit = refused.denial.limit
        if limit != "parallel":
            self._refusals[refused.level.account] = (lease.at, limit, needed(BOUNDS[limit], lease))

    def refusing_limit(self, account: str, lease: Lease) -> str:
        """Return the limit that has refused a lease that needs no more less than a second ago, or "".

        A refusal by this limit may be raised from the cache, without a read.
        """
        at, limit, need = self._refusals.get(account, (-REFUSAL_SECONDS, "", 0))
        is_recent = at <= lease.at < at + REFUSAL_SECONDS
        return limit if is_recent and needed(BOUNDS[limit], lease) >= need else ""

    async def _read(self, name: str) -> AccountItem:
        (item,) = await self.table.get([account_key(name)])
        return self.cache(name, item)
