"""The accounts of a table: how they are read, cached, and freed of expired leases.

A write is not preceded by a read. It is calculated from the cached account, and its conditions state what it
depends on. If a condition is false, DynamoDB returns the item, and the write is calculated anew from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, DynamoDBTable
from vaultcore.clock import Clock
from vaultcore.limits.account import Account, Lease
from vaultcore.store.dynamodb.account_cache import AccountCache, CachedAccount
from vaultcore.store.dynamodb.contention import AccountLocks, WriteBackoff
from vaultcore.store.dynamodb.items import account_key, parse_account
from vaultcore.store.dynamodb.reserve_expressions import expired_leases, release_leases
from vaultcore.wire import Json

NEW_ACCOUNT = CachedAccount(Account(), exists=False)


class AccountTable:
    """Accounts with their cache and locks. An item of 400 KB, DynamoDB's limit, holds about 4,000 leases."""

    def __init__(self, table: DynamoDBTable, clock: Clock) -> None:
        self.table, self.clock = table, clock
        self.cache, self.locks = AccountCache(), AccountLocks()

    async def read(self, names: Sequence[str]) -> list[CachedAccount]:
        """Read accounts and cache them."""
        if not names:
            return []
        unique = list(dict.fromkeys(names))
        items = await self.table.get([account_key(name) for name in unique])
        accounts = {name: self.cache_item(name, item) for name, item in zip(unique, items, strict=True)}
        return [accounts[name] for name in names]

    async def sweep(self, names: Sequence[str]) -> int:
        """Release the expired leases of these accounts. Return how many were released."""
        total = 0
        for name, current in zip(names, await self.read(names), strict=True):
            cached, backoff = current, WriteBackoff(self.clock)
            while leases := expired_leases(cached.account, self.clock.now()):
                cached, count = await self.release(name, cached, leases, backoff)
                total += count
        return total

    async def release(
        self, name: str, cached: CachedAccount, leases: Mapping[str, Lease], backoff: WriteBackoff
    ) -> tuple[CachedAccount, int]:
        """Try to release leases once. Return the account after it, and how many leases this released."""
        try:
            item = await self.table.write(release_leases(name, cached.account, leases))
        except ConditionsFailed as failure:
            await backoff.wait()
            return self.cache_item(name, failure.items[0]), 0
        except DynamoDBBusy:
            await backoff.wait(busy=True)
            return cached, 0
        return self.cache_item(name, item), len(leases)

    def cache_item(self, name: str, item: Json) -> CachedAccount:
        """Cache an account as DynamoDB has just returned its item."""
        return self.cache.put_read(name, parse_account(item), exists=bool(item))

    def replace_outdated(
        self, accounts: list[CachedAccount], names: Sequence[str], items: Mapping[int, Json]
    ) -> bool:
        """Replace cached accounts by the items of failed conditions. Return False if none is an account's."""
        outdated = [index for index in range(len(names)) if index in items]
        for index in outdated:
            accounts[index] = self.cache_item(names[index], items[index])
        return bool(outdated)

    def uncached(self, names: Sequence[str]) -> list[str]:
        """Return the accounts that a reservation would have to read first."""
        return [name for name in dict.fromkeys(names) if self.cache.get(name) is None]

    def cached(self, name: str, default: CachedAccount) -> CachedAccount:
        """Return an account from the cache."""
        return self.cache.get(name) or default
