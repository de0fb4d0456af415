"""Runs the operations of one event loop in groups: in the loop itself while that is quick, else in a thread.

An operation takes some ten microseconds, and handing it to a thread takes more. So the operations that are
requested in one iteration of the event loop run together at its end, in one transaction on the loop's own
connection, which never waits. The thread takes a group over if another connection has locked the file, if
anything fails, or for a time after a group took long (a slow disk); later operations follow it in their order
until the thread has finished.
"""

from __future__ import annotations

import asyncio
import sqlite3
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from time import perf_counter
from typing import Any

from vaultcore.errors import StoreUnavailable
from vaultcore.store.sqlite.operations import OnDone, Operation, Session, Work
from vaultcore.store.sqlite.thread import MAX_GROUP, TransactionThread

DELAY = 0.005  # seconds for which an operation that nobody waits for is queued
RETRY = 0.001  # seconds after which a group that found the file locked runs again, once
THREAD_SHARE = 50  # a slow group sends those of the next 50 times its duration to the thread
CHECKPOINT_INTERVAL = 500  # operations
RECONNECT = 60.0  # seconds until the loop opens its connection again


class Transactions:
    """One per store. Other event loops than the first may use it too: their operations run in the thread."""

    def __init__(
        self, connect: Callable[[], Session], connect_again: Callable[[], Session], *, slow: float
    ) -> None:
        """`connect` runs in the thread and opens the file; `connect_again` runs in the event loop.

        A group that takes longer than `slow` seconds shows a slow disk. With 0, the thread runs all groups.
        """
        self._thread = TransactionThread(connect, self._finish)
        self._connect_again, self._slow = connect_again, slow
        self._loop: AbstractEventLoop | None = None
        self._session: Session | None = None
        self._waiting: list[Operation] = []
        self._is_scheduled = self._is_closed = self._is_retry = False
        self._diverted = 0  # operations that the thread has taken over and not finished
        self._slow_until = 0.0  # by perf_counter
        self._writes = 0  # operations since the last checkpoint

    def run(self, work: Work[Any], *, writes: bool, at_once: bool = False) -> Future[Any]:
        """Run `work` with those of this iteration of the event loop; return the future of its result.

        With `at_once`, run it before this method returns, unless others of this iteration wait. If the future
        is cancelled, the operation is complete or does not begin. Raise StoreUnavailable if the store is
        closed.
        """
        loop = asyncio.get_running_loop()
        future: Future[Any] = loop.create_future()
        operation = Operation(work, writes, loop, future)
        if self._is_closed or (loop is not self._loop and not self._adopt(loop)):
            self._post(operation)
            return future
        self._waiting.append(operation)
        if not self._is_scheduled:
            self._run_soon(loop, at_once=at_once)
        return future

    def run_later(
        self, work: Work[Any], on_done: OnDone, delay: float = DELAY, *, at_once: bool = False
    ) -> None:
        """Run `work`, which writes, with the next group, `delay` seconds later at most. Nothing cancels it.

        With `at_once`, `on_done` may be called before this method returns. Raise StoreUnavailable if the
        store is closed.
        """
        loop = asyncio.get_running_loop()
        operation = Operation(work, True, loop, None, on_done)
        if self._is_closed or (loop is not self._loop and not self._adopt(loop)):
            self._post(operation)
            return
        self._waiting.append(operation)
        if not self._is_scheduled:
            if not delay:
                self._run_soon(loop, at_once=at_once)
            elif len(self._waiting) == 1:
                loop.call_later(delay, self._run_waiting)

    def run_alone(self, work: Work[Any], *, writes: bool) -> Future[Any]:
        """Run `work`, which may take long, in the thread, after the operations that wait.

        Raise StoreUnavailable if the store is closed.
        """
        loop = asyncio.get_running_loop()
        if self._waiting and loop is self._loop:
            self._run_waiting()
            self._divert()
        future: Future[Any] = loop.create_future()
        self._post(Operation(work, writes, loop, future, is_alone=True))
        return future

    def clean_up(self, work: Work[Any]) -> None:
        """Run `work`, which writes, in the thread. Nobody waits for it."""
        self._post(Operation(work, True, asyncio.get_running_loop(), is_alone=True))

    async def aclose(self) -> None:
        """Finish the operations that wait, in the thread, and close the file."""
        self._divert()
        self._is_closed = True
        if self._session is not None:
            self._session.close()  # first: the last connection to close copies the log to the file
        await asyncio.to_thread(self._thread.close)

    def _run_soon(self, loop: AbstractEventLoop, *, at_once: bool) -> None:
        if at_once:
            self._run_waiting()
        else:
            self._is_scheduled = True
            loop.call_soon(self._run_waiting)

    def _adopt(self, loop: AbstractEventLoop) -> bool:
        """Return True if operations of a loop may run in it: of one loop at a time, until it is closed."""
        if self._loop is not None and not self._loop.is_closed():
            return False
        self._loop, self._is_scheduled = loop, False
        return True

    def _run_waiting(self) -> None:
        """Run the operations that wait, the first MAX_GROUP of them in the event loop, or in the thread."""
        self._is_scheduled = False
        group = self._waiting
        if not group:
            return
        started = perf_counter()
        session = self._session or self._connect(started)
        if session is None or self._diverted or started < self._slow_until:
            self._divert()
            return
        if len(group) > MAX_GROUP:
            group, self._waiting = group[:MAX_GROUP], group[MAX_GROUP:]
            self._schedule(asyncio.get_running_loop(), 0.0)
        else:
            self._waiting = []
        for operation in group:
            if operation.future is not None and operation.future.cancelled():
                group = [each for each in group if not each.is_cancelled]
                break
        try:
            session.transact(group)
        except Exception as error:  # noqa: BLE001 - the thread repeats it and reports the error
            self._take_back(group, error)
            return
        self._is_retry = False
        if (seconds := perf_counter() - started) > self._slow:
            self._slow_until = started + seconds * THREAD_SHARE
        self._writes += len(group)
        if self._writes >= CHECKPOINT_INTERVAL:
            self._writes = 0
            self._thread.request_checkpoint()
        for operation in group:
            operation.finish()

    def _take_back(self, group: list[Operation], error: Exception) -> None:
        """Run a group that has failed again soon if the file was locked, or else divert it."""
        self._waiting = group + self._waiting
        is_locked = isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        if is_locked and not self._is_retry:
            self._is_retry = True
            self._schedule(asyncio.get_running_loop(), RETRY)
            return
        self._is_retry = False
        self._divert()

    def _schedule(self, loop: AbstractEventLoop, delay: float) -> None:
        self._is_scheduled = True
        loop.call_later(delay, self._run_waiting)

    def _connect(self, now: float) -> Session | None:
        """Open the loop's own connection, once the thread has opened the file. Return None if it cannot."""
        if self._slow and self._thread.is_connected and now >= self._slow_until:
            try:
                self._session = self._connect_again()
            except sqlite3.Error:
                self._slow_until = now + RECONNECT
        return self._session

    def _post(self, operation: Operation) -> None:
        try:
            self._thread.post((operation,))
        except RuntimeError as error:
            raise StoreUnavailable("the store is closed") from error

    def _divert(self) -> None:
        """Hand the operations that wait to the thread."""
        group, self._waiting = self._waiting, []
        if group:
            for operation in group:
                operation.is_diverted = True
            self._diverted += len(group)
            self._thread.post(group)

    def _finish(self, group: list[Operation]) -> None:
        """Give their results to those who wait for operations of one event loop. Run it in that loop."""
        for operation in group:
            if operation.is_diverted:
                self._diverted -= 1
            operation.finish()
