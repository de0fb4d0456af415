"""A thread that runs operations on one connection. Those that wait at the same time share one transaction.

A commit costs more than most operations. Operations that wait while another transaction runs are therefore
committed together. An operation that raises before its first write does not disturb the others. If anything
else fails, the transaction is undone and each operation runs again in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from sqlite3 import Connection
from threading import Lock, Thread
from typing import Any, TypeVar

from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import Conflict

MAX_GROUP = 64  # operations of one transaction
_T = TypeVar("_T")
Work = Callable[[Connection], _T]


@dataclass(slots=True)
class Operation:
    """One operation, and the future that gets its result."""

    work: Work[Any]
    writes: bool
    future: Future[Any] = field(default_factory=Future)
    outcome: Any = None
    error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Run the work. Keep an error that it raises before its first write; let others pass."""
        before = connection.total_changes
        try:
            self.outcome = self.work(connection)
        except (LimitRefused, Conflict) as error:
            if connection.total_changes != before:
                raise
            self.error = error

    def finish(self) -> None:
        """Give the result to the task that waits for it."""
        if not self.future.set_running_or_notify_cancel():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.outcome)


class TransactionThread:
    """Runs operations in their order, and `connect` before the first, all in one thread.

    `begin` runs at the start of every transaction, `undo` after one that was undone.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        begin: Callable[[Connection], None],
        undo: Callable[[], None],
    ) -> None:
        self._connect, self._begin, self._undo = connect, begin, undo
        self._connection: Connection | None = None
        self._queue: SimpleQueue[Operation | None] = SimpleQueue()
        self._lock, self._is_closed = Lock(), False
        self._thread: Thread | None = None

    async def run(self, work: Work[_T], *, writes: bool) -> _T:
        """Run `work` in a transaction and return its result. Raise RuntimeError if the thread is closed.

        A cancelled task leaves the operation complete or not begun.
        """
        operation = Operation(work, writes)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("closed")
            if self._thread is None:
                self._thread = Thread(target=self._loop, name="sqlite", daemon=True)
                self._thread.start()
            self._queue.put(operation)
        return await asyncio.wrap_future(operation.future)

    def close(self) -> None:
        """Finish the operations that wait, and close the connection. Blocks."""
        with self._lock:
            self._is_closed = True
            self._queue.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def _loop(self) -> None:
        is_open = True
        while is_open:
            group: list[Operation] = []
            operation = self._queue.get()
            while operation is not None:
                group.append(operation)
                if len(group) == MAX_GROUP:
                    break
                try:
                    operation = self._queue.get_nowait()
                except Empty:
                    break
            is_open = operation is not None
            self._run_group(group)
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()

    def _run_group(self, group: list[Operation]) -> None:
        group = [operation for operation in group if not operation.future.cancelled()]
        if not group:
            return
        try:
            self._transact(group)
        except BaseException as error:  # noqa: BLE001 - it belongs to the task that waits for the result
            self._undo()
            if len(group) > 1:
                for operation in group:
                    self._run_group([operation])
                return
            group[0].error = error
        for operation in group:
            operation.finish()

    def _transact(self, group: list[Operation]) -> None:
        connection = self._connection = self._connection or self._connect()
        with connection:
            connection.execute("BEGIN IMMEDIATE" if any(each.writes for each in group) else "BEGIN")
            self._begin(connection)
            for operation in group:
                operation.error = None
                operation.run(connection)
