"""The cost of one request in each store, reserved and settled: time, calls, and DynamoDB request units.

The emulator counts request units as AWS documents: one per KB written, two per KB in a transaction. For
DynamoDB, wall time includes the emulator; CPU time is that of the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.store.ministack import session, table
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.clock import SystemClock
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement, Store
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.wire import Json

KINDS = ("memory", "sqlite", "dynamodb")
LEVELS = ("key:one", "owner:acme", "gateway", "team:red", "project:web")
LIMITS = Limits(rpm=10**6, tpm=10**9, tokens=10**12, credits=Nanos(10**18), day=Nanos(10**18))
CONCURRENT = 16  # reservations at once, before the measurement
WARM = 5  # uncounted requests at the start
RECORD: Json = {"model": "provider/model", "text": "x" * 480}  # the size of a ledger row


@dataclass(slots=True)
class Row:
    """One store with some levels per request and some other requests in flight."""

    store: str
    levels: int
    in_flight: int
    walls: list[float] = field(default_factory=list)
    cpu: float = 0.0
    consumed: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        count = len(self.walls)
        cells = f"{self.store:<10}{self.levels:>6}{self.in_flight:>10}"
        cells += f"{median(self.walls) * 1e3:>11.2f}{self.cpu / count * 1e3:>10.2f}"
        if "calls" in self.consumed:
            cells += "".join(f"{self.consumed[name] / count:>8.1f}" for name in ("calls", "written", "read"))
        return cells


class MeteredClient(DynamoDBClient):
    """A client that counts its calls and what they consume."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(session(endpoint))
        self.consumed: Counter[str] = Counter(calls=0)

    async def call(self, operation: str, request: Json, *, repeat: bool = True) -> Json:
        request = {**request, "ReturnConsumedCapacity": "TOTAL"}
        response = await super().call(operation, request, repeat=repeat)
        capacities = response.get("ConsumedCapacity") or []
        kind = "read" if operation in ("get_item", "batch_get_item", "query") else "written"
        self.consumed["calls"] += 1
        self.consumed[kind] += sum(
            each["CapacityUnits"] for each in (capacities if isinstance(capacities, list) else [capacities])
        )
        return response


IN_FLIGHT = (0, 20)


def lines(
    kinds: Sequence[str] = KINDS,
    count: int = 200,
    *,
    levels: Sequence[int] = (1, 3),
    in_flight: Sequence[int] = IN_FLIGHT,
) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'store':<10}{'levels':>6}{'in flight':>10}{'wall ms':>11}{'CPU ms':>10}" + "".join(
        f"{name:>8}" for name in ("calls", "WRU", "RRU")
    )
    for kind in kinds:
        for level_count in levels:
            for others in in_flight:
                yield str(asyncio.run(_measure(kind, level_count, others, count)))


async def _measure(kind: str, levels: int, in_flight: int, count: int) -> Row:
    row, limited = Row(kind, levels, in_flight), [Level(name, LIMITS) for name in LEVELS[:levels]]
    with TemporaryDirectory() as folder:
        async with _open_store(kind, Path(folder)) as (store, used):
            for start in range(0, in_flight, CONCURRENT):
                names = [f"in-flight-{n}" for n in range(start, min(start + CONCURRENT, in_flight))]
                await asyncio.gather(*(store.reserve(_reservation(name, limited)) for name in names))
            for n in range(WARM + count):
                if n == WARM:
                    before, start = Counter(used), time.process_time()
                at = time.perf_counter()
                await _run_request(store, _reservation(f"0195f3c2-6b1e-7d3a-{n:08x}", limited))
                if n >= WARM:
                    row.walls.append(time.perf_counter() - at)
            row.cpu = time.process_time() - start
            row.consumed = Counter({name: used[name] - before[name] for name in used})
    return row


def _reservation(id: str, levels: Sequence[Level]) -> Reservation:
    now = time.time()
    return Reservation(id, levels, Lease(now, now + 900.0, 4_096, 700, 12_000_000))


async def _run_request(store: Store, reservation: Reservation) -> None:
    result = await store.reserve(reservation)
    record = Put(DocumentKey("log/today", reservation.id), {**RECORD, "id": reservation.id}, version=ABSENT)
    charge = Charge(300, 200, 900_000)
    await store.settle(Settlement(reservation.id, reservation.levels, result.lease, charge, record))


@asynccontextmanager
async def _open_store(kind: str, folder: Path) -> AsyncIterator[tuple[Store, Counter[str]]]:
    clock, used = SystemClock(), Counter[str]()
    store: Store
    match kind:
        case "memory":
            store = MemoryStore(clock)
        case "sqlite":
            store = SQLiteStore(folder / "state.db", clock)
        case _:
            created = table()
            dynamo = MeteredClient(created.endpoint)
            store, used = DynamoDBStore(dynamo, created.name, clock), dynamo.consumed
    try:
        yield store, used
    finally:
        await store.aclose()
