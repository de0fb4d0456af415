"""A journal in an SQS queue, for Lambda: the data plane appends, the maintenance function settles."""

from __future__ import annotations

from vaultcore.admission.owed.journal import JournalFailed, Settle
from vaultcore.admission.owed.settlement_json import parse_settlement, render_settlement
from vaultcore.aws.clients import AwsError
from vaultcore.aws.sqs import QueuedMessage, SqsQueue
from vaultcore.store.base import Settlement
from vaultcore.telemetry import Log

MAX_BATCHES = 100  # messages per call of `settle_entries`: ten times this


class QueueJournal:
    """One per process. A message stays until its settlement is in the store, at most 14 days."""

    def __init__(self, queue: SqsQueue, log: Log) -> None:
        self._queue, self._log = queue, log

    async def append(self, due: Settlement) -> None:
        """See `OwedJournal`."""
        try:
            await self._queue.send(render_settlement(due))
        except AwsError as error:
            raise JournalFailed(str(error)) from error

    async def mark_all_settled(self) -> None:
        """See `OwedJournal`. Nothing to do: `settle_entries` deletes messages that are settled already."""

    async def hand_over(self) -> None:
        """See `OwedJournal`. Nothing to do."""

    async def settle_entries(self, settle: Settle) -> int:
        """See `OwedJournal`. A message that is no settlement stays: a newer version may have sent it."""
        try:
            for _ in range(MAX_BATCHES):
                messages = await self._queue.receive()
                if not messages:
                    break
                for number, message in enumerate(messages):
                    if not await self._settle_message(message, settle):
                        return len(messages) - number
        except AwsError as error:
            raise JournalFailed(str(error)) from error
        return 0

    async def aclose(self) -> None:
        """See `OwedJournal`."""
        self._queue.close()

    async def _settle_message(self, message: QueuedMessage, settle: Settle) -> bool:
        try:
            due = parse_settlement(message.text)
        except ValueError as error:
            self._log.error("owed settlement unreadable", reason=str(error))
            return True
        if not await settle(due):
            return False
        await self._queue.delete(message)
        return True
