"""A thread with its own connection: it waits for other processes, and runs what may take long."""

from __future__ import annotations

import contextlib
import sqlite3
from asyncio import AbstractEventLoop
from collections import defaultdict
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from vaultcore.store.sqlite.operations import Operation, Session

MAX_GROUP = 64  # operations of one transaction
MAX_WAL_PAGES = 8_000  # 32 MB: a longer log is emptied, for which writers wait some milliseconds
_PASSIVE, _RESTART = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"

Finish = Callable[[list[Operation]], None]
Item = Operation | Callable[[], None] | None  # None ends the thread


def _nothing() -> None:
    """Mark an empty queue."""


class TransactionThread:
    """Runs operations in their order, and `connect` before the first, all in one thread.

    Those that wait at the same time share a transaction. If it fails, each of them runs again in a
    transaction of its own. `finish` gets the operations of one event loop, in that loop.
    """

    def __init__(self, connect: Callable[[], Session], finish: Finish) -> None:
        self._connect, self._finish = connect, finish
        self.is_connected = False
        self._session: Session | None = None
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._lock, self._is_closed = Lock(), False
        self._thread: Thread | None = None

    def post(self, operations: Iterable[Operation]) -> None:
        """Queue operations. Raise RuntimeError if the thread is closed."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("closed")
            self._start()
            for operation in operations:
                self._queue.put(operation)

    def request_checkpoint(self) -> None:
        """Queue a copy of the write-ahead log to the file. Do nothing if the thread is closed."""
        with self._lock:
            if not self._is_closed:
                self._start()
                self._queue.put(self._checkpoint)

    def close(self) -> None:
        """Finish the operations that wait, and close the connection. Blocks."""
        with self._lock:
            self._is_closed = True
            self._queue.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._loop, name="sqlite", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        item = self._queue.get()
        while item is not None:
            if isinstance(item, Operation):
                item = self._run_from(item)
            else:
                item()
                item = self._queue.get()
        if self._session is not None:
            self._session.close()

    def _run_from(self, first: Operation) -> Item:
        """Run an operation and those that follow it in the queue. Return the next item."""
        group, item = [first], self._following()
        while isinstance(item, Operation) and not (first.is_alone or item.is_alone):
            if len(group) == MAX_GROUP:
                break
            group.append(item)
            item = self._following()
        self._run_group(group)
        return self._queue.get() if item is _nothing else item

    def _following(self) -> Item:
        try:
            return self._queue.get_nowait()
        except Empty:
            return _nothing

    def _run_group(self, group: list[Operation]) -> None:
        try:
            self._transact([each for each in group if not each.is_cancelled])
        finally:
            by_loop: defaultdict[AbstractEventLoop, list[Operation]] = defaultdict(list)
            for operation in group:
                by_loop[operation.loop].append(operation)
            for loop, operations in by_loop.items():
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                    loop.call_soon_threadsafe(self._finish, operations)

    def _transact(self, group: list[Operation]) -> None:
        if not group:
            return
        try:
            if self._session is None:
                self._session = self._connect()
                self.is_connected = True
            self._session.transact(group)
        except BaseException as error:  # noqa: BLE001 - it belongs to the task that waits for the result
            if len(group) == 1:
                group[0].error = error
                return
            for operation in group:
                self._transact([operation])

    def _checkpoint(self) -> None:
        """Copy the write-ahead log to the file while others write; empty it if it has become long.

        Each step ends at once if another connection is in its way, which the next checkpoint makes up for.
        """
        if self._session is None:
            return
        connection = self._session.connection
        with contextlib.suppress(sqlite3.Error):
            _, pages, copied = connection.execute(_PASSIVE).fetchone()
            if pages <= MAX_WAL_PAGES or copied < pages - MAX_WAL_PAGES:
                return
            (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute(_RESTART).fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {patience}")
