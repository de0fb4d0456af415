"""A store in one SQLite file that several processes may share, for `vaultedge serve` on one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account, release_ended
from vaultcore.limits.reservation import Reservation, ReservationResult, move
from vaultcore.store.arithmetic import reserve_levels, settle_levels
from vaultcore.store.base import Document, DocumentKey, Settlement, SettlementResult, Write
from vaultcore.store.sqlite import tables
from vaultcore.store.sqlite.accounts import AccountCache, agree_on_time
from vaultcore.store.sqlite.file import open_file
from vaultcore.store.sqlite.transactions import TransactionThread
from vaultcore.store.store_time import MachineTime

PATIENCE = 5.0  # seconds to wait for other writers
CLEAN_UP_INTERVAL = 500  # write operations; the first one also cleans up
_T = TypeVar("_T")


class SQLiteStore:
    """One connection, used in a thread of its own. The first operation opens the file.

    Every operation is one transaction or part of one, and runs entirely in that thread. Every operation
    raises ConfigError if the file is not a store.
    """

    def __init__(self, path: Path, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._path, self._clock, self._patience = path, clock, patience
        self._time = MachineTime.start(clock)
        self._accounts = AccountCache()
        self._thread = TransactionThread(self._open, self._accounts.check, self._accounts.clear)
        self._writes = 0  # write operations so far

    async def get(
        self,
        *keys: DocumentKey,
        prefetch: Sequence[str] = (),  # noqa: ARG002 - accounts need no read before use
    ) -> list[Document | None]:
        now = self._clock.now()
        return await self._run(lambda connection: [tables.read(connection, key, now) for key in keys])

    async def query(
        self,
        collection: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        now = self._clock.now()

        def work(connection: Connection) -> list[Document]:
            return tables.read_range(
                connection,
                collection,
                now,
                after=after,
                before=before,
                limit=limit,
                newest_first=newest_first,
            )

        return await self._run(work)

    async def write(self, *writes: Write) -> None:
        now = self._clock.now()
        await self._run(lambda connection: tables.write(connection, writes, now), writes=True)

    async def accounts(self, *names: str) -> list[Account]:
        return await self._run(lambda connection: self._accounts.read(connection, names))

    def now(self) -> float:
        return self._time.now()

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        names = [level.account for level in reservation.levels]
        base = self._time.base

        def work(connection: Connection) -> ReservationResult:
            # Only the first operation, which opens the file, learns the time that all processes agree on.
            moved = move(reservation, self._time.base - base)
            result = reserve_levels(moved, self._accounts.read(connection, names))
            self._accounts.write(connection, zip(names, result.accounts, strict=True))
            return result

        return await self._run(work, writes=True)

    async def settle(self, settlement: Settlement) -> SettlementResult:
        now = self._clock.now()
        names = [level.account for level in settlement.levels]

        def work(connection: Connection) -> SettlementResult:
            after, crossings = settle_levels(settlement, self._accounts.read(connection, names))
            if not tables.insert(connection, settlement.record, now):
                return SettlementResult(applied=False)
            alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
            tables.write(connection, alerts, now)
            self._accounts.write(connection, zip(names, after, strict=True))
            return SettlementResult(applied=True, crossings=crossings)

        return await self._run(work, writes=True)

    async def sweep(self, *accounts: str) -> int:
        now = self.now()

        def work(connection: Connection) -> int:
            before = self._accounts.read(connection, accounts)
            after = [release_ended(account, now) for account in before]
            swept = [
                (name, new, old.in_flight - new.in_flight)
                for name, old, new in zip(accounts, before, after, strict=True)
            ]
            self._accounts.write(connection, [(name, account) for name, account, count in swept if count])
            return sum(count for _, _, count in swept)

        return await self._run(work, writes=True)

    async def complete_settlements(self, since: float, until: float) -> int:  # noqa: ARG002 - one step each
        return 0

    async def aclose(self) -> None:
        """Close the file after the pending operations. Further operations raise StoreUnavailable."""
        await asyncio.to_thread(self._thread.close)

    async def _run(self, work: Callable[[Connection], _T], *, writes: bool = False) -> _T:
        if writes:
            self._writes += 1
            if self._writes % CLEAN_UP_INTERVAL == 1:
                work = self._with_clean_up(work)
        try:
            return await self._thread.run(work, writes=writes)
        except sqlite3.Error as error:
            raise StoreUnavailable("the store does not answer", retry_after=1.0) from error
        except RuntimeError as error:
            raise StoreUnavailable("the store is closed") from error

    def _with_clean_up(self, work: Callable[[Connection], _T]) -> Callable[[Connection], _T]:
        now = self._clock.now()

        def both(connection: Connection) -> _T:
            result = work(connection)
            tables.delete_expired(connection, now)
            return result

        return both

    def _open(self) -> Connection:
        connection = open_file(self._path, self._patience, self._clock.now())
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            self._time.base = agree_on_time(connection, self._clock)
        return connection
