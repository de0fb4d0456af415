"""What a request costs its store, admitted and settled: time, calls, and DynamoDB's request units.

Units are those of the emulator, which counts as AWS says: one for each KB written, twice that in a
transaction. DynamoDB's time is the emulator's, its CPU time is ours. Nothing else runs meanwhile.
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
from vaultcore.limits.account import Lease, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, Add, DocumentKey, Put, Settlement, Store
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.wire import Json

KINDS = ("memory", "sqlite", "dynamodb")
LEVELS = ("key:one", "owner:acme", "gateway")
LIMITS = Limits(rpm=10**6, tpm=10**9, tokens=10**12, credits=Nanos(10**18), day=Nanos(10**18))
WARM = 5  # requests before any is counted
RECORD: Json = {"model": "provider/model", "text": "x" * 480}  # as long as a ledger's row


@dataclass(slots=True)
class Row:
    """One store under requests of so many levels, with so many others in flight all the while."""

    store: str
    levels: int
    flying: int
    walls: list[float] = field(default_factory=list)
    cpu: float = 0.0
    used: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        count = len(self.walls)
        told = f"{self.store:<10}{self.levels:>6}{self.flying:>10}"
        told += f"{median(self.walls) * 1e3:>11.2f}{self.cpu / count * 1e3:>10.2f}"
        if "calls" in self.used:
            told += "".join(f"{self.used[name] / count:>8.1f}" for name in ("calls", "written", "read"))
        return told


class Metered(DynamoDBClient):
    """A client that counts its calls and what they consume."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(session(endpoint))
        self.used: Counter[str] = Counter(calls=0)

    def call_blocking(self, operation: str, request: Json) -> Json:
        answer = super().call_blocking(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
        told = answer.get("ConsumedCapacity") or []
        kind = "read" if operation in ("get_item", "batch_get_item", "query") else "written"
        self.used["calls"] += 1
        self.used[kind] += sum(each["CapacityUnits"] for each in (told if isinstance(told, list) else [told]))
        return answer


def lines(kinds: Sequence[str] = KINDS, count: int = 200) -> Iterator[str]:
    """The table, a row at a time."""
    yield f"{'store':<10}{'levels':>6}{'in flight':>10}{'wall ms':>11}{'CPU ms':>10}" + "".join(
        f"{name:>8}" for name in ("calls", "WRU", "RRU")
    )
    for kind in kinds:
        for levels in (1, len(LEVELS)):
            for flying in (0, 20):
                yield str(asyncio.run(_measured(kind, levels, flying, count)))


async def _measured(kind: str, levels: int, flying: int, count: int) -> Row:
    row, limited = Row(kind, levels, flying), [Level(name, LIMITS) for name in LEVELS[:levels]]
    with TemporaryDirectory() as folder:
        async with _opened(kind, Path(folder)) as (store, used):
            for n in range(flying):
                await store.reserve(_reservation(f"flying-{n}", limited))
            for n in range(WARM + count):
                if n == WARM:
                    before, began = Counter(used), time.process_time()
                at = time.perf_counter()
                await _request(store, _reservation(f"0195f3c2-6b1e-7d3a-{n:08x}", limited))
                if n >= WARM:
                    row.walls.append(time.perf_counter() - at)
            row.cpu = time.process_time() - began
            row.used = Counter({name: used[name] - before[name] for name in used})
    return row


def _reservation(id: str, levels: Sequence[Level]) -> Reservation:
    now = time.time()
    return Reservation(id, levels, Lease(now, now + 900.0, 4_096, 700, 12_000_000))


async def _request(store: Store, asked: Reservation) -> None:
    await store.reserve(asked)
    record = Put(DocumentKey("log/today", asked.id), {**RECORD, "id": asked.id}, version=ABSENT)
    add = Add(DocumentKey("usage/today", "key"), {"requests": 1, "prompt": 300, "completion": 200, "nanos": 900_000})
    await store.settle(
        Settlement(asked.id, asked.levels, asked.lease, Charge(300, 200, 900_000), record, (add,))
    )


@asynccontextmanager
async def _opened(kind: str, folder: Path) -> AsyncIterator[tuple[Store, Counter[str]]]:
    clock, used = SystemClock(), Counter[str]()
    store: Store
    match kind:
        case "memory":
            store = MemoryStore(clock)
        case "sqlite":
            store = SQLiteStore(folder / "state.db", clock)
        case _:
            made = table()
            dynamo = Metered(made.endpoint)
            store, used = DynamoDBStore(dynamo, made.name, clock), dynamo.used
    try:
        yield store, used
    finally:
        await store.aclose()
