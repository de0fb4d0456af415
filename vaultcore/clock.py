"""Time and random delays, as a parameter, so that tests do not wait."""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial
from typing import Protocol

# Counts the time for which a machine is suspended, unlike Linux's CLOCK_MONOTONIC.
_UPTIME: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Clock(Protocol):
    """The source of time. `SystemClock` is real, `tests.fakes.clock.FakeClock` is set by tests."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds since a start that all processes of this machine share.

        It does not follow when the clock is set.
        """
        ...

    def jitter(self) -> float:
        """Return a random number in [0, 1)."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clock of the operating system."""

    # The functions themselves: every request asks a dozen times.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic if _UPTIME is None else partial(time.clock_gettime, _UPTIME))

    def jitter(self) -> float:
        # From the operating system: processes restored from one snapshot must not draw the same numbers.
        return secrets.randbelow(1 << 53) / (1 << 53)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
