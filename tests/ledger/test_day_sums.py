"""Daily usage is the sums of days and the tail: every record counts once, whenever it is read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import DAY, NOON, SIGNER, record, run
from tests.store.conftest import MAKERS
from vaultcore.errors import StoreUnavailable
from vaultcore.ledger import tail
from vaultcore.ledger.day_sums import ADDS, DaySums
from vaultcore.ledger.positions import POSITION, SUMS, SealingPosition
from vaultcore.ledger.queries import StoredUsage, TimeRange, read_usage
from vaultcore.ledger.sealing import Sealer
from vaultcore.ledger.tail import FRESH, TailCache
from vaultcore.ledger.totals import Sums
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, Document, DocumentKey, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.usage.record import Record

Amounts = dict[DocumentKey, Counter[str]]


class Killed(Exception):
    """The process ended."""


class FragileStore(MemoryStore):
    """Lets other tasks run before each operation, and ends the process after a number of writes."""

    writes_left: int | None = None

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        await asyncio.sleep(0)
        return await super().get(*keys, prefetch=prefetch)

    async def query(self, collection: str, **options: Any) -> list[Document]:
        await asyncio.sleep(0)
        return await super().query(collection, **options)

    async def write(self, *writes: Put | Delete | Add) -> None:
        await asyncio.sleep(0)
        assert len(writes) <= 25
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise Killed
            self.writes_left -= 1
        await super().write(*writes)


@dataclass
class Gateway:
    """A store with the records that requests have written, and what usage must be."""

    store: Store
    clock: FakeClock
    expected: Amounts = field(default_factory=dict)
    late: Amounts = field(default_factory=dict)  # behind the sealing position: found by a look back
    count: int = 0

    async def end_request(self, model: str, *, ago: float = 0.0, by_settlement: bool = False) -> Record:
        """Write the record of one more request, as this version does, or as the one before."""
        self.count += 1
        self.clock.time += 0.001
        ended = self.clock.time - ago
        by = "" if by_settlement else "sealed"
        row = record(f"r{self.count:06d}", ended, f"key_{self.count % 2}", served=model, sums=by)
        body, key = row.pack(), document_types.record_key(ended, row.id)
        sums = Sums()
        sums.add("", body)
        ((name, more),) = sums.items()
        adds = [Add(name, more)] if by_settlement else []
        is_late = not by_settlement and await self._is_behind(key)
        await self.store.write(Put(key, body, version=ABSENT), *adds)
        (self.late if is_late else self.expected).setdefault(name, Counter()).update(more)
        return row

    async def seal(self, **options: Any) -> None:
        self.clock.time += 61
        await Sealer(self.store, SIGNER, self.clock).run(**options)

    async def maintain(self) -> None:
        await self.seal()
        await DaySums(self.store).run()

    async def usage(self) -> Amounts:
        """Return what a report reads."""
        return amounts(await read_usage(self.store, TimeRange(NOON - DAY, self.clock.time + 3 * DAY)))

    async def check(self, *, after_look_back: bool = False) -> None:
        """Check what is read: every record once, and a late one at most once before a look back."""
        usage = await self.usage()
        if after_look_back:
            for key, late in self.late.items():
                self.expected.setdefault(key, Counter()).update(late)
            self.late.clear()
        assert {key: fewer for key, each in usage.items() if (fewer := self._missing(key, each))} == {}
        assert self.expected.keys() - usage.keys() == set()

    def _missing(self, key: DocumentKey, usage: Counter[str]) -> tuple[Any, ...]:
        least, late = self.expected.get(key, Counter()), self.late.get(key, Counter())
        fits = all(least[name] <= usage[name] <= least[name] + late[name] for name in {*least, *late, *usage})
        return () if fits else (usage, least, late)

    async def _is_behind(self, key: DocumentKey) -> bool:
        (document,) = await self.store.get(POSITION)
        if document is None:
            return False
        position = SealingPosition.unpack(document.body)
        collection = document_types.records_collection(position.day)
        return (key.collection, key.id) <= (collection, position.last)


def amounts(usage: StoredUsage) -> Amounts:
    def each() -> Iterator[tuple[DocumentKey, Counter[str]]]:
        for row in usage:
            names = [each.name for each in fields(row.totals)]
            key = DocumentKey(
                document_types.usage_collection(row.day), sum_id(row.key, row.provider, row.model)
            )
            yield key, Counter({name: getattr(row.totals, name) for name in names})

    return dict(each())


def sum_id(key: str, provider: str, model: str) -> str:
    return document_types.usage_key(NOON, key, provider, model).id


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("requests"), st.integers(1, 40)),
        st.tuples(st.just("old requests"), st.integers(1, 3)),
        st.tuples(st.just("late"), st.integers(1, 3)),
        st.tuples(st.just("seal"), st.just(0)),
        st.tuples(st.just("sum"), st.just(0)),
        st.tuples(st.just("killed sum"), st.integers(0, 2)),
        st.tuples(st.just("two at once"), st.integers(2, 3)),
        st.tuples(st.just("look back"), st.just(0)),
        st.tuples(st.just("next day"), st.just(0)),
    ),
    max_size=16,
)


@settings(deadline=None, max_examples=120)
@given(STEPS)
@example([("requests", 40), ("seal", 0), ("killed sum", 1), ("requests", 40), ("seal", 0), ("sum", 0)])
def test_usage_is_the_sum_of_all_records(steps: list[tuple[str, int]]) -> None:
    """After every step - requests of two versions, late ones, sealers at once, killed passes, new days -
    usage is the sum of all records. Only a late record may be missing, until the next look back."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        store = FragileStore(clock)
        gateway = Gateway(store, clock)
        for what, count in steps:
            await take(gateway, store, what, count)
            await gateway.check(after_look_back=what == "look back")
        await take(gateway, store, "look back", 0)
        await gateway.check(after_look_back=True)

    run(scenario())


