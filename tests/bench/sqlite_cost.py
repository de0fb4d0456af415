"""CPU time of the SQLite store per request: `python -m tests.bench.sqlite_cost [REQUESTS]`.

It reserves and settles with every limit, or only settles as for the system key, one request at a time or 16
at once. The time includes the store's thread.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from vaultcore.clock import SystemClock
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement, Store
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.wire import Json

CONCURRENT = (1, 16)
LIMITS = Limits(rpm=10**6, tpm=10**9, parallel=10**6, tokens=10**12, credits=Nanos(10**18), day=Nanos(10**18))
RECORD: Json = {"model": "provider/model", "text": "x" * 480}  # the size of a ledger row
Request = Callable[[Store, str], Awaitable[None]]


async def limited_request(store: Store, id: str) -> None:
    """Reserve and settle a request whose key has every limit."""
    now, levels = store.now(), (Level("key:limited", LIMITS),)
    lease = Lease(now, now + 960.0, 4_096, 700, 12_000_000)
    result = await store.reserve(Reservation(id, levels, lease))
    await store.settle(_settlement(id, levels, result.lease))


async def unlimited_request(store: Store, id: str) -> None:
    """Settle a request of the system key, which reserves nothing."""
    now = store.now()
    await store.settle(_settlement(id, (Level("key:system", Limits()),), Lease(now, now + 960.0)))


def lines(count: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'requests':<12}{'at once':>8}{'CPU µs':>8}{'wall µs':>9}"
    for name, request in (("limited", limited_request), ("system key", unlimited_request)):
        for concurrent in CONCURRENT:
            cpu, wall = asyncio.run(_measure(request, concurrent, count))
            yield f"{name:<12}{concurrent:>8}{cpu * 1e6:>8.0f}{wall * 1e6:>9.0f}"


async def _measure(request: Request, concurrent: int, count: int) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "state.db", SystemClock())
        for warm in range(100):
            await request(store, f"warm-{warm}")

        async def line(number: int) -> None:
            for n in range(count // concurrent):
                await request(store, f"0195f3c2-6b1e-7d3a-{number:04x}{n:08x}")

        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*map(line, range(concurrent)))
        spent = (time.process_time() - cpu) / count, (time.perf_counter() - wall) / count
        await store.aclose()
        return spent


def _settlement(id: str, levels: Sequence[Level], lease: Lease) -> Settlement:
    record = Put(DocumentKey("log/today", id), {**RECORD, "id": id}, version=ABSENT)
    return Settlement(id, levels, lease, Charge(300, 200, 900_000), record)


if __name__ == "__main__":
    print(*lines(int(sys.argv[1]) if sys.argv[1:] else 4_000), sep="\n")
