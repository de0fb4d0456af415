"""Settles calls, and retries the settlements that the store did not accept: the owed settlements.

They are in the memory of this process, which retries them, and in a journal, which outlives the process.
Both may settle the same call: the store charges it once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from vaultcore.admission.owed.journal import JournalFailed, NoJournal, OwedJournal
from vaultcore.errors import StoreUnavailable
from vaultcore.store.base import Settlement, SettlementResult
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


class OwedSettlements:
    """One per process. `settle` writes to the store; `apply` receives its results."""

    def __init__(
        self,
        settle: Callable[[Settlement], Awaitable[SettlementResult]],
        apply: Callable[[Settlement, SettlementResult], None],
        log: Log,
        *,
        journal: OwedJournal = NO_JOURNAL,
        metrics: OwedMetrics = NO_METRICS,
    ) -> None:
        self._settle, self._apply, self._log = settle, apply, log
        self._journal, self._metrics = journal, metrics
        self._owed: deque[Settlement] = deque()
        self._unjournaled: set[str] = set()  # IDs of those in memory that the journal does not have
        self._journal_lock = asyncio.Lock()

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
            self._log.error("settlement lost", request_id=dropped.id, cost_nanos=dropped.charge.nanos)

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