async def take(gateway: Gateway, store: FragileStore, what: str, count: int) -> None:
    """Do one step."""
    if what in {"requests", "old requests", "late"}:
        for number in range(count):
            ago = (130.0 if number else DAY / 2) if what == "late" else 0.0
            await gateway.end_request(f"m-{number}", ago=ago, by_settlement=what == "old requests")
    elif what == "next day":
        gateway.clock.time += DAY
    else:
        await maintain(gateway, store, what, count)


async def maintain(gateway: Gateway, store: FragileStore, what: str, count: int) -> None:
    match what:
        case "seal":
            await gateway.seal(sweep_every=1e12)
        case "killed sum":
            store.writes_left = count
            with suppress(Killed):
                await DaySums(store).run()
            store.writes_left = None
        case "two at once":
            gateway.clock.time += 61
            await asyncio.gather(
                *(Sealer(store, SIGNER, gateway.clock).run(sweep_every=1e12) for _ in range(count)),
                *(DaySums(store).run() for _ in range(count)),
            )
        case "look back":
            await gateway.seal(sweep_every=0.0, since="2026-11-01")
            await DaySums(store).run()
        case _:
            await DaySums(store).run()


def test_readers_agree_while_sums_are_written() -> None:
    """A report that is read while sums are being added counts every record once."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        store = FragileStore(clock)
        gateway = Gateway(store, clock)
        for number in range(3 * ADDS):
            await gateway.end_request(f"model-{number}")
        await gateway.seal()

        async def read(delay: int) -> None:
            for _ in range(delay):
                await asyncio.sleep(0)
            await gateway.check()

        written, *_ = await asyncio.gather(DaySums(store).run(), *map(read, range(30)))
        assert written == 3 * ADDS

    run(scenario())


def test_usage_that_changes_all_the_time_is_not_guessed() -> None:
    """If the sums change during every one of several reads, the report fails instead of counting wrongly."""

    class RestlessStore(MemoryStore):
        async def query(self, collection: str, **options: Any) -> list[Document]:
            (document,) = await self.get(SUMS)
            assert document is not None
            await self.write(Put(SUMS, document.body))
            return await super().query(collection, **options)

    async def scenario() -> None:
        clock = FakeClock(NOON)
        store = RestlessStore(clock)
        await store.write(Put(SUMS, {"seal": "", "row": ""}))
        with pytest.raises(StoreUnavailable):
            await read_usage(store, TimeRange(NOON, NOON + 1))

    run(scenario())


@pytest.mark.parametrize("kind", MAKERS)
def test_every_store_sums_usage(kind: str, tmp_path: Path) -> None:
    """On every store, three sealers and passes at once leave sums that contain each record once."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            gateway = Gateway(place.store, clock)
            for number in range(ADDS + 6):
                await gateway.end_request(f"model-{number}")
            await gateway.check()
            clock.time += 61
            await asyncio.gather(*(Sealer(place.store, SIGNER, clock).run() for _ in range(3)))
            await asyncio.gather(*(DaySums(place.store).run() for _ in range(3)))
            await gateway.check()
            sums = await place.store.query(document_types.usage_collection("2026-11-22"))
        assert {each.key: Counter(each.body) for each in sums} == gateway.expected

    run(scenario())


