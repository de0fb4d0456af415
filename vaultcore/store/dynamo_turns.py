"""Turns at writing what others write to at the same time, and what is said where there are no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamo import Busy
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable

TURNS = 16
AT_ONCE = 2  # turns without a pause: what DynamoDB has just shown is most likely still so
PAUSES = (0.02, 1.0)  # seconds: doubling from the first to the second


class Turns:
    """The turns of one writing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken = 0

    async def another(self, *, busy: bool = False) -> None:
        """Wait for the next turn, longer where DynamoDB is busy. Raises Busy after the last."""
        self._taken += 1
        if self._taken == TURNS:
            raise Busy("write", "others write to the same items")
        doublings = self._taken - (1 if busy else AT_ONCE)
        if doublings >= 0:
            first, most = PAUSES
            await self._clock.sleep(self._clock.jitter() * min(most, first * 2**doublings))


@contextmanager
def answering() -> Iterator[None]:
    """Have AWS's failures become ours. The cause is for logs; it names the call and AWS's code."""
    try:
        yield
    except AwsError as error:
        raise StoreUnavailable("the store does not answer", retry_after=1.0) from error
