"""A store in one SQLite file, which several processes may share: for `vaultedge serve` and one machine."""

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
from vaultcore.store.arithmetic import reserved, settled, swept
from vaultcore.store.base import Add, Document, Drop, Name, Put, Settled, Settlement
from vaultcore.store.sqlite import tables
from vaultcore.store.sqlite.file import opened

PATIENCE = 5.0  # seconds to wait for other writers
_FORGET_EVERY = 500  # writing operations, and once at the first
_READING, _WRITING = "BEGIN", "BEGIN IMMEDIATE"
_T = TypeVar("_T")


class SqliteStore:
    """One connection in a thread of its own. Nothing is opened before the first operation.

    Every operation is one transaction, all of which happens in that thread: a task that is cancelled while
    it waits leaves it done or not begun. A file that is not ours raises ConfigError, from every operation.
    """

    def __init__(self, path: Path, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._path, self._clock, self._patience = path, clock, patience
        self._thread = ThreadPoolExecutor(1, "sqlite")  # which starts with the first work
        self._connection: Connection | None = None  # the thread's
        self._written = 0  # operations

    async def get(
        self,
        *names: Name,
        ahead: Sequence[str] = (),  # noqa: ARG002 - nothing to look at first
    ) -> list[Document | None]:
        now = self._clock.now()
        return await self._run(
            _READING, lambda connection: [tables.read(connection, name, now) for name in names]
        )

    async def entries(
        self,
        shelf: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        now = self._clock.now()

        def listed(connection: Connection) -> list[Document]:
            return tables.listed(
                connection, shelf, now, after=after, before=before, limit=limit, newest_first=newest_first
            )

        return await self._run(_READING, listed)

    async def write(self, *writes: Put | Drop | Add) -> None:
        now = self._clock.now()
        await self._run(_WRITING, lambda connection: tables.write(connection, writes, now))

    async def accounts(self, *names: str) -> list[Account]:
        return await self._run(_READING, lambda connection: tables.accounts(connection, names))

    async def admit(self, reservation: Reservation) -> list[Account]:
        names = [level.account for level in reservation.levels]

        def admitted(connection: Connection) -> list[Account]:
            after = reserved(reservation, tables.accounts(connection, names))
            tables.keep(connection, zip(names, after, strict=True))
            return after

        return await self._run(_WRITING, admitted)

    async def settle(self, settlement: Settlement) -> Settled:
        now = self._clock.now()
        names = [level.account for level in settlement.levels]

        def done(connection: Connection) -> Settled:
            if tables.read(connection, settlement.record.name, now) is not None:
                return Settled(fresh=False)
            after, crossed = settled(settlement, tables.accounts(connection, names))
            alerts = [settlement.alert(each) for each in crossed] if settlement.alert else []
            tables.write(connection, [settlement.record, *settlement.adds, *alerts], now)
            tables.keep(connection, zip(names, after, strict=True))
            return Settled(fresh=True, crossings=crossed)

        return await self._run(_WRITING, done)

    async def sweep(self, *accounts: str) -> int:
        now = self._clock.now()

        def done(connection: Connection) -> int:
            before = tables.accounts(connection, accounts)
            after = [swept(account, now) for account in before]
            over = [len(old.leases) - len(new.leases) for old, new in zip(before, after, strict=True)]
            changed = zip(accounts, after, over, strict=True)
            tables.keep(connection, [(name, account) for name, account, ended in changed if ended])
            return sum(over)

        return await self._run(_WRITING, done)

    async def aclose(self) -> None:
        """Close the file, after what is under way; the store is of no use any more."""
        await asyncio.to_thread(self._end)

    async def _run(self, begin: str, work: Callable[[Connection], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(self._thread, self._transact, begin, work)
        except RuntimeError as error:  # which is how an executor says that it is closed
            raise StoreUnavailable("the store is closed") from error
        return await running

    def _transact(self, begin: str, work: Callable[[Connection], _T]) -> _T:
        try:
            connection = self._connection = self._connection or opened(self._path, self._patience)
            with connection:
                connection.execute(begin)
                result = work(connection)
        except sqlite3.Error as error:
            raise StoreUnavailable("the store does not answer", retry_after=1.0) from error
        if begin is _WRITING:
            self._forget_now_and_then()
        return result

    def _forget_now_and_then(self) -> None:
        self._written += 1
        if self._written % _FORGET_EVERY == 1:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                self._thread.submit(self._forget)  # after those who wait already

    def _forget(self) -> None:
        now = self._clock.now()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error), self._connection as connection:
                connection.execute(_WRITING)
                tables.forget(connection, now)

    def _end(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed before
            self._thread.submit(self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