def test_usage_does_not_need_a_pepper() -> None:
    """Without a signer, seals have no signature, and usage is summed all the same."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        gateway = Gateway(MemoryStore(clock), clock)
        await gateway.end_request("gpt-4o")
        clock.time += 61
        assert await Sealer(gateway.store, None, clock).run() == 1
        assert await DaySums(gateway.store).run() == 1
        await gateway.check()

    run(scenario())


def test_a_sealer_of_the_version_before_hides_no_usage() -> None:
    """Rows that an older version has sealed before the first pass of this one are added by that pass."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        gateway = Gateway(MemoryStore(clock), clock)
        await gateway.end_request("gpt-4o", by_settlement=True)
        for _ in range(2):
            await gateway.end_request("gpt-4o")
            await gateway.seal()
            clock.time += DAY / 2
        await gateway.store.write(Delete(SUMS))  # the older version does not write it
        await gateway.check()
        await gateway.end_request("gpt-4o")
        await gateway.maintain()
        await gateway.check()

    run(scenario())


def test_a_pass_of_another_process_is_not_repeated() -> None:
    """A pass whose position another pass has moved adds nothing."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        gateway = Gateway(MemoryStore(clock), clock)
        await gateway.end_request("gpt-4o")
        await gateway.seal()
        (document,) = await gateway.store.get(SUMS)
        assert document is not None
        assert await DaySums(gateway.store).run() == 1
        with pytest.raises(Conflict):
            await gateway.store.write(Put(SUMS, document.body, version=document.version))
        assert await DaySums(gateway.store).run() == 0
        await gateway.check()

    run(scenario())


def test_a_long_tail_is_cut_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If there are too many recent records, the oldest are read, and the time of the last one is returned."""
    monkeypatch.setattr(tail, "MAX_ROWS", 5)

    async def scenario() -> None:
        clock = FakeClock(NOON)
        gateway = Gateway(MemoryStore(clock), clock)
        rows = [await gateway.end_request("gpt-4o") for _ in range(7)]
        usage = await read_usage(gateway.store, TimeRange(NOON, NOON + 1))
        assert sum(each.totals.requests for each in usage) == 5
        assert usage.complete_until == rows[4].ended
        await gateway.maintain()
        assert (await read_usage(gateway.store, TimeRange(NOON, NOON + 1))).complete_until is None

    run(scenario())


def test_reports_do_not_occupy_the_store() -> None:
    """A tail that took 0.5 s to read is used for 10 s, and the report then says when it was read."""

    class SlowStore(MemoryStore):
        async def query(self, collection: str, **options: Any) -> list[Document]:
            clock.time += 0.5 if collection.startswith("log/") else 0.0
            return await super().query(collection, **options)

    clock = FakeClock(NOON)

    async def scenario() -> None:
        gateway = Gateway(SlowStore(clock), clock)
        tails = TailCache(gateway.store, clock)
        seen = []
        for pause in (0.0, 3.0, 3.0, 5.0):
            clock.time += pause
            usage = await read_usage(gateway.store, TimeRange(NOON, NOON + 1), None, tails)
            seen.append((sum(each.totals.requests for each in usage), usage.complete_until))
            await gateway.end_request("gpt-4o")
        assert seen == [(0, None), (0, None), (0, NOON), (3, None)]

    run(scenario())


def test_a_process_reads_the_tail_every_few_seconds() -> None:
    """Reports of one process read the tail again after FRESH seconds or after new sums, and not before."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        gateway = Gateway(MemoryStore(clock), clock)
        tails, span = TailCache(gateway.store, clock), TimeRange(NOON, NOON + 1)

        async def requests() -> int:
            usage = await read_usage(gateway.store, span, "key_1", tails)
            return sum(each.totals.requests for each in usage)

        seen = []
        for _ in range(2):
            await gateway.end_request("gpt-4o")
            await gateway.end_request("gpt-4o")
            seen.append(await requests())
        clock.time += FRESH
        seen.append(await requests())
        await gateway.end_request("gpt-4o")
        await gateway.maintain()
        seen.append(await requests())
        assert seen == [1, 1, 2, 3]

    run(scenario())
