"""Sealing: every record once, in one chain, by any sealer, and late ones too."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import DAY, NOON, SIGNER, SampleLedger, run, sample_ledger, verify
from vaultcore.ledger.sealing import ROWS, Sealer
from vaultcore.store.base import Add, Delete, Document, DocumentKey, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

STORES: dict[str, Callable[[FakeClock, Path], Store]] = {
    "memory": lambda clock, _: MemoryStore(clock),
    "sqlite": lambda clock, folder: SQLiteStore(folder / "state.db", clock),
}


def ids(lines: list[bytes]) -> list[str]:
    return [row["id"] for row in map(json.loads, lines) if "hash" in row]


def test_a_recent_record_is_sealed_later() -> None:
    """A record is sealed when it is a minute old, and not again by a later run."""

    async def scenario() -> None:
        ledger = SampleLedger()
        await ledger.add_record()
        assert await ledger.sealer.run() == 0
        assert await ledger.seal() == 1
        assert await ledger.seal() == 0
        assert len(await ledger.seals()) == 1

    run(scenario())


def test_days_continue_each_other() -> None:
    """Each day begins with the head of the day before, with or without idle days between."""

    async def scenario() -> None:
        ledger = await sample_ledger((3, 0, 0, 2, 1))
        seals = await ledger.seals()
        assert [seal.previous for seal in seals[1:]] == [seal.head for seal in seals[:-1]]
        assert sorted({seal.day for seal in seals}) == ["2026-11-22", "2026-11-25", "2026-11-26"]
        assert [seal.number for seal in seals] == [1, 2, 1, 1]
        assert verify(await ledger.lines()).problem is None

    run(scenario())


def test_a_seal_has_a_maximum() -> None:
    """More rows than one seal contains are sealed by several, in one run."""

    async def scenario() -> None:
        ledger = SampleLedger()
        for _ in range(ROWS + 5):
            await ledger.add_record()
        assert await ledger.seal() == ROWS + 5
        assert [seal.count for seal in await ledger.seals()] == [ROWS, 5]
        assert verify(await ledger.lines()).rows == ROWS + 5

    run(scenario())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["now", "late", "yesterday", "seal", "sweep"]), st.integers(1, 4)),
        max_size=14,
    )
)
def test_nothing_is_lost_or_sealed_twice(steps: list[tuple[str, int]]) -> None:
    """Whenever records appear and sealing runs, each is in the ledger once after a look back."""

    async def scenario() -> None:
        ledger = SampleLedger()
        ledger.clock.time = NOON + DAY
        expected = []
        for what, count in steps:
            for _ in range(count):
                delays = {"now": 0.0, "late": 130.0, "yesterday": DAY}
                if what in delays:
                    expected.append((await ledger.add_record(ended=ledger.clock.time - delays[what])).id)
                else:
                    await ledger.seal(sweep_every=0.0 if what == "sweep" else 1e12)
        await ledger.seal(sweep_every=0.0)

        lines = await ledger.lines()
        assert sorted(ids(lines)) == sorted(expected)
        assert verify(lines).problem is None
        assert verify(lines).rows == len(expected)

    run(scenario())


def test_a_late_record_is_listed_as_late() -> None:
    """A record behind the sealing position is listed in the next seal, and looked for once an hour."""

    async def scenario() -> None:
        ledger = SampleLedger()
        await ledger.add_record()
        await ledger.seal()
        late = await ledger.add_record(ended=NOON - 5)
        assert await ledger.seal() == 0
        ledger.clock.time += 3_600
        assert await ledger.seal() == 1
        seals = (await ledger.seals())[-1]
        assert [place.endswith(late.id) for place in seals.late] == [True]
        assert (seals.first, seals.last, seals.count) == ("", "", 1)
        assert verify(await ledger.lines()).problem is None

    run(scenario())


class YieldingStore(MemoryStore):
    """Lets other tasks run before each of its operations."""

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        await asyncio.sleep(0)
        return await super().get(*keys, prefetch=prefetch)

    async def write(self, *writes: Put | Delete | Add) -> None:
        await asyncio.sleep(0)
        await super().write(*writes)


@pytest.mark.parametrize("sealers", [2, 3, 7])
def test_concurrent_sealers_make_one_chain(sealers: int) -> None:
    """If several sealers read the same position before one of them writes, the others start over."""

    async def scenario() -> None:
        clock = FakeClock()
        ledger = SampleLedger(YieldingStore(clock), clock)
        for turn in range(3):
            for each in range(5):
                await ledger.add_record(ended=clock.time - (200 if each == 4 else 0))
            clock.time += DAY if turn == 1 else 70
            runs = (Sealer(ledger.store, SIGNER, clock).run(sweep_every=0.0) for _ in range(sealers))
            assert sum(await asyncio.gather(*runs)) == 5
        lines = await ledger.lines()
        assert len(ids(lines)) == 15
        assert verify(lines).problem is None

    run(scenario())


@pytest.mark.parametrize("kind", STORES)
def test_racing_sealers_make_one_chain(kind: str, tmp_path: Path) -> None:
    """Sealers in several threads, while requests end, make one chain with every record once."""
    clock = FakeClock()
    store = STORES[kind](clock, tmp_path)
    ledger = SampleLedger(store, clock)
    barrier = threading.Barrier(4)

    async def seal_records() -> None:
        for _ in range(6):
            await asyncio.to_thread(barrier.wait, 20)
            await Sealer(store, SIGNER, clock).run(sweep_every=0.0)

    async def add_records() -> None:
        for turn in range(6):
            for each in range(12):
                await ledger.add_record(ended=clock.time - (300 if each % 4 == 3 else 0))
            clock.time += 70 if turn != 3 else DAY
            await asyncio.to_thread(barrier.wait, 20)

    with ThreadPoolExecutor(4) as threads:
        futures = [
            threads.submit(run, scenario())
            for scenario in (seal_records, seal_records, seal_records, add_records)
        ]
    for future in futures:
        future.result()

    async def after() -> list[bytes]:
        await ledger.seal(sweep_every=0.0)
        lines = await ledger.lines()
        await store.aclose()
        return lines

    lines = run(after())
    assert sorted(ids(lines)) == [f"r{number:06d}" for number in range(1, 73)]
    assert verify(lines).problem is None
    assert verify(lines).whole


def test_a_late_record_is_found_after_a_long_pause() -> None:
    """A late record is found however long no sealer ran, and days without requests are skipped once."""

    async def scenario() -> None:
        ledger = SampleLedger()
        await ledger.add_record()
        await ledger.seal()
        late = await ledger.add_record(ended=NOON - 5)
        ledger.clock.time += 40 * DAY
        await ledger.seal()
        assert [place.endswith(late.id) for place in (await ledger.seals())[-1].late] == [True]
        assert verify(await ledger.lines()).problem is None

    run(scenario())
