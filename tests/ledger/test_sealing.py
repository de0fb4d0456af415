"""Sealing: every record once, in one chain, whoever seals and whatever comes late."""

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
from tests.ledger.book import DAY, NOON, SIGNER, Book, run, verdict, written
from vaultcore.ledger.sealing import ROWS, Sealer
from vaultcore.store.base import Add, Document, Drop, Name, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SqliteStore

STORES: dict[str, Callable[[FakeClock, Path], Store]] = {
    "memory": lambda clock, _: MemoryStore(clock),
    "sqlite": lambda clock, folder: SqliteStore(folder / "state.db", clock),
}


def ids(lines: list[bytes]) -> list[str]:
    return [row["id"] for row in map(json.loads, lines) if "hash" in row]


def test_what_has_just_ended_waits() -> None:
    """A record is sealed when it is a minute old and no later run seals it again."""

    async def story() -> None:
        book = Book()
        await book.spend()
        assert await book.sealer.run() == 0
        assert await book.seal() == 1
        assert await book.seal() == 0
        assert len(await book.seals()) == 1

    run(story())


def test_days_continue_each_other() -> None:
    """Each day begins with the head that the day before ended with, idle days between or not."""

    async def story() -> None:
        book = await written((3, 0, 0, 2, 1))
        sealed = await book.seals()
        assert [seal.previous for seal in sealed[1:]] == [seal.head for seal in sealed[:-1]]
        assert sorted({seal.day for seal in sealed}) == ["2026-11-22", "2026-11-25", "2026-11-26"]
        assert [seal.number for seal in sealed] == [1, 2, 1, 1]
        assert verdict(await book.lines()).problem is None

    run(story())


def test_a_seal_has_its_most() -> None:
    """More rows than one seal takes are sealed by several, in one run."""

    async def story() -> None:
        book = Book()
        for _ in range(ROWS + 5):
            await book.spend()
        assert await book.seal() == ROWS + 5
        assert [seal.count for seal in await book.seals()] == [ROWS, 5]
        assert verdict(await book.lines()).rows == ROWS + 5

    run(story())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["now", "late", "yesterday", "seal", "sweep"]), st.integers(1, 4)),
        max_size=14,
    )
)
def test_nothing_is_lost_or_sealed_twice(steps: list[tuple[str, int]]) -> None:
    """Whenever records appear and whenever sealing runs: a sweep later each is in the ledger once."""

    async def story() -> None:
        book = Book()
        book.clock.time = NOON + DAY
        made = []
        for what, count in steps:
            for _ in range(count):
                behind = {"now": 0.0, "late": 130.0, "yesterday": DAY}
                if what in behind:
                    made.append((await book.spend(ended=book.clock.time - behind[what])).id)
                else:
                    await book.seal(sweep_every=0.0 if what == "sweep" else 1e12)
        await book.seal(sweep_every=0.0)

        lines = await book.lines()
        assert sorted(ids(lines)) == sorted(made)
        assert verdict(lines).problem is None
        assert verdict(lines).rows == len(made)

    run(story())


def test_what_came_late_is_told() -> None:
    """A record behind what has been sealed is listed in the next seal, and looked for once an hour."""

    async def story() -> None:
        book = Book()
        await book.spend()
        await book.seal()
        late = await book.spend(ended=NOON - 5)
        assert await book.seal() == 0
        book.clock.time += 3_600
        assert await book.seal() == 1
        sealed = (await book.seals())[-1]
        assert [place.endswith(late.id) for place in sealed.late] == [True]
        assert (sealed.first, sealed.last, sealed.count) == ("", "", 1)
        assert verdict(await book.lines()).problem is None

    run(story())


class Hesitant(MemoryStore):
    """Lets everybody else go on before each of its operations."""

    async def get(self, *names: Name, ahead: Sequence[str] = ()) -> list[Document | None]:
        await asyncio.sleep(0)
        return await super().get(*names, ahead=ahead)

    async def write(self, *writes: Put | Drop | Add) -> None:
        await asyncio.sleep(0)
        await super().write(*writes)


@pytest.mark.parametrize("sealers", [2, 3, 7])
def test_sealers_in_step_make_one_chain(sealers: int) -> None:
    """Sealers that all read the same place before any of them writes: the others begin again."""

    async def story() -> None:
        clock = FakeClock()
        book = Book(Hesitant(clock), clock)
        for turn in range(3):
            for each in range(5):
                await book.spend(ended=clock.time - (200 if each == 4 else 0))
            clock.time += DAY if turn == 1 else 70
            many = (Sealer(book.store, SIGNER, clock).run(sweep_every=0.0) for _ in range(sealers))
            assert sum(await asyncio.gather(*many)) == 5
        lines = await book.lines()
        assert len(ids(lines)) == 15
        assert verdict(lines).problem is None

    run(story())


@pytest.mark.parametrize("kind", STORES)
def test_racing_sealers_make_one_chain(kind: str, tmp_path: Path) -> None:
    """Sealers in several threads, while requests end: one chain, and every record in it once."""
    clock = FakeClock()
    store = STORES[kind](clock, tmp_path)
    book = Book(store, clock)
    together = threading.Barrier(4)

    async def sealing() -> None:
        for _ in range(6):
            await asyncio.to_thread(together.wait, 20)
            await Sealer(store, SIGNER, clock).run(sweep_every=0.0)

    async def spending() -> None:
        for turn in range(6):
            for each in range(12):
                await book.spend(ended=clock.time - (300 if each % 4 == 3 else 0))
            clock.time += 70 if turn != 3 else DAY
            await asyncio.to_thread(together.wait, 20)

    with ThreadPoolExecutor(4) as threads:
        works = [threads.submit(run, story()) for story in (sealing, sealing, sealing, spending)]
    for work in works:
        work.result()

    async def after() -> list[bytes]:
        await book.seal(sweep_every=0.0)
        lines = await book.lines()
        await store.aclose()
        return lines

    lines = run(after())
    assert sorted(ids(lines)) == [f"r{number:06d}" for number in range(1, 73)]
    assert verdict(lines).problem is None
    assert verdict(lines).whole


def test_an_idle_gateway_forgets_nothing() -> None:
    """What came late is found however long nobody looked, and days without requests are passed once."""

    async def story() -> None:
        book = Book()
        await book.spend()
        await book.seal()
        late = await book.spend(ended=NOON - 5)
        book.clock.time += 40 * DAY
        await book.seal()
        assert [place.endswith(late.id) for place in (await book.seals())[-1].late] == [True]
        assert verdict(await book.lines()).problem is None

    run(story())
