"""A store whose failures are counted, for whomever it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.base import Add, Document, Drop, Name, Put, Settled, Settlement, Store

T = TypeVar("T")


class CountedStore:
    """Passes everything on to a store."""

    def __init__(self, store: Store, failed: Callable[[], None]) -> None:
        self._store, self._failed = store, failed

    async def get(self, *names: Name, ahead: Sequence[str] = ()) -> list[Document | None]:
        return await self._watched(self._store.get(*names, ahead=ahead))

    async def entries(
        self,
        shelf: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        found = self._store.entries(shelf, after=after, before=before, limit=limit, newest_first=newest_first)
        return await self._watched(found)

    async def write(self, *writes: Put | Drop | Add) -> None:
        await self._watched(self._store.write(*writes))

    async def accounts(self, *names: str) -> list[Account]:
        return await self._watched(self._store.accounts(*names))

    async def admit(self, reservation: Reservation) -> list[Account]:
        return await self._watched(self._store.admit(reservation))

    async def settle(self, settlement: Settlement) -> Settled:
        return await self._watched(self._store.settle(settlement))

    async def sweep(self, *accounts: str) -> int:
        return await self._watched(self._store.sweep(*accounts))

    async def aclose(self) -> None:
        await self._store.aclose()

    async def _watched(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except StoreUnavailable:
            self._failed()
            raise
