"""A store wrapper that counts failures for the metric StoreErrors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

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
from vaultcore.store.key_names import ReadKeyNames
from vaultcore.store.scan import ScanNewest
from vaultcore.store.usage_selection import SumUsage

T = TypeVar("T")


class CountedStore:
    """Forwards every method to a store and calls `failed` for each StoreUnavailable."""

    def __init__(self, store: Store, failed: Callable[[StoreUnavailable], None]) -> None:
        self._store, self._failed = store, failed
        begin: BeginSettlement | None = getattr(store, "begin_settlement", None)
        self.begin_settlement = None if begin is None else self._counting(begin)
        self.sum_usage: SumUsage | None = self._counting_method("sum_usage")
        self.scan_newest: ScanNewest | None = self._counting_method("scan_newest")
        self.read_key_names: ReadKeyNames | None = self._counting_method("read_key_names")

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

    def _counting_method(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]] | None:
        """Return a method that only some stores have, counting its failures; None if the store has it not."""
        method: Callable[..., Awaitable[Any]] | None = getattr(self._store, name, None)
        if method is None:
            return None

        async def counted(*args: object, **options: object) -> Any:
            return await self._count_failure(method(*args, **options))

        return counted

    async def _count_failure(self, result: Awaitable[T]) -> T:
        try:
            return await result
        except StoreUnavailable as error:
            self._failed(error)
            raise
