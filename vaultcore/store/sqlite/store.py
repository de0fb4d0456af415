"""A store in one SQLite file that several processes may share, for `vaultedge serve` on one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from vaultcore.clock import Clock
from vaultcore.limits.account import Account, release_ended
from vaultcore.limits.reservation import Reservation, ReservationResult, move
from vaultcore.store.arithmetic import reserve_levels, settle_levels
from vaultcore.store.base import Document, DocumentKey, Settled, Settlement, SettlementResult, Write
from vaultcore.store.key_names import KeyName
from vaultcore.store.scan import Scan
from vaultcore.store.sqlite import summaries, tables
from vaultcore.store.sqlite.accounts import agree_on_time
from vaultcore.store.sqlite.file import open_again, open_file
from vaultcore.store.sqlite.operations import Session, Work
from vaultcore.store.sqlite.transactions import DELAY, Transactions
from vaultcore.store.store_time import MachineTime
from vaultcore.store.usage_selection import UsageRow, UsageSelection

PATIENCE = 5.0  # seconds to wait for other writers
SLOW = 0.02  # seconds of a transaction: the disk is slow
CLEAN_UP_INTERVAL = 500  # write operations; opening the file cleans up too
MAX_KEYS = 30  # documents or accounts of one operation that the event loop runs itself
_T = TypeVar("_T")


class SQLiteStore:
    """Two connections: one of the event loop, for what takes microseconds, and one of a thread.

    The first operation opens the file. Every operation is one transaction or part of one, on one of the
    connections. Every operation raises ConfigError if the file is not a store.
    """

    def __init__(self, path: Path, clock: Clock, *, patience: float = PATIENCE, slow: float = SLOW) -> None:
        """If a transaction takes longer than `slow` seconds, the thread runs the next ones; with 0, all."""
        self._path, self._clock, self._patience = path, clock, patience
        self._time = MachineTime.start(clock)
        self._transactions = Transactions(self._open, self._open_again, slow=slow)
        self._writes = 0  # write operations so far
        # Calls between their reservation and their settlement. One alone has nobody to share a transaction
        # with: to wait for others would cost it two turns of the event loop, 75 Python calls of 630.
        self._in_flight = 0

    async def get(
        self,
        *keys: DocumentKey,
        prefetch: Sequence[str] = (),  # noqa: ARG002 - accounts need no read before use
    ) -> list[Document | None]:
        now = self._clock.now()

        def work(session: Session) -> list[Document | None]:
            return [tables.read(session.connection, key, now) for key in keys]

        run = self._transactions.run if len(keys) <= MAX_KEYS else self._transactions.run_alone
        result: list[Document | None] = await run(work, writes=False)
        return result

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

        def work(session: Session) -> list[Document]:
            return tables.read_range(
                session.connection,
                collection,
                now,
                after=after,
                before=before,
                limit=limit,
                newest_first=newest_first,
            )

        result: list[Document] = await self._transactions.run_alone(work, writes=False)
        return result

    async def scan_newest(
        self,
        collections: Sequence[str],
        may_match: Callable[[str], bool],
        *,
        after: str,
        before: str,
        limit: int,
    ) -> Scan:
        """See `ScanNewest`."""
        now = self._clock.now()

        def work(session: Session) -> Scan:
            return tables.scan_newest(
                session.connection, collections, may_match, now, after=after, before=before, limit=limit
            )

        result: Scan = await self._transactions.run_alone(work, writes=False)
        return result

    async def sum_usage(self, selection: UsageSelection) -> Sequence[UsageRow]:
        """See `SumUsage`."""
        now = self._clock.now()
        return await self._read_summary(lambda each: summaries.read_usage(each, selection, now))

    async def read_key_names(self, limit: int) -> Sequence[KeyName]:
        """See `ReadKeyNames`."""
        return await self._read_summary(lambda each: summaries.read_key_names(each, limit))

    async def write(self, *writes: Write) -> None:
        now = self._clock.now()
        is_summarized = summaries.concerns_summaries(each.key for each in writes)

        def work(session: Session) -> None:
            tables.write(session.connection, writes, now)
            if is_summarized:
                summaries.apply_changes(session.connection)

        await self._write(work)

    async def accounts(self, *names: str) -> list[Account]:
        run = self._transactions.run if len(names) <= MAX_KEYS else self._transactions.run_alone
        result: list[Account] = await run(lambda session: session.accounts.read(names), writes=False)
        return result

    def now(self) -> float:
        return self._time.now()

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        time, base = self._time, self._time.base
        names = [level.account for level in reservation.levels]

        def work(session: Session) -> ReservationResult:
            # Only the first operation, which opens the file, learns the time that all processes agree on.
            moved = reservation if time.base == base else move(reservation, time.base - base)
            accounts = session.accounts
            result = reserve_levels(moved, accounts.read(names))
            accounts.write(names, result.accounts)
            return result

        is_alone = self._in_flight == 0
        self._in_flight += 1
        try:
            future = self._transactions.run(work, writes=True, at_once=is_alone)
            self._count_write()
            result: ReservationResult = await future
        except BaseException:
            self._in_flight -= 1
            raise
        return result

    async def settle(self, settlement: Settlement) -> SettlementResult:
        self._in_flight = max(0, self._in_flight - 1)
        return await self._write(self._settlement(settlement))

    def begin_settlement(self, settlement: Settlement, on_done: Settled, *, is_awaited: bool) -> None:
        """See `BeginSettlement`."""
        work, delay = self._settlement(settlement), DELAY
        if is_awaited:
            self._in_flight, delay = max(0, self._in_flight - 1), 0.0
        self._transactions.run_later(work, on_done, delay, at_once=self._in_flight == 0)
        self._count_write()

    async def sweep(self, *accounts: str) -> int:
        now = self.now()

        def work(session: Session) -> int:
            before = session.accounts.read(accounts)
            after = [release_ended(account, now) for account in before]
            swept = [
                (name, new, old.in_flight - new.in_flight)
                for name, old, new in zip(accounts, before, after, strict=True)
                if new is not old
            ]
            session.accounts.write([name for name, _, _ in swept], [new for _, new, _ in swept])
            return sum(count for _, _, count in swept)

        self._count_write()
        result: int = await self._transactions.run_alone(work, writes=True)
        return result

    async def complete_settlements(self, since: float, until: float) -> int:  # noqa: ARG002 - one step each
        return 0

    async def aclose(self) -> None:
        """Close the file after the pending operations. Further operations raise StoreUnavailable."""
        await self._transactions.aclose()

    async def _read_summary(self, read: Callable[[Connection], Sequence[_T]]) -> Sequence[_T]:
        """Read tables that are brought up to date first, if another version of the gateway has written."""

        def read_current(session: Session) -> Sequence[_T] | None:
            return None if summaries.has_changes(session.connection) else read(session.connection)

        def update(session: Session) -> Sequence[_T]:
            summaries.apply_changes(session.connection)
            return read(session.connection)

        rows: Sequence[_T] | None = await self._transactions.run_alone(read_current, writes=False)
        if rows is not None:
            return rows
        updated: Sequence[_T] = await self._transactions.run_alone(update, writes=True)
        return updated

    def _settlement(self, settlement: Settlement) -> Work[SettlementResult]:
        now, names = self._clock.now(), [level.account for level in settlement.levels]

        def work(session: Session) -> SettlementResult:
            accounts = session.accounts
            after, crossings = settle_levels(settlement, accounts.read(names))
            if not tables.insert(session.connection, settlement.record, now):
                return _SETTLED_BEFORE
            if not crossings:
                accounts.write(names, after)
                return _SETTLED
            alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
            tables.write(session.connection, alerts, now)
            accounts.write(names, after)
            return SettlementResult(applied=True, crossings=crossings)

        return work

    async def _write(self, work: Work[_T]) -> _T:
        future = self._transactions.run(work, writes=True)
        self._count_write()
        result: _T = await future
        return result

    def _count_write(self) -> None:
        self._writes += 1
        if self._writes % CLEAN_UP_INTERVAL == 0:
            self._clean_up()

    def _clean_up(self) -> None:
        now = self._clock.now()
        self._transactions.clean_up(lambda session: _delete_expired(session.connection, now))

    async def _run(self, work: Callable[[Connection], _T]) -> _T:
        """Run an operation of a test, which reads."""
        result: _T = await self._transactions.run(lambda session: work(session.connection), writes=False)
        return result

    def _open(self) -> Session:
        connection = open_file(self._path, self._patience, self._clock.now())
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            self._time.base = agree_on_time(connection, self._clock)
            _delete_expired(connection, self._clock.now())
        return Session(connection)

    def _open_again(self) -> Session:
        return Session(open_again(self._path))


def _delete_expired(connection: Connection, now: float) -> None:
    tables.delete_expired(connection, now)
    summaries.apply_changes(connection)


_SETTLED, _SETTLED_BEFORE = SettlementResult(applied=True), SettlementResult(applied=False)
