"""A clock that sleeping moves."""

from __future__ import annotations


class FakeClock:
    """Starts at second 1,000; `jitter` is always the largest it can be."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def jitter(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
