"""The store's writes in virtual time: 500 and 5,000 requests a second, which no emulator can take.

Every request writes to its account's item, then its record, then the item again. A partition takes UNITS
write units per second and saves BURST seconds of them. A write that it does not take is repeated as by the
store.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from vaultcore.store.dynamodb.contention import MAX_ATTEMPTS, PAUSES
from vaultcore.store.dynamodb.items import SHARDS as RECORD_PARTITIONS

UNITS, BURST = 1_000.0, 5.0  # write units per second, and seconds
CALL = 0.0045  # seconds: the median of one write
ANSWER = 8.0  # seconds
Step = Callable[[], None]


@dataclass(slots=True)
class Partition:
    """The units that a partition has left."""

    units: float = UNITS * BURST
    at: float = 0.0

    def take(self, now: float, units: float) -> bool:
        """Return False if the partition throttles."""
        self.units = min(UNITS * BURST, self.units + (now - self.at) * UNITS)
        self.at = now
        if self.units < units:
            return False
        self.units -= units
        return True


@dataclass(slots=True)
class Simulation:
    """Requests to one account that is divided into `shards` items."""

    rate: float
    shards: int
    seconds: float
    chance: Random = field(default_factory=lambda: Random(1))
    sent: int = 0
    unavailable: int = 0
    owed: int = 0
    units: float = 0.0
    waits: list[float] = field(default_factory=list)
    _now: float = 0.0
    _events: list[tuple[float, int, Step]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def run(self) -> Simulation:
        """Run all requests to their end."""
        items = [Partition() for _ in range(self.shards)]
        records = [Partition() for _ in range(RECORD_PARTITIONS)]
        at = 0.0
        while (at := at + self.chance.expovariate(self.rate)) < self.seconds:
            self._at(at, self._request(self.chance.choice(items), self.chance.choice(records), at))
        while self._events:
            self._now, _, step = heapq.heappop(self._events)
            step()
        return self

    def _request(self, item: Partition, record: Partition, start: float) -> Step:
        def settle() -> None:
            self._write(record, 1, lambda: self._write(item, 1, lambda: None, owe), owe)

        def owe() -> None:
            self.owed += 1

        def refuse() -> None:
            self.unavailable += 1

        def answer() -> None:
            self.waits.append(self._now - start)
            self._at(self._now + self.chance.gammavariate(2, ANSWER / 2), settle)

        def begin() -> None:
            self.sent += 1
            self._write(item, 1, answer, refuse)

        return begin

    def _write(self, partition: Partition, units: float, done: Step, failed: Step, attempt: int = 1) -> None:
        """Write after the time of a call, and again after a pause if the partition throttles."""

        def apply() -> None:
            if partition.take(self._now, units):
                self.units += units
                done()
            elif attempt == MAX_ATTEMPTS:
                failed()
            else:
                first, longest = PAUSES
                pause = self.chance.random() * min(longest, first * 2 ** (attempt - 1))
                again = attempt + 1
                self._at(self._now + pause, lambda: self._write(partition, units, done, failed, again))

        self._at(self._now + self.chance.lognormvariate(0, 0.35) * CALL, apply)

    def _at(self, at: float, step: Step) -> None:
        heapq.heappush(self._events, (at, next(self._order), step))


def lines() -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'req/s':>8}{'items':>7}{'503 %':>8}{'owed %':>8}{'admit p50':>11}{'p99 ms':>8}{'WRU/req':>9}"
    for rate, shards, seconds in ((100, 1, 60), (400, 1, 60), (600, 1, 60), (500, 16, 60), (5_000, 16, 20)):
        done = Simulation(rate, shards, seconds).run()
        waits = sorted(done.waits)
        yield (
            f"{rate:>8}{shards:>7}{100 * done.unavailable / done.sent:>8.1f}"
            f"{100 * done.owed / done.sent:>8.1f}"
            f"{waits[len(waits) // 2] * 1e3:>11.0f}{waits[int(0.99 * len(waits))] * 1e3:>8.0f}"
            f"{done.units / done.sent:>9.1f}"
        )
