"""Transactions of one process that touch the same account, one after the other.

DynamoDB refuses a transaction that meets another one at an item, and has it come again. Requests of one
process need not run into each other so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

LONGEST = 3.0  # seconds to wait for others: DynamoDB may not answer them, and keeps order itself


class Lanes:
    """A lane for each account that somebody is writing to."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Have accounts for oneself, or no longer wait for them."""
        held: list[asyncio.Lock] = []
        try:
            await self._take(sorted(set(names)), held)  # in one order, so that nobody waits in a circle
            yield
        finally:
            for lock in held:
                lock.release()

    async def _take(self, names: list[str], held: list[asyncio.Lock]) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                for name in names:
                    lock = self._locks.get(name) or self._locks.setdefault(name, asyncio.Lock())
                    await lock.acquire()
                    held.append(lock)
        except TimeoutError:
            return
