"""Operations of the SQLite store, and connections that run a group of them in one transaction.

A commit costs more than most operations, so operations that wait at the same time share one. An operation
that raises before its first write does not disturb the others. If anything else fails, the transaction is
undone.
"""

from __future__ import annotations

import contextlib
import sqlite3
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any, TypeVar

from vaultcore.errors import StoreUnavailable
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import Conflict
from vaultcore.store.sqlite.accounts import AccountCache

_T = TypeVar("_T")
OnDone = Callable[[Any, BaseException | None], None]


class Session:
    """A connection, and the accounts as its last transactions left them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.accounts = AccountCache(connection)

    def transact(self, group: Sequence[Operation]) -> None:
        """Run operations in one transaction. If it raises, nothing of it is written."""
        connection, accounts = self.connection, self.accounts
        begin = "BEGIN"
        for operation in group:
            if operation.writes:
                begin = "BEGIN IMMEDIATE"
                break
        try:
            connection.execute(begin)
            accounts.begin()
            for operation in group:
                operation.error = None
                before = connection.total_changes + accounts.changes
                try:
                    operation.outcome = operation.work(self)
                except (LimitRefused, Conflict) as error:
                    if connection.total_changes + accounts.changes != before:
                        raise
                    operation.error = error
            accounts.flush()
            connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    def _undo(self) -> None:
        self.accounts.clear()
        if self.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")


Work = Callable[[Session], _T]


class Operation:
    """One operation. Its result goes to a future, or to `on_done` if nothing can cancel it.

    Not a dataclass: each request creates several.
    """

    __slots__ = ("error", "future", "is_alone", "is_diverted", "loop", "on_done", "outcome", "work", "writes")

    def __init__(
        self,
        work: Work[Any],
        writes: bool,
        loop: AbstractEventLoop,
        future: Future[Any] | None = None,
        on_done: OnDone | None = None,
        *,
        is_alone: bool = False,
    ) -> None:
        self.work, self.writes, self.loop, self.future, self.on_done = work, writes, loop, future, on_done
        self.is_alone = is_alone  # shares no transaction: it may take long
        self.is_diverted = False  # from the event loop to the thread
        self.outcome: Any = None
        self.error: BaseException | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.future is not None and self.future.cancelled()

    def finish(self) -> None:
        """Give the result to the task that waits for it. Run it in the operation's event loop."""
        error = self.error
        if error is not None:
            error = _public_error(error)
        if self.on_done is not None:
            self.on_done(self.outcome, error)
        future = self.future
        if future is None or future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(self.outcome)


def _public_error(error: BaseException) -> BaseException:
    """Return the error that the store protocol names."""
    if not isinstance(error, sqlite3.Error):
        return error
    unavailable = StoreUnavailable("the store does not answer", retry_after=1.0)
    unavailable.__cause__ = error
    return unavailable
