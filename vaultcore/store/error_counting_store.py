"""A store wrapper that counts failures for the metric StoreErrors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation, ReservationResult
from vaultcore.store.base import (
    Add,
    BeginSettlement,
    Delete,
    Document,
    DocumentKey,
    Put,
    Settled,
    Settlement,
    SettlementResult,
    Store,
)
from vaultcore.store.key_names import KeyName, ReadKeyNames
from vaultcore.store.scan import Scan, ScanNewest
from vaultcore.store.usage_selection import SumUsage, UsageRow, UsageSelection

T = TypeVar("T")


class CountedStore:
    """Forwards every method to a store and calls `failed` for each StoreUnavailable."""

    def __init__(self, store: Store, failed: Callable[[StoreUnavailable], None]) -> None:
        self._store, self._failed = store, failed
        begin: BeginSettlement | None = getattr(store, "begin_settlement", None)
        self.begin_settlement = None if begin is None else self._counting(begin)
        sum_usage: SumUsage | None = getattr(store, "sum_usage", None)
        self.sum_usage = None if sum_usage is None else self._counting_usage(sum_usage)
        scan: ScanNewest | None = getattr(store, "scan_newest", None)
        self.scan_newest = None if scan is None else self._counting_scan(scan)
        read_key_names: ReadKeyNames | None = getattr(store, "read_key_names", None)
        self.read_key_names = None if read_key_names is None else self._counting_names(read_key_names)

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        return await self._count_failure(self._store.get(*keys, prefetch=prefetch))

    async def query(
        self,
        collection: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        query = self._store.query(
            collection, after=after, before=before, limit=limit, newest_first=newest_first
        )
        return await self._count_failure(query)

    async def write(self, *writes: Put | Delete | Add) -> None:
        await self._count_failure(self._store.write(*writes))

    async def accounts(self, *names: str) -> list[Account]:
        return await self._count_failure(self._store.accounts(*names))

    def now(self) -> float:
        return self._store.now()

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        try:  # not by `_count_failure`: this is the only method that most requests wait for
            return await self._store.reserve(reservation)
        except StoreUnavailable as error:
            self._failed(error)
            raise

    async def settle(self, settlement: Settlement) -> SettlementResult:
        return await self._count_failure(self._store.settle(settlement))

    async def sweep(self, *accounts: str) -> int:
        return await self._count_failure(self._store.sweep(*accounts))

    async def complete_settlements(self, since: float, until: float) -> int:
        return await self._count_failure(self._store.complete_settlements(since, until))

    async def aclose(self) -> None:
        await self._store.aclose()

    def _counting(self, begin: BeginSettlement) -> BeginSettlement:
        def begin_counted(settlement: Settlement, on_done: Settled, *, is_awaited: bool) -> None:
            def count(result: SettlementResult | None, error: BaseException | None) -> None:
                if isinstance(error, StoreUnavailable):
                    self._failed(error)
                on_done(result, error)

            begin(settlement, count, is_awaited=is_awaited)

        return begin_counted

    def _counting_scan(self, scan: ScanNewest) -> ScanNewest:
        async def scan_counted(
            collections: Sequence[str],
            may_match: Callable[[str], bool],
            *,
            after: str,
            before: str,
            limit: int,
        ) -> Scan:
            result = scan(collections, may_match, after=after, before=before, limit=limit)
            return await self._count_failure(result)

        return scan_counted

    def _counting_usage(self, sum_usage: SumUsage) -> SumUsage:
        async def sum_counted(selection: UsageSelection) -> Sequence[UsageRow]:
            return await self._count_failure(sum_usage(selection))

        return sum_counted

    def _counting_names(self, read_key_names: ReadKeyNames) -> ReadKeyNames:
        async def read_counted(limit: int) -> Sequence[KeyName]:
            return await self._count_failure(read_key_names(limit))

        return read_counted

    async def _count_failure(self, result: Awaitable[T]) -> T:
        try:
            return await result
        except StoreUnavailable as error:
            self._failed(error)
            raise
