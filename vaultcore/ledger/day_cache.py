"""The sums of days that reports have read, as long as the ledger adds nothing to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaultcore.clock import Clock
from vaultcore.store.base import ABSENT

MAX_ROWS = 20_000  # in memory: about 8 MB
LIFETIME = 60.0  # seconds: a process of a version before the position may add to sums without changing it


class DayCache:
    """Rows by day, of one version of the position of the sums (`ledger.positions`). One per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._version, self._since, self._size = ABSENT, 0.0, 0
        self._days: dict[str, Sequence[Any]] = {}

    def get(self, day: str, version: int) -> Sequence[Any] | None:
        """Return the rows of a day, or None if they must be read."""
        age = self._clock.now() - self._since
        if version != self._version or not 0 <= age < LIFETIME:
            self._days.clear()
            self._version, self._since, self._size = version, self._clock.now(), 0
        return self._days.get(day)

    def put(self, day: str, version: int, rows: Sequence[Any]) -> None:
        """Keep the rows of a day that were read at a version, unless there are too many."""
        if version == ABSENT or version != self._version or day in self._days:
            return
        if self._size + len(rows) <= MAX_ROWS:
            self._days[day] = rows
            self._size += len(rows)
