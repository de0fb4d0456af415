"""Reserves at every level of a request: what is tried, and how DynamoDB's responses are used.

A refusal is raised only for an account that was read for this request, or repeated for a second: see
`AccountCache`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, WriteAction
from vaultcore.limits.account import Account
from vaultcore.limits.account import reserve as reserve_in_account
from vaultcore.limits.reservation import Level, LimitRefused, Reservation
from vaultcore.store.arithmetic import reserve_levels
from vaultcore.store.dynamodb.account_cache import CachedAccount
from vaultcore.store.dynamodb.accounts import NEW_ACCOUNT, AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.items import parse_account
from vaultcore.store.dynamodb.reserve_expressions import (
    MAX_RELEASED,
    add_lease,
    create_account,
    expired_leases,
)
from vaultcore.wire import Json


async def reserve(accounts: AccountTable, reservation: Reservation) -> list[Account]:
    """Reserve at every level or at none, as `Store.reserve` says."""
    names = [level.account for level in reservation.levels]
    if not names:
        return []
    cache = accounts.cache
    await cache.wait_for_reads([name for name in names if cache.get(name) is None])
    uncached = [name for name in names if cache.get(name) is None]
    async with AsyncExitStack() as stack:
        stack.enter_context(cache.reading(uncached))
        return await _ReserveOperation(accounts, reservation, names, uncached, stack).run()


class _ReserveOperation:
    """The attempts of one reservation."""

    def __init__(
        self,
        accounts: AccountTable,
        reservation: Reservation,
        names: Sequence[str],
        uncached: Sequence[str],
        stack: AsyncExitStack,
    ) -> None:
        self._table, self._reservation, self._names = accounts, reservation, names
        self._waited_for = set(uncached)  # not waited for again: other tasks may wait for this one there
        self._stack = stack  # releases the account locks at the end
        self._is_locked = False
        self._accounts = self._from_cache()
        self._backoff = WriteBackoff(accounts.clock)

    async def run(self) -> list[Account]:
        """Return the accounts with the reservation. Raise LimitRefused."""
        needs_lock = len(self._names) > 1  # single updates do not conflict, transactions do
        while True:
            try:
                after = reserve_levels(self._reservation, [each.account for each in self._accounts])
            except LimitRefused as refused:
                await self._confirm(refused)
                continue
            if any(self._reservation.id in each.account.leases for each in self._accounts):
                if all(each.is_current for each in self._accounts):
                    return after
                self._accounts = await self._table.read(self._names)
                continue
            if await self._release_many() or (needs_lock and await self._lock()):
                continue
            try:
                item = await self._table.table.write(*self._actions(after))
            except ConditionsFailed as failure:
                self._table.replace_outdated(self._accounts, self._names, failure.items)
                await self._backoff.wait()
            except DynamoDBBusy:
                needs_lock = True
                await self._backoff.wait(busy=True)
            else:
                return self._cache_result(after, item)

    async def _confirm(self, refused: LimitRefused) -> None:
        """Raise a refusal if its account is current or may be repeated. Otherwise read the accounts again.

        If another task reads the refusing account, wait for that read instead.
        """
        name, cache, now = refused.level.account, self._table.cache, self._table.clock.now()
        if self._accounts[self._names.index(name)].is_current:
            cache.remember_refusal(refused, now)
            raise refused
        if cache.repeats_refusal(refused, now):
            raise refused
        if not (self._is_locked or name in self._waited_for) and await cache.wait_for_reads([name]):
            self._waited_for.add(name)
            self._accounts = self._from_cache()
            return
        with cache.reading([name]):
            self._accounts = await self._table.read(self._names)

    async def _lock(self) -> bool:
        """Lock the accounts for this request. Return False if it holds the locks already."""
        if self._is_locked:
            return False
        self._is_locked = True
        await self._stack.enter_async_context(self._table.locks.exclusive(self._names))
        self._accounts = self._from_cache()
        return True

    async def _release_many(self) -> bool:
        """Release expired leases of an account that has more than the reservation itself can release."""
        for index, (name, cached) in enumerate(zip(self._names, self._accounts, strict=True)):
            leases = expired_leases(cached.account, self._reservation.lease.at)
            if len(leases) == MAX_RELEASED:
                self._accounts[index], _ = await self._table.release(name, cached, leases, self._backoff)
                return True
        return False

    def _actions(self, after: Sequence[Account]) -> list[WriteAction]:
        reservation = self._reservation
        return [
            add_lease(level, cached.account, account, reservation.id, reservation.lease)
            if cached.exists
            else create_account(level.account, account)
            for level, cached, account in zip(reservation.levels, self._accounts, after, strict=True)
        ]

    def _cache_result(self, after: Sequence[Account], item: Json) -> list[Account]:
        """Cache and return the accounts with the reservation. `item` is the result of a single update."""
        results: list[Account] = []
        for level, cached, reserved in zip(self._reservation.levels, self._accounts, after, strict=True):
            latest = self._table.cached(level.account, cached)  # other tasks may have changed it since
            account = _with_lease(latest.account, level, self._reservation) if cached.exists else reserved
            results.append(parse_account(item) if item else account)
            self._table.cache.put(level.account, results[-1])
        return results

    def _from_cache(self) -> list[CachedAccount]:
        return [self._table.cached(name, NEW_ACCOUNT) for name in self._names]


def _with_lease(account: Account, level: Level, reservation: Reservation) -> Account:
    """Return an account with a reservation that DynamoDB has accepted."""
    if reservation.id in account.leases:
        return account
    outcome = reserve_in_account(account, level.limits, reservation.id, reservation.lease, enforced=False)
    return outcome if isinstance(outcome, Account) else account
