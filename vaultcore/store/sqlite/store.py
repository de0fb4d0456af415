"""A store in one SQLite file that several processes may share, for `vaultedge serve` on one machine."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.arithmetic import release_expired, reserve_levels, settle_levels
from vaultcore.store.base import Document, DocumentKey, Settlement, SettlementResult, Write
from vaultcore.store.sqlite import tables
from vaultcore.store.sqlite.file import open_file

PATIENCE = 5.0  # seconds to wait for other writers
_CLEAN_UP_EVERY = 500  # write operations; the first one also cleans up
_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"
_T = TypeVar("_T")


class SQLiteStore:
    """One connection, used in a thread of its own. The first operation opens the file.

    Every operation is one transaction that runs entirely in that thread. A cancelled task therefore leaves
    its operation either complete or not begun. Every operation raises ConfigError if the file is not a store.
    """

    def __init__(self, path: Path, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._path, self._clock, self._patience = path, clock, patience
        self._executor = ThreadPoolExecutor(1, "sqlite")  # starts its thread with the first operation
        self._connection: Connection | None = None  # used by that thread only
        self._writes = 0  # write operations so far

    async def get(
        self,
        *keys: DocumentKey,
        prefetch: Sequence[str] = (),  # noqa: ARG002 - accounts need no read before use
    ) -> list[Document | None]:
        now = self._clock.now()
        return await self._run(_READ, lambda connection: [tables.read(connection, key, now) for key in keys])

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

        return await self._run(_READ, work)

    async def write(self, *writes: Write) -> None:
        now = self._clock.now()
        await self._run(_WRITE, lambda connection: tables.write(connection, writes, now))

    async def accounts(self, *names: str) -> list[Account]:
        return await self._run(_READ, lambda connection: tables.read_accounts(connection, names))

    async def reserve(self, reservation: Reservation) -> list[Account]:
        names = [level.account for level in reservation.levels]

        def work(connection: Connection) -> list[Account]:
            after = reserve_levels(reservation, tables.read_accounts(connection, names))
            tables.write_accounts(connection, zip(names, after, strict=True))
            return after

        return await self._run(_WRITE, work)

    async def settle(self, settlement: Settlement) -> SettlementResult:
        now = self._clock.now()
        names = [level.account for level in settlement.levels]

        def work(connection: Connection) -> SettlementResult:
            if tables.read(connection, settlement.record.key, now) is not None:
                return SettlementResult(applied=False)
            after, crossings = settle_levels(settlement, tables.read_accounts(connection, names))
            alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
            tables.write(connection, [settlement.record, *settlement.adds, *alerts], now)
            tables.write_accounts(connection, zip(names, after, strict=True))
            return SettlementResult(applied=True, crossings=crossings)

        return await self._run(_WRITE, work)

    async def sweep(self, *accounts: str) -> int:
        now = self._clock.now()

        def work(connection: Connection) -> int:
            before = tables.read_accounts(connection, accounts)
            after = [release_expired(account, now) for account in before]
            counts = [len(old.leases) - len(new.leases) for old, new in zip(before, after, strict=True)]
            swept = zip(accounts, after, counts, strict=True)
            tables.write_accounts(connection, [(name, account) for name, account, count in swept if count])
            return sum(counts)

        return await self._run(_WRITE, work)

    async def aclose(self) -> None:
        """Close the file after the pending operations. Further operations raise StoreUnavailable."""
        await asyncio.to_thread(self._shut_down)

    async def _run(self, begin: str, work: Callable[[Connection], _T]) -> _T:
        """Run `work` in a transaction that the statement `begin` starts."""
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._executor, self._transact, begin, work)
        except RuntimeError as error:  # the executor is shut down
            raise StoreUnavailable("the store is closed") from error
        return await future

    def _transact(self, begin: str, work: Callable[[Connection], _T]) -> _T:
        try:
            connection = self._connection = self._connection or open_file(self._path, self._patience)
            with connection:
                connection.execute(begin)
                result = work(connection)
        except sqlite3.Error as error:
            raise StoreUnavailable("the store does not answer", retry_after=1.0) from error
        if begin is _WRITE:
            self._schedule_clean_up()
        return result

    def _schedule_clean_up(self) -> None:
        self._writes += 1
        if self._writes % _CLEAN_UP_EVERY == 1:
            with contextlib.suppress(RuntimeError):  # closed in the meantime
                self._executor.submit(self._clean_up)  # runs after the operations that wait already

    def _clean_up(self) -> None:
        now = self._clock.now()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error), self._connection as connection:
                connection.execute(_WRITE)
                tables.delete_expired(connection, now)

    def _shut_down(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed before
            self._executor.submit(self._close)
        self._executor.shutdown()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
