"""Refusals in the store: rows of the first ones, sums of all, few writes, and no count lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.store.conftest import MAKERS
from vaultcore.admission.refusals import collector as collecting
from vaultcore.admission.refusals.collector import INTERVAL, MAX_KEYS, RefusalCollector
from vaultcore.admission.refusals.queries import read_day_sums, read_key_sums, read_last_rows
from vaultcore.admission.refusals.refusal import MAX_IDS, MAX_MODELS, ROWS_PER_DAY, UNKNOWN, Refusal
from vaultcore.errors import LimitShortage, StoreUnavailable
from vaultcore.limits.account import day_of
from vaultcore.store.base import DocumentKey, Store, Write
from vaultcore.store.memory import MemoryStore
from vaultcore.store.refusal_documents import OTHER_KEYS, UNAUTHORIZED, refusals_collection
from vaultcore.telemetry import Log

pytestmark = pytest.mark.anyio
TODAY = day_of(NOON)
SHORTAGE = LimitShortage("key", "rpm", 3, 0, 1)
_numbers = count()


@pytest.fixture(params=list(MAKERS))
async def store(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store, empty."""
    async with MAKERS[request.param](clock, tmp_path) as opened:
        yield opened.store


class FaultyStore(MemoryStore):
    """Counts its writes. On request it is unavailable, before or after it has written, or hangs."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.writes: list[tuple[Write, ...]] = []
        self.reads = 0
        self.fault = ""

    async def get(self, *keys: DocumentKey, **options: Any) -> list[Any]:
        self.reads += 1
        if self.fault == "no reads":
            raise StoreUnavailable("the store does not answer")
        return await super().get(*keys, **options)

    async def write(self, *writes: Write) -> None:
        self.writes.append(writes)
        if self.fault == "before":
            raise StoreUnavailable("the store does not answer")
        if self.fault == "hangs":
            await asyncio.Event().wait()
        if self.fault == "bug":
            raise TypeError("a bug")
        await super().write(*writes)
        if self.fault == "after":
            raise StoreUnavailable("the response was lost")
        if self.fault == "hangs after":
            await asyncio.Event().wait()


def refusal(clock: FakeClock, key: str = "key_one", **more: Any) -> Refusal:
    """Return a refusal that happens now."""
    fields: dict[str, Any] = {"model": "gpt", "counted_model": "gpt", "shortage": SHORTAGE} | more
    request_id = f"r{next(_numbers):06}"
    return Refusal(
        request_id, clock.now(), key, "me", "/v1/chat/completions", 429, "rate_limit_exceeded", **fields
    )


def build(store: Store, clock: FakeClock) -> RefusalCollector:
    return RefusalCollector(store, clock, Log())


async def total(store: Store, key: str = "key_one") -> int:
    """Return the number of refusals of a key today."""
    sums = await read_key_sums(store, [TODAY], key)
    return sum(code.count for each in sums for code in each.codes.values())


async def test_the_first_refusals_have_rows_and_all_are_in_the_sums(store: Store, clock: FakeClock) -> None:
    """The first 20 refusals of a key and day get a row each. The sums count all by code, with models, first
    and last time, and the last 20 request ids. The next day begins anew."""
    refusals, rows = build(store, clock), list[Refusal]()
    for _ in range(5):
        for _ in range(8):
            rows.append(refusal(clock))
            refusals.note(rows[-1])
            clock.time += 0.25
        refusals.note(refusal(clock, "key_two"))
        clock.time += INTERVAL
        await refusals.flush()
    last = clock.now() - INTERVAL - 0.25

    (sums,) = await read_key_sums(store, [TODAY], "key_one")
    documents = await store.query(refusals_collection(TODAY), limit=100)
    own = [each.body for each in documents if each.body["key"] == "key_one"]
    code = sums.codes["rate_limit_exceeded"]
    assert [each["id"] for each in own] == [each.id for each in rows[:ROWS_PER_DAY]]
    assert own[0]["status"] == 429
    assert own[0]["refusal"]["needed"] == 1
    assert (code.count, code.models, code.first, code.last) == (40, {"gpt": 40}, NOON, last)
    assert code.ids == [each.id for each in rows[-MAX_IDS:]]
    assert [each["id"] for each in await read_last_rows(store, [sums])] == [
        each.id for each in rows[ROWS_PER_DAY - 1 :: -1]
    ]
    assert await total(store, "key_two") == 5

    clock.time += 86_400.0
    refusals.note(refusal(clock))
    await refusals.flush(all_keys=True)
    _, tomorrow = await read_key_sums(store, [TODAY, day_of(clock.now())], "key_one")
    assert len(tomorrow.rows) == 1


async def test_processes_at_the_same_time_lose_no_count(store: Store, clock: FakeClock) -> None:
    """Three processes that write about the same keys at the same time lose no refusal, count none twice, and
    write at most 20 rows of a key."""
    collectors = [build(store, clock) for _ in range(3)]
    for _ in range(6):
        for each in collectors:
            for key in ("key_one", "key_two"):
                for _ in range(4):
                    each.note(refusal(clock, key))
        await asyncio.gather(*(each.flush(all_keys=True) for each in collectors))
        clock.time += INTERVAL
    for each in collectors:
        await each.flush(all_keys=True)

    assert [await total(store, key) for key in ("key_one", "key_two")] == [72, 72]
    rows = await store.query(refusals_collection(TODAY), limit=200)
    assert len(rows) == 2 * ROWS_PER_DAY


async def test_a_key_is_written_once_in_ten_seconds(clock: FakeClock) -> None:
    """However many refusals there are, a process writes about a key once in ten seconds, whether or not its
    clock is set back meanwhile. Without refusals it calls no store."""
    store = FaultyStore(clock)
    refusals = build(store, clock)
    for _ in range(300):  # a minute
        refusals.note(refusal(clock))
        await refusals.flush_after_request(1.0)
        clock.time += 0.2
    assert len(store.writes) == 6

    clock.time += INTERVAL
    await refusals.flush_after_request(1.0)
    reads, writes = store.reads, len(store.writes)
    for _ in range(100):
        clock.time += INTERVAL
        await refusals.flush_after_request(1.0)
    assert (store.reads, len(store.writes)) == (reads, writes)
    assert await total(store) == 300

    refusals.note(refusal(clock))
    clock.time -= 7_200.0
    await refusals.flush_after_request(1.0)
    assert await total(store) == 301


async def test_a_timer_writes_about_each_key_once_in_ten_seconds(clock: FakeClock) -> None:
    """Two keys that are refused all the time are each written once in ten seconds by a timer that looks every
    two seconds."""
    store = FaultyStore(clock)
    refusals = build(store, clock)
    refusals.has_timer = True
    for second in range(60):
        refusals.note(refusal(clock, "key_one"))
        if second >= 3:
            refusals.note(refusal(clock, "key_two"))
        await refusals.flush_after_request(1.0)
        if second % 2 == 0:
            await refusals.flush()
        clock.time += 1

    written = [write[0].key.id for write in store.writes]
    assert sorted(written) == ["key_one"] * 6 + ["key_two"] * 6


@pytest.mark.parametrize("fault", ["before", "after", "no reads", "hangs", "hangs after", "bug"])
async def test_a_failed_write_is_repeated_and_counts_once(fault: str, clock: FakeClock) -> None:
    """A write that fails raises nothing and is repeated. It counts once, even if only its response was
    lost."""
    store = FaultyStore(clock)
    refusals = build(store, clock)
    store.fault = fault
    for _ in range(3):
        for _ in range(7):
            refusals.note(refusal(clock))
        clock.time += INTERVAL
        await refusals.flush(0.01)
    store.fault = ""
    clock.time += INTERVAL
    await refusals.flush()

    (sums,) = await read_key_sums(store, [TODAY], "key_one")
    assert await total(store) == 21
    assert len(await store.query(refusals_collection(TODAY), limit=100)) == ROWS_PER_DAY
    assert len(sums.rows) == len(set(sums.rows)) == ROWS_PER_DAY


async def test_a_broken_document_stops_no_other_key(clock: FakeClock) -> None:
    """If the sums of one key cannot be read, those of the others are written."""
    store = FaultyStore(clock)
    await store.write(collecting.Put(DocumentKey(f"refusals/sums/{TODAY}", "key_a"), {"codes": {"x": 1}}))
    refusals = build(store, clock)
    for key in ("key_a", "key_b", "key_c"):
        refusals.note(refusal(clock, key))
    await refusals.flush()

    assert [await total(store, key) for key in ("key_b", "key_c")] == [1, 1]


async def test_models_are_limited(clock: FakeClock) -> None:
    """The sums of a code name at most 32 models, over all processes; others count as unknown."""
    store = MemoryStore(clock)
    for process in range(2):
        refusals = build(store, clock)
        for number in range(40):
            refusals.note(refusal(clock, counted_model=f"model-{process}-{number}"))
        refusals.note(refusal(clock, counted_model=UNKNOWN))
        await refusals.flush()

    (sums,) = await read_key_sums(store, [TODAY], "key_one")
    models = sums.codes["rate_limit_exceeded"].models
    assert len(models) == MAX_MODELS + 1
    assert models[UNKNOWN] == 82 - MAX_MODELS
    assert await total(store) == 82


async def test_a_flood_of_keys_takes_bounded_memory(clock: FakeClock) -> None:
    """Refusals of more keys than a process counts at a time are counted together; none is lost, also while
    the store is unavailable."""
    store = FaultyStore(clock)
    refusals = build(store, clock)
    store.fault = "before"
    for number in range(3_000):
        refusals.note(refusal(clock, f"key_{number}"))
        if number % 1_000 == 999:
            clock.time += INTERVAL
            await refusals.flush()
            assert len(refusals._pending) + len(refusals._sent) <= MAX_KEYS + 2
    store.fault = ""
    clock.time += INTERVAL
    await refusals.flush()

    sums = await read_day_sums(store, TODAY)
    assert len(sums) == MAX_KEYS + 1
    assert sum(code.count for each in sums for code in each.codes.values()) == 3_000
    assert await total(store, OTHER_KEYS) == 3_000 - MAX_KEYS


async def test_unauthorized_requests_are_only_counted(store: Store, clock: FakeClock) -> None:
    """401 responses of all clients are one count per day with the first and last time, and nothing else."""
    refusals = build(store, clock)
    for _ in range(5):
        refusals.note_unauthorized()
        clock.time += 1
    await refusals.flush(all_keys=True)

    (sums,) = await read_day_sums(store, TODAY)
    code = sums.codes["invalid_api_key"]
    assert (sums.key, sums.owner, list(sums.rows)) == (UNAUTHORIZED, None, [])
    assert code.pack() == {
        "status": 401,
        "count": 5,
        "models": {UNKNOWN: 5},
        "first": NOON,
        "last": NOON + 4,
        "ids": [],
    }
    assert await store.query(refusals_collection(TODAY), limit=9) == []
