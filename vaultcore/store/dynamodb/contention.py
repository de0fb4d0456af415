"""Contention: locks between the tasks of one process, and backoff when DynamoDB reports a conflict.

DynamoDB rejects a transaction that meets another one at the same item. Tasks of one process avoid such
conflicts by writing to the same accounts one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import DynamoDBBusy
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable

MAX_WAIT = 3.0  # seconds to wait for a lock: its holder may get no response, and DynamoDB keeps order itself
MAX_ATTEMPTS = 16  # of one write
IMMEDIATE = 2  # attempts without a pause: what DynamoDB has just returned is most likely still current
PAUSES = (0.02, 1.0)  # seconds: the first pause and the longest; each is twice the one before


class AccountLocks:
    """One lock for each account that a task of this process writes to."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def exclusive(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Lock accounts. After MAX_WAIT seconds go on without the missing locks."""
        locked: list[asyncio.Lock] = []
        try:
            await self._acquire(sorted(set(names)), locked)  # always in one order, so that no deadlock occurs
            yield
        finally:
            for lock in locked:
                lock.release()

    async def _acquire(self, names: list[str], locked: list[asyncio.Lock]) -> None:
        try:
            async with asyncio.timeout(MAX_WAIT):
                for name in names:
                    lock = self._locks.get(name) or self._locks.setdefault(name, asyncio.Lock())
                    await lock.acquire()
                    locked.append(lock)
        except TimeoutError:
            return


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
