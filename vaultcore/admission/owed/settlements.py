"""Settles calls, and retries the settlements that the store did not accept: the owed settlements.

They are in the memory of this process, which retries them, and in a journal, which outlives the process.
Both may settle the same call: the store charges it once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from vaultcore.admission.owed.journal import JournalFailed, NoJournal, OwedJournal
from vaultcore.errors import StoreUnavailable
from vaultcore.store.base import BeginSettlement, Settlement, SettlementResult
from vaultcore.store.unavailable_reason import unavailable_reason
from vaultcore.telemetry import Log

CAPACITY = 1_000  # settlements in memory; more are only in the journal
PER_CALL = 2  # owed settlements that one call settles


class OwedMetrics(Protocol):
    """Counts owed settlements."""

    def count_owed(self, reason: str) -> None:
        """Count a settlement that the store did not accept. `reason`: see store.unavailable_reason."""
        ...

    def report_pending(self, number: int) -> None:
        """Report how many settlements this process and the journal of dead processes still owe."""
        ...


class NoMetrics:
    """For processes without metrics."""

    def count_owed(self, reason: str) -> None:  # noqa: ARG002
        return

    def report_pending(self, number: int) -> None:  # noqa: ARG002
        return


NO_JOURNAL, NO_METRICS = NoJournal(), NoMetrics()


class PendingSettlement:
    """The settlement of one call, from its beginning until it is settled or owed.

    If `is_awaited`, the client gets the end of its response afterwards.
    """

    __slots__ = ("_error", "_owner", "_waiters", "due", "is_awaited", "is_done", "key")

    def __init__(self, owner: OwedSettlements, due: Settlement, key: str, *, is_awaited: bool) -> None:
        self._owner, self.due, self.key = owner, due, key
        self.is_awaited, self.is_done = is_awaited, False
        self._error: BaseException | None = None
        self._waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait until the call is settled or owed. A cancelled task does not disturb it. Raises bugs only."""
        if not self.is_done:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._error is not None:
            raise self._error

    def receive(self, result: SettlementResult | None, error: BaseException | None) -> None:
        """Receive the store's result."""
        self._owner.receive(self, result, error)

    def end(self, error: BaseException | None) -> None:
        """Let continue what waits."""
        self.is_done, self._error = True, error
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class OwedSettlements:
    """One per process. `settle` writes to the store; `apply` receives its results."""

    def __init__(
        self,
        settle: Callable[[Settlement], Awaitable[SettlementResult]],
        apply: Callable[[Settlement, SettlementResult], None],
        log: Log,
        *,
        begin: BeginSettlement | None = None,
        journal: OwedJournal = NO_JOURNAL,
        metrics: OwedMetrics = NO_METRICS,
    ) -> None:
        """Without `begin`, a task settles each call."""
        self._settle, self._apply, self._log = settle, apply, log
        self._begin_in_store = begin
        self._open: set[PendingSettlement] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._journal, self._metrics = journal, metrics
        self._owed: deque[Settlement] = deque()
        self._unjournaled: set[str] = set()  # IDs of those in memory that the journal does not have
        self._journal_lock = asyncio.Lock()

    def begin(self, due: Settlement, key: str, *, is_awaited: bool) -> PendingSettlement:
        """Begin to settle the call of a key. It is settled or owed even if nothing waits for it."""
        pending = PendingSettlement(self, due, key, is_awaited=is_awaited)
        self._open.add(pending)
        if self._begin_in_store is None:
            self._run(pending, self.settle(due, key))
            return pending
        try:
            self._begin_in_store(due, pending.receive, is_awaited=is_awaited)
        except StoreUnavailable as error:
            pending.receive(None, error)
        return pending

    async def flush(self) -> None:
        """Wait until every call that was begun is settled or owed."""
        while self._open:
            await next(iter(self._open)).wait()

    def receive(
        self, pending: PendingSettlement, result: SettlementResult | None, error: BaseException | None
    ) -> None:
        """Apply the result of a call that was begun, or owe it."""
        if result is not None:
            self._apply(pending.due, result)
            if self._owed:
                self._run(pending, self.settle_owed(PER_CALL))
            else:
                self.end(pending)
        elif isinstance(error, StoreUnavailable):
            self._run(pending, self._owe(pending.due, pending.key, unavailable_reason(error)))
        else:
            self.end(pending, error)

    def end(self, pending: PendingSettlement, error: BaseException | None = None) -> None:
        """Let continue what waits for a call. `error` is a bug."""
        if error is not None:
            self._log_loss(pending.due)
        self._open.discard(pending)
        pending.end(error)

    def _run(self, pending: PendingSettlement, work: Coroutine[Any, Any, None]) -> None:
        """Run the rest of a settlement in a task."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)

        def end(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self.end(pending, None if done.cancelled() else done.exception())

        task.add_done_callback(end)

    async def settle(self, due: Settlement, key: str) -> None:
        """Settle the call of a key, or owe it. Raises only CancelledError; the call is owed then, too."""
        try:
            self._apply(due, await self._settle(due))
        except StoreUnavailable as error:
            await self._owe(due, key, unavailable_reason(error))
            return
        except asyncio.CancelledError:
            self._remember(due)
            raise
        await self.settle_owed(PER_CALL)

    async def settle_owed(self, most: int = CAPACITY) -> None:
        """Settle what this process owes, oldest first. Stop if the store is unavailable."""
        if not self._owed:
            return
        for _ in range(min(most, len(self._owed))):
            if not self._owed:  # another task settles them too
                break
            due, is_settled = self._owed.popleft(), False
            try:
                is_settled = await self._try_to_settle(due)
            finally:  # also after a cancellation
                if not is_settled:
                    self._owed.appendleft(due)
            if not is_settled:
                return
        await self._tidy_journal()

    async def settle_all(self) -> None:
        """Settle what this process and processes that have died owe. Raises JournalFailed."""
        await self.settle_owed()
        for due in [each for each in self._owed if each.id in self._unjournaled]:
            if not await self._append_to_journal(due):
                break
        await self._tidy_journal()
        remaining = await self._journal.settle_entries(self._try_to_settle)
        if number := remaining + len(self._owed):
            self._metrics.report_pending(number)

    async def aclose(self) -> None:
        """Close the journal. It keeps the settlements that are still owed."""
        await self._journal.aclose()

    async def _owe(self, due: Settlement, key: str, reason: str) -> None:
        self._remember(due)
        self._metrics.count_owed(reason)
        is_journaled = await self._append_to_journal(due)
        self._log.error(
            "settlement owed",
            request_id=due.id,
            key=key,
            reason=reason,
            prompt_tokens=due.charge.prompt,
            completion_tokens=due.charge.completion,
            cost_nanos=due.charge.nanos,
            is_journaled=is_journaled,
        )

    def _remember(self, due: Settlement) -> None:
        self._owed.append(due)
        self._unjournaled.add(due.id)

    async def _append_to_journal(self, due: Settlement) -> bool:
        """Append to the journal; free memory if it is full. Return False if the journal failed."""
        async with self._journal_lock:
            try:
                await self._journal.append(due)
            except JournalFailed:
                is_journaled = False
            else:
                is_journaled = True
                self._unjournaled.discard(due.id)
            if len(self._owed) > CAPACITY:
                await self._make_room()
        return is_journaled

    async def _make_room(self) -> None:
        """Drop from memory what the journal has. If too many settlements remain, log and drop the oldest."""
        self._owed = deque(each for each in self._owed if each.id in self._unjournaled)
        await self._journal.hand_over()
        while len(self._owed) > CAPACITY:
            dropped = self._owed.popleft()
            self._unjournaled.discard(dropped.id)
            self._log_loss(dropped)

    def _log_loss(self, due: Settlement) -> None:
        self._log.error("settlement lost", request_id=due.id, cost_nanos=due.charge.nanos)

    async def _tidy_journal(self) -> None:
        async with self._journal_lock:
            if not self._owed:
                await self._journal.mark_all_settled()

    async def _try_to_settle(self, due: Settlement) -> bool:
        """Settle; return False if the store is unavailable."""
        try:
            result = await self._settle(due)
        except StoreUnavailable:
            return False
        self._unjournaled.discard(due.id)
        self._apply(due, result)
        return True
