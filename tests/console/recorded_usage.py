"""Gateways whose ledger contains requests from before they were started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.console.conftest import Gateway
from tests.fakes.served import prepare_home, run_serve
from vaultcore.clock import SystemClock
from vaultcore.ledger.totals import Sums
from vaultcore.limits.account import day_of
from vaultcore.simulators.server import simulated
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, Put
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.usage.record import AttemptRecord, Record

AT_ONCE = 25  # writes per transaction


def record(number: int, ended: float, *, model: str = "gpt-4o", status: int = 200) -> Record:
    """Return one request; every fifth is a stream that the second provider answered."""
    ms, stream = 100.0 + number % 900, number % 5 == 2
    attempts = (
        AttemptRecord(
            "openai", model, "0123456789ab", None if status == 200 else status, 60.0, "unreachable"
        ),
    )
    if stream or status == 200:
        last = AttemptRecord("anthropic" if stream else "openai", model, "ba9876543210", status, ms - 70)
        attempts = (*attempts, last) if stream else (last,)
    return Record(
        id=f"past{number:05}",
        key=f"key_{number % 3}",
        at=ended - ms / 1_000,
        ended=ended,
        path="/v1/embeddings" if number % 10 == 9 else "/v1/chat/completions",
        model=model,
        status=status,
        code="rate_limited" if status == 429 else None,
        stream=stream,
        provider=attempts[-1].provider if status == 200 else None,
        served=model if status == 200 else None,
        attempts=attempts,
        prompt_tokens=100,
        completion_tokens=20,
        cost=1_000_000 * (1 + number % 7),
        ms=ms,
        first_ms=70.0 if stream else None,
    )


@contextmanager
def gateway_with_records(home: Path, records: Iterable[Record]) -> Iterator[Gateway]:
    """Serve a gateway with these requests in its ledger."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = prepare_home(home, simulators)
        writing = _write_records(home / ".vaultedge" / "vaultedge.db", list(records))
        with ThreadPoolExecutor(1) as thread:  # the browser driver uses this thread's event loop
            thread.submit(asyncio.run, writing).result()
        with run_serve(home, "--providers", str(overlay)) as server:
            created = Gateway(server, simulators, "").call_admin(
                "POST", "/admin/keys", {"name": "the shop", "credits_usd": 20, "token_quota": 1_000_000}
            )
            yield Gateway(server, simulators, created["key"])


async def _write_records(path: Path, records: list[Record]) -> None:
    store = SQLiteStore(path, SystemClock())
    puts = [
        Put(document_types.record_key(each.ended, each.id), each.pack(), version=ABSENT) for each in records
    ]
    for start in range(0, len(puts), AT_ONCE):
        await store.write(*puts[start : start + AT_ONCE])
    await write_sums(store, records)
    await store.aclose()


async def write_sums(store: SQLiteStore, records: Iterable[Record]) -> None:
    """Add the usage of records without `sums` to the sums of days, as their settlement in version 0.2 did.

    The ledger would add it after hours only, because it has passed these days.
    """
    sums = Sums()
    for each in records:
        sums.add(day_of(each.ended), each.pack())
    for key, amounts in sums.items():
        await store.write(Add(key, amounts))
