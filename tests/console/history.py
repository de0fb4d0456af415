"""Houses with a past: a gateway whose ledger holds what was used before it was started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.console.conftest import House
from tests.fakes.served import fill, served
from vaultcore.clock import SystemClock
from vaultcore.simulators.server import simulated
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, Put
from vaultcore.store.sqlite.store import SqliteStore
from vaultcore.usage.record import Record, Tried

AT_ONCE = 25  # writes of a store


def record(number: int, ended: float, *, model: str = "gpt-4o", status: int = 200) -> Record:
    """One request; every fifth is a stream that the second provider answered."""
    ms, stream = 100.0 + number % 900, number % 5 == 2
    tried = (Tried("openai", model, "0123456789ab", None if status == 200 else status, 60.0, "unreachable"),)
    if stream or status == 200:
        last = Tried("anthropic" if stream else "openai", model, "ba9876543210", status, ms - 70)
        tried = (*tried, last) if stream else (last,)
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
        provider=tried[-1].provider if status == 200 else None,
        served=model if status == 200 else None,
        attempts=tried,
        prompt_tokens=100,
        completion_tokens=20,
        cost=1_000_000 * (1 + number % 7),
        ms=ms,
        first_ms=70.0 if stream else None,
    )


@contextmanager
def housed(home: Path, past: Iterable[Record]) -> Iterator[House]:
    """A gateway that has settled such requests."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = fill(home, simulators)
        writing = _write(home / ".vaultedge" / "vaultedge.db", list(past))
        with ThreadPoolExecutor(1) as thread:  # the driver of the browser has this thread's loop
            thread.submit(asyncio.run, writing).result()
        with served(home, "--providers", str(overlay)) as gateway:
            made = House(gateway, simulators, "").ask(
                "POST", "/admin/keys", {"name": "the shop", "credits_usd": 20, "token_quota": 1_000_000}
            )
            yield House(gateway, simulators, made["key"])


async def _write(path: Path, past: list[Record]) -> None:
    store = SqliteStore(path, SystemClock())
    puts = [Put(document_types.record(each.ended, each.id), each.pack(), version=ABSENT) for each in past]
    for start in range(0, len(puts), AT_ONCE):
        await store.write(*puts[start : start + AT_ONCE])
    for name, amounts in _sums(past).items():
        await store.write(Add(document_types.sums(*name), amounts))
    await store.aclose()


def _sums(past: list[Record]) -> dict[tuple[float, str, str, str], dict[str, int]]:
    """As the gate adds them up, a day at a time."""
    found: dict[tuple[float, str, str, str], dict[str, int]] = {}
    for each in past:
        name = (each.ended // 86_400 * 86_400, each.key, each.provider or "", each.served or each.model)
        held = found.setdefault(name, {})
        added = {
            "requests": 1,
            "failed": int(each.status >= 400),
            "prompt_tokens": each.prompt_tokens,
            "completion_tokens": each.completion_tokens,
            "cost_nanos": each.cost or 0,
            "ms": round(each.ms),
        }
        for amount, value in added.items():
            held[amount] = held.get(amount, 0) + value
    return found
