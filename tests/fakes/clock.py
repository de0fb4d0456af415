"""A clock that only sleeping advances."""

from __future__ import annotations

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z, a Sunday: the start of a rate window, in the middle of a day


class FakeClock:
    """Starts at 1,000 seconds by default. `sleep` advances it at once; `jitter` is always its maximum."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.time = at
        self.slept: list[float] = []
        self.stepped = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - self.stepped

    def step(self, seconds: float) -> None:
        """Set the clock forward or back. No time passes."""
        self.time += seconds
        self.stepped += seconds

    def jitter(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
