"""Reserves at every level of a request, one update for each.

    key ── refused: nothing to give back
     │
     └─▶ owner, gateway at once ── one refused: the others are given back
                                 └ all admitted

No level ever exceeds its limit. If a process dies in between, its reservations expire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from zlib import crc32

from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, WriteAction
from vaultcore.limits.account import Account, Lease, align, find_denial, roll_forward
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused, Reservation, ReservationResult
from vaultcore.store.dynamodb.account_item import AccountItem
from vaultcore.store.dynamodb.account_updates import AccountUpdate
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.operation_marks import mark_of
from vaultcore.store.dynamodb.shard_allocation import combine, shard_name, slice_limits
from vaultcore.store.dynamodb.shards import divide, is_busy, reallocate

ALLOCATION_PAUSE = 10.0  # seconds for which processes that know other limits do not set the slices again
RETRY_PAUSE = 0.03  # seconds until a refusal is checked again: another request may give levels back


async def reserve(accounts: AccountTable, reservation: Reservation) -> ReservationResult:
    """Reserve at every level or at none, as `Store.reserve` says."""
    lease, is_retried = reservation.lease, False
    while True:
        # The same request may reserve several times, with other amounts. Each time has its own mark.
        mark = mark_of("reserve", f"{reservation.id} {next(accounts.attempts)}")
        operations = [
            _LevelReservation(accounts, level, mark, lease, is_retried=is_retried)
            for level in reservation.levels
        ]
        try:
            later = await _run(operations, reservation.id)
        except LimitRefused as refused:
            is_repeated = accounts.refusing_limit(refused.level.account, lease) == refused.denial.limit
            if not is_repeated:
                accounts.remember_refusal(refused, lease)
            if is_retried or is_repeated or len(reservation.levels) == 1:
                raise
            is_retried = True
            await accounts.clock.sleep(RETRY_PAUSE)
            continue
        if later is None:
            for each in operations:
                await each.divide_if_busy()
            shards = tuple(each.shard for each in operations)
            return ReservationResult(
                [each.item.account for each in operations], replace(lease, shards=shards)
            )
        lease = later


async def _run(operations: Sequence[_LevelReservation], id: str) -> Lease | None:
    """Reserve at all levels. Return None, or a later lease to begin anew with; then nothing is reserved."""
    first, *others = operations
    if others:
        for each in operations:
            await each.check()
    later = await first.run()
    if later is not None or not others:
        return later
    outcomes = await asyncio.gather(*(each.run() for each in others), return_exceptions=True)
    if all(outcome is None for outcome in outcomes):
        return None
    await asyncio.gather(*(each.give_back(id) for each in operations))
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return next(each for each in outcomes if isinstance(each, Lease))


class _LevelReservation:
    """The reservation at one level, in the account's item or in one of its shards."""

    def __init__(
        self, accounts: AccountTable, level: Level, mark: str, lease: Lease, *, is_retried: bool
    ) -> None:
        self._accounts, self._level, self._mark, self._lease = accounts, level, mark, lease
        self._is_retried = is_retried  # after a refusal, which is not repeated from the cache then
        self._is_reserved = self._is_reallocated = False
        self.shard = 0
        self.item = accounts.cached(level.account) or AccountItem(Account(), exists=False)
        self._choose_shard()

    async def check(self) -> None:
        """Raise LimitRefused if the account has no capacity. Nothing is reserved."""
        await self._find()
        while (refused := self._refusal()) is not None:
            await self._confirm(refused)
            await self._find()

    async def run(self) -> Lease | None:
        """Reserve. Return None, or the lease at the account's later time. Raise LimitRefused."""
        backoff = WriteBackoff(self._accounts.clock)
        while True:
            await self._find()
            if self.item.has_mark(self._mark):  # an attempt whose response was lost
                break
            if (aligned := align(self._lease, self.item.account)) != self._lease:
                return aligned
            if (refused := self._refusal()) is not None:
                await self._confirm(refused)
                continue
            try:
                trimmed = await self._accounts.remove_excess(self._name, self.item, self._lease.at)
                if trimmed is not self.item:
                    self.item = trimmed
                    continue
                self.item = await self._accounts.apply(self._name, self.item, self._mark, self._change)
            except ConditionsFailed as failure:
                self.item = self._accounts.cache(self._name, failure.items[0])
                self._choose_shard()
                await backoff.wait()
            except DynamoDBBusy:
                await backoff.wait(busy=True)
            else:
                break
        self._is_reserved = True
        return None

    async def give_back(self, id: str) -> None:
        """Undo the reservation, if there is one. If the store is unavailable, it expires."""
        if self._is_reserved:
            limits, lease = self._limits, self._lease
            with suppress(AwsError):
                await self._accounts.change(
                    self._name,
                    mark_of("return", f"{id} {self._mark}"),
                    self.item,
                    lambda update: update.give_back(limits, lease),
                )

    async def divide_if_busy(self) -> None:
        """Divide the account into shards if its one item cannot take its traffic much longer."""
        if is_busy(self.item, self._lease.at, self._accounts.busy_rate):
            with suppress(AwsError, LimitRefused):
                await divide(self._accounts, self._level, self.item, self._lease)

    @property
    def _name(self) -> str:
        return shard_name(self._level.account, self.shard)

    @property
    def _limits(self) -> Limits:
        return (
            self._level.limits
            if self.item.shards == 1
            else slice_limits(self._level.limits, self.item.slices)
        )

    def _change(self, update: AccountUpdate) -> WriteAction:
        return update.reserve(self._limits, self._lease)

    def _choose_shard(self) -> None:
        """Choose one of the shards if the account is divided and none has been chosen yet."""
        if self.item.shards > 1 and self.shard == 0:
            self.shard = crc32(self._mark.encode()) % self.item.shards
            if self.shard:
                self.item = self._accounts.cached(self._name) or AccountItem(Account(), exists=False)

    async def _find(self) -> None:
        """Read the item if it is not cached, and set its slices if they belong to other limits."""
        if not self.item.exists:
            self.item = await self._accounts.read_or_create(self._name)
            self._choose_shard()
            if not self.item.exists:
                self.item = await self._accounts.read(self._name)
        if self.item.shards == 1:
            return
        limits = self._level.limits.pack()
        is_recent = self._accounts.allocated_at(self._level.account) > self._lease.at - ALLOCATION_PAUSE
        has_all = limits.keys() <= self.item.slices.keys()
        if self.item.totals != limits and not (has_all and (is_recent or self._is_reallocated)):
            self._repeat_refusal()
            await self._reallocate()

    def _refusal(self) -> LimitRefused | None:
        return self._find_refusal([self.item], self._limits)

    def _find_refusal(self, items: Sequence[AccountItem], limits: Limits) -> LimitRefused | None:
        lease = self._lease
        rolled = combine([roll_forward(item.account, lease.at, lease.day) for item in items])
        denial = find_denial(rolled, limits, lease)
        return LimitRefused(self._level, denial, rolled) if denial else None

    def _repeat_refusal(self) -> None:
        """Raise a recent refusal of the account again if it still follows from the cached items."""
        limit = self._accounts.refusing_limit(self._level.account, self._lease)
        if self._is_retried or not limit:
            return
        names = [shard_name(self._level.account, n) for n in range(self.item.shards)]
        items = [item for name in names if (item := self._accounts.cached(name)) is not None]
        if len(items) < len(names):
            return
        refused = self._find_refusal(items, self._level.limits)
        if refused is not None and refused.denial.limit == limit:
            raise refused

    async def _confirm(self, refused: LimitRefused) -> None:
        """Raise a refusal if the account was read for it, or if it may be repeated. Otherwise read it."""
        self._repeat_refusal()
        if not self.item.is_current:
            self.item = await self._accounts.read(self._name)
            return
        if self.item.shards > 1:
            await self._reallocate()
            return
        raise refused

    async def _reallocate(self) -> None:
        """Get more from the other shards. Raise LimitRefused if they have too little.

        Tasks of one process do this one after the other: the slices that one sets often suffice for all.
        """
        account, accounts = self._level.account, self._accounts
        generation = accounts.allocations(account)
        async with accounts.allocation_lock(account):
            if accounts.allocations(account) == generation:
                await reallocate(accounts, self._level, self._lease, self.shard, self.item.shards)
                accounts.count_allocation(account)
        self._is_reallocated = True
        self.item = await accounts.read(self._name)
