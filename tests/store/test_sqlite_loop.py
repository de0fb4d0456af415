"""Operations of the SQLite store run in the event loop, unless the file is locked or the disk is slow."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import StoreRequest, level
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.store.base import Add, Document, DocumentKey, Put, SettlementResult
from vaultcore.store.sqlite import transactions
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
ONE = DocumentKey("items", "one")
SLOW = 60.0  # seconds: also this machine, if it is busy, is fast


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path, clock, patience=20, slow=SLOW)
    await store.get(ONE)
    yield store
    await store.aclose()


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold a write lock from another connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def size_of(path: Path) -> int:
    return path.stat().st_size


async def thread_of(store: SQLiteStore) -> str:
    """Return the name of the thread in which the store runs an operation."""
    return await store._run(lambda _: threading.current_thread().name)


class Settled:
    """The results of settlements that nobody waits for."""

    def __init__(self) -> None:
        self.results: list[SettlementResult | BaseException | None] = []

    def __call__(self, result: SettlementResult | None, error: BaseException | None) -> None:
        self.results.append(error or result)


async def test_operations_run_in_the_event_loop(store: SQLiteStore) -> None:
    """After the file is open, no operation waits for a thread."""
    assert await thread_of(store) == threading.current_thread().name


async def test_another_loop_uses_the_thread(store: SQLiteStore) -> None:
    """The connection of a running event loop serves no other loop, and the next one once it is closed."""
    await thread_of(store)

    assert await asyncio.to_thread(lambda: asyncio.run(thread_of(store))) == "sqlite"


def test_the_next_loop_takes_over(path: Path, clock: FakeClock) -> None:
    """A store that was used by an event loop that has ended runs its operations in the next one."""
    store = SQLiteStore(path, clock, slow=SLOW)

    names = [asyncio.run(thread_of(store)) for _ in range(3)]
    asyncio.run(store.aclose())
    assert names == ["sqlite", *[threading.current_thread().name] * 2]


async def test_a_locked_file(store: SQLiteStore, path: Path) -> None:
    """Operations that find the file locked wait in the thread, and later ones behind them."""
    with writing(path) as other:
        first = asyncio.create_task(store.write(Add(ONE, {"n": 1})))
        await asyncio.sleep(0.05)
        late = [asyncio.create_task(thread_of(store)), asyncio.create_task(store.get(ONE))]
        await asyncio.sleep(0.05)
        assert not any(each.done() for each in (first, *late))
        other.execute("ROLLBACK")

    await first
    assert await asyncio.gather(*late) == ["sqlite", [Document(ONE, {"n": 1})]]
    assert await thread_of(store) == threading.current_thread().name


async def test_a_slow_disk(path: Path, clock: FakeClock) -> None:
    """After a group that took long, the thread runs the next ones for a time."""
    store = SQLiteStore(path, clock, slow=1.0)
    await store.get(ONE)
    before = await thread_of(store)
    await store._run(lambda _: time.sleep(1.0))

    assert (before, await thread_of(store)) == (threading.current_thread().name, "sqlite")
    await store.aclose()


async def test_the_loop_copies_nothing_to_the_file(store: SQLiteStore, path: Path) -> None:
    """The event loop writes to the log only; the thread copies it to the file, and the log stays short."""
    size, wal = size_of(path), path.with_name("state.db-wal")
    text = "x" * 4_000
    for n in range(transactions.CHECKPOINT_INTERVAL - 1):
        await store.write(Put(DocumentKey("items", f"{n}"), {"text": text}))
    assert size_of(path) == size
    before = size_of(wal)

    for _ in range(transactions.CHECKPOINT_INTERVAL):
        await store.write(Put(ONE, {"text": text}))
        await asyncio.sleep(0)
    await store.query("items")  # after the checkpoint, in the thread

    assert size_of(path) > size
    assert size_of(wal) < 3 * before


async def test_a_settlement_nobody_waits_for(store: SQLiteStore) -> None:
    """It is applied once, before the result of any later operation."""
    request, settled = StoreRequest("one", (level("key:one", Limits(tokens=9)),), tokens=7), Settled()
    await store.reserve(request.reservation)
    for _ in range(2):
        store.begin_settlement(request.settlement(Charge(5)), settled, is_awaited=False)

    (account,) = await store.accounts("key:one")
    assert (account.settled, account.tokens, account.tokens_held) == (1, 5, 5)
    assert settled.results == [SettlementResult(applied=True), SettlementResult(applied=False)]


async def test_a_report_has_every_settlement(store: SQLiteStore) -> None:
    """A query, which runs in the thread, sees the settlements that were requested before it."""
    request, settled = StoreRequest("one", (level("key:system"),)), Settled()
    store.begin_settlement(request.settlement(), settled, is_awaited=False)

    record = request.settlement().record
    assert [each.key for each in await store.query(record.key.collection)] == [record.key]


async def test_a_settlement_is_written_soon(store: SQLiteStore, path: Path) -> None:
    """Without any other operation it is in the file after some milliseconds."""
    settled = Settled()
    store.begin_settlement(
        StoreRequest("one", (level("key:system"),)).settlement(), settled, is_awaited=False
    )
    assert settled.results == []

    await asyncio.sleep(10 * transactions.DELAY)
    assert settled.results == [SettlementResult(applied=True)]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM documents").fetchone() == (1,)


async def test_closing_settles(store: SQLiteStore, path: Path) -> None:
    """Settlements that wait are written before the file is closed; later ones are refused."""
    settled, requests = Settled(), [StoreRequest(f"{n}", (level("key:system"),)) for n in range(3)]
    for request in requests:
        store.begin_settlement(request.settlement(), settled, is_awaited=False)

    await store.aclose()
    await asyncio.sleep(0)

    assert settled.results == [SettlementResult(applied=True)] * 3
    with pytest.raises(StoreUnavailable, match="closed"):
        store.begin_settlement(requests[0].settlement(), settled, is_awaited=False)
    assert sorted(each.name for each in path.parent.iterdir()) == ["state.db"]


async def test_a_failed_settlement_reports_its_error(path: Path, clock: FakeClock) -> None:
    """A settlement that the store cannot write gets StoreUnavailable with its cause, and writes nothing."""
    store, settled = SQLiteStore(path, clock, patience=0.05, slow=SLOW), Settled()
    await store.get(ONE)
    request = StoreRequest("one", (level("key:system"),))
    with writing(path):
        store.begin_settlement(request.settlement(), settled, is_awaited=False)
        await asyncio.sleep(0.1)
        await asyncio.gather(store.get(ONE), return_exceptions=True)  # behind it, in the thread

    (error,) = settled.results
    assert isinstance(error, StoreUnavailable)
    assert isinstance(error.__cause__, sqlite3.OperationalError)
    assert await store.get(request.settlement().record.key) == [None]
    await store.aclose()
