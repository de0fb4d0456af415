"""The tail: records whose usage is not in the sums of days yet, because they are not sealed.

Reports add the tail to the sums. It contains the rows of the last minutes, of all keys. A process reads it
every few seconds at most, and not more than MAX_ROWS of its rows. A report that lacks rows says up to when it
is complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.day_cache import DayCache
from vaultcore.ledger.positions import SumsPosition, sum_name
from vaultcore.ledger.sealing import iterate_documents, key_of_row
from vaultcore.ledger.totals import Sums, is_added_by_ledger, sum_of
from vaultcore.store import document_types
from vaultcore.store.base import Document, Store

MAX_ROWS = 20_000  # rows read, oldest first
ROWS_AT_ONCE = 500  # rows without a pause: about 3 ms
FRESH = 4.0  # seconds for which a tail counts as complete
MAX_SHARE = 0.05  # of the time that reading it may take


@dataclass(frozen=True, slots=True)
class Tail:
    """Usage that is not in the sums. `complete_until` is None unless rows were not read."""

    sums: Sums
    complete_until: float | None = None  # seconds since the epoch


async def read_tail(store: Store, position: SumsPosition, days: Sequence[str]) -> Tail:
    """Return the usage of these days, in order, that the sums do not contain at a position."""
    sums, count, ended = Sums(), 0, 0.0
    for day in (day for day in days if day >= position.day):
        collection = document_types.records_collection(day)
        after = position.row.partition("/")[2] if day == position.day else ""
        async for row in iterate_documents(store, collection, after=after):
            if count == MAX_ROWS:
                return Tail(sums, ended)
            count, ended = count + 1, row.body["ended"]
            if count % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # other requests run in between
            if is_added_by_ledger(row.body) and not _is_added(row, position):
                sums.add(day, row.body)
    return Tail(sums)


def _is_added(row: Document, position: SumsPosition) -> bool:
    key = key_of_row(row.key)
    return key <= position.batch_row and position.has_added(key, sum_name(sum_of(row.body)))


class TailCache:
    """Reads the tail, one read at a time and again after FRESH seconds. One per process.

    A tail that took long to read is used longer, so that reports never take more than MAX_SHARE of the time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.days = DayCache(clock)
        self._lock = asyncio.Lock()
        self._of: tuple[int, tuple[str, ...]] | None = None  # version of the position, and days
        self._read_at, self._lifetime = 0.0, FRESH
        self._tail = Tail(Sums())

    async def read(self, position: SumsPosition, version: int, days: Sequence[str]) -> Tail:
        """Return the tail of this version of the position, complete until FRESH seconds ago or as it says."""
        of = (version, tuple(day for day in days if day >= position.day))
        async with self._lock:
            age = self._clock.now() - self._read_at
            if of != self._of or not 0 <= age < self._lifetime:
                started, age = self._clock.now(), 0.0
                self._tail = await read_tail(self._store, position, of[1])
                self._of, self._read_at = of, started
                self._lifetime = max(FRESH, (self._clock.now() - started) / MAX_SHARE)
            if age < FRESH or self._tail.complete_until is not None:
                return self._tail
            return Tail(self._tail.sums, self._read_at)
