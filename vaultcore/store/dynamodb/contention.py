"""Backoff when DynamoDB reports a conflict or throttles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import DynamoDBBusy
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable

MAX_ATTEMPTS = 16  # of one write
IMMEDIATE = 2  # attempts without a pause: what DynamoDB has just returned is most likely still current
PAUSES = (0.02, 1.0)  # seconds: the first pause and the longest; each is twice the one before


class WriteBackoff:
    """Limits and delays the attempts of one write."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts = 0

    async def wait(self, *, busy: bool = False) -> None:
        """Wait before the next attempt, longer if DynamoDB is busy. Raise DynamoDBBusy after the last."""
        self._attempts += 1
        if self._attempts == MAX_ATTEMPTS:
            raise DynamoDBBusy("write", "others write to the same items")
        doublings = self._attempts - (1 if busy else IMMEDIATE)
        if doublings >= 0:
            first, longest = PAUSES
            await self._clock.sleep(self._clock.jitter() * min(longest, first * 2**doublings))


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Raise StoreUnavailable for AwsError. Its cause names the call and AWS's error code, for logs."""
    try:
        yield
    except AwsError as error:
        raise StoreUnavailable("the store does not answer", retry_after=1.0) from error
