"""The sums of days that reports have read, as long as the ledger adds nothing to them."""

from __future__ import annotations

from collections.abc import Hashable, Sized
from typing import Any

from vaultcore.clock import Clock
from vaultcore.store.base import ABSENT

MAX_ROWS = 20_000  # in memory: about 8 MB
LIFETIME = 60.0  # seconds: a process of a version before the position may add to sums without changing it


class DayCache:
    """Rows by day or selection, of one version of the position of the sums (`ledger.positions`).

    One per process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._version, self._since, self._size = ABSENT, 0.0, 0
        self._rows: dict[Hashable, Any] = {}

    def get(self, name: Hashable, version: int) -> Any:
        """Return the rows of a day or selection, or None if they must be read."""
        age = self._clock.now() - self._since
        if version != self._version or not 0 <= age < LIFETIME:
            self._rows.clear()
            self._version, self._since, self._size = version, self._clock.now(), 0
        return self._rows.get(name)

    def put(self, name: Hashable, version: int, rows: Sized) -> None:
        """Keep rows that were read at a version, unless there are too many."""
        if version == ABSENT or version != self._version or name in self._rows:
            return
        if self._size + len(rows) <= MAX_ROWS:
            self._rows[name] = rows
            self._size += len(rows)
