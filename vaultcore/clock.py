"""Time and chance, so that everything that waits can be tested without waiting."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def jitter(self) -> float:
        # From the system's generator: copies restored from one snapshot must not draw the same numbers.
        return secrets.randbelow(1 << 53) / (1 << 53)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
