"""Guarantees of the SQLite store alone: its file, other processes on it, and its single thread.

`test_sqlite_groups` tests operations that share a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import NOON, StoreRequest, level
from vaultcore.errors import ConfigError, StoreUnavailable
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.base import Add, Conflict, Delete, Document, DocumentKey, Put
from vaultcore.store.sqlite.file import SCHEMA
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
ONE = DocumentKey("items", "one")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path, clock, patience=0.05)
    yield store
    await store.aclose()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold a write lock from another connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as other:
        return int(other.execute("SELECT count(*) FROM documents").fetchone()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def create_file(path: Path, content: bytes = b"") -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def read_files(path: Path) -> dict[str, bytes]:
    """Return the name and content of every file in the directory."""
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


async def test_an_unused_store_creates_nothing(path: Path, clock: FakeClock) -> None:
    """An unused store, also a closed one, creates no file, no directory and no thread."""
    before = threading.active_count()
    store = SQLiteStore(path, clock)
    assert threading.active_count() == before

    await store.aclose()
    await store.aclose()
    assert not path.parent.exists()


async def test_only_its_owner_can_read_it(store: SQLiteStore, path: Path) -> None:
    """The directory has mode 0700; the file and SQLite's other files have 0600."""
    await store.write(Put(ONE, {}))

    modes = {name: mode(path.with_name(name)) for name in read_files(path)}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    assert mode(path.parent) == 0o700


async def test_an_existing_directory_is_unchanged(store: SQLiteStore, path: Path) -> None:
    """The mode of an existing directory is not changed."""
    path.parent.mkdir(mode=0o750)
    before = mode(path.parent)
    await store.get(ONE)

    assert (mode(path.parent), mode(path)) == (before, 0o600)
    assert before != 0o700


async def test_the_file_is_persistent(store: SQLiteStore, path: Path, clock: FakeClock) -> None:
    """Another store on the same file reads everything, also at the same time."""
    request = StoreRequest("one", (level("key:one"),), tokens=7)
    after = await store.reserve(request.reservation)
    await store.write(Put(ONE, {"n": 1}))

    other = SQLiteStore(path, clock)
    assert await other.accounts("key:one") == after.accounts
    await store.aclose()
    assert await other.get(ONE) == [Document(ONE, {"n": 1})]
    await other.aclose()
    assert list(read_files(path)) == ["state.db"]


async def test_a_closed_store(store: SQLiteStore) -> None:
    """Pending operations finish before a store closes; later ones raise StoreUnavailable."""
    writes = [asyncio.create_task(store.write(Add(ONE, {"n": 1}))) for _ in range(20)]
    await asyncio.sleep(0)

    await store.aclose()

    assert await asyncio.gather(*writes) == [None] * 20
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.get(ONE)


@pytest.mark.parametrize("content", [b"no database at all", b"\x00" * 5_000])
async def test_a_file_of_another_program(path: Path, clock: FakeClock, content: bytes) -> None:
    """A file that is no database is rejected by name, each time, and stays unchanged."""
    create_file(path, content)
    store = SQLiteStore(path, clock)

    for _ in range(2):
        with pytest.raises(ConfigError) as refused:
            await store.write(Put(ONE, {}))
        assert refused.value.file == str(path)
    await store.aclose()
    assert read_files(path) == {"state.db": content}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [(f"PRAGMA user_version = {SCHEMA + 1}", "newer"), ("CREATE TABLE theirs (x)", "another program")],
)
async def test_a_database_of_another_program(
    path: Path, clock: FakeClock, statement: str, reason: str
) -> None:
    """A database of a later version or of another program is rejected and stays unchanged."""
    create_file(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(statement)
    before = read_files(path)
    store = SQLiteStore(path, clock)

    with pytest.raises(ConfigError, match=reason):
        await store.get(ONE)
    await store.aclose()
    assert read_files(path) == before


async def test_a_file_that_cannot_be_created(path: Path, clock: FakeClock) -> None:
    """A file that cannot be created is reported by name."""
    create_file(path)

    for impossible in (path / "state.db", path.parent):
        store = SQLiteStore(impossible, clock)
        with pytest.raises(ConfigError) as refused:
            await store.get(ONE)
        assert refused.value.file == str(impossible)
        await store.aclose()


async def test_an_empty_file_is_filled(store: SQLiteStore, path: Path) -> None:
    """An empty file becomes a store."""
    create_file(path)
    await store.write(Put(ONE, {"n": 1}))

    assert await store.get(ONE) == [Document(ONE, {"n": 1})]


async def test_while_another_process_writes(store: SQLiteStore, path: Path) -> None:
    """If another writer takes too long, nothing is done, and the error names neither file nor data."""
    one = StoreRequest("secret-id", (level("key:one", Limits(tokens=10)),), tokens=10)
    two = StoreRequest("two", one.levels, tokens=1)
    await store.reserve(one.reservation)
    before = await store.accounts("key:one")

    with writing(path):
        for change in (
            store.write(Put(ONE, {"secret": 1}), Add(DocumentKey("items", "sums"), {"n": 1})),
            store.write(Delete(ONE)),
            store.reserve(two.reservation),
            store.settle(one.settlement(Charge(5))),
        ):
            with pytest.raises(StoreUnavailable) as failure:
                await change
            assert failure.value.retry_after == 1.0
            assert not {"secret", "state.db", str(path.parent)} & set(str(failure.value).split())
        assert await store.accounts("key:one") == before
        assert await store.get(ONE, one.settlement().record.key) == [None, None]

    assert rows(path) == 0
    assert await store.accounts("key:one") == before
    done = [await store.settle(one.settlement(Charge(5))) for _ in range(2)]
    assert [each.applied for each in done] == [True, False]
    (after,) = (await store.reserve(two.reservation)).accounts
    assert (after.tokens, after.tokens_held) == (5, 6)


async def test_a_writer_that_ends_in_time(path: Path, clock: FakeClock) -> None:
    """A store waits for other writers for its patience."""
    store = SQLiteStore(path, clock, patience=30)
    await store.get(ONE)
    with writing(path):
        waiting = asyncio.create_task(store.write(Put(ONE, {"n": 1})))
        await asyncio.sleep(0.02)
        assert not waiting.done()

    await waiting
    assert await store.get(ONE) == [Document(ONE, {"n": 1})]
    await store.aclose()


async def test_a_cancelled_settlement(store: SQLiteStore) -> None:
    """A cancelled settlement that has begun is completed; one that has not never begins."""
    begun, go = threading.Event(), threading.Event()

    def slow(_: Crossing) -> Put:
        begun.set()
        go.wait()
        return Put(ONE, {})

    requests = [StoreRequest(f"{n}", (level(f"key:{n}", Limits(tokens=1)),)) for n in (0, 1)]
    first = asyncio.create_task(store.settle(requests[0].settlement(Charge(1), alert=slow)))
    await asyncio.to_thread(begun.wait)
    second = asyncio.create_task(store.settle(requests[1].settlement(Charge(1))))
    await asyncio.sleep(0)
    for each in (first, second):
        each.cancel()
    await asyncio.wait((first, second))
    go.set()

    records = await store.get(*(each.settlement().record.key for each in requests), ONE)
    assert [each is not None for each in records] == [True, False, True]
    assert [each.settled for each in await store.accounts("key:0", "key:1")] == [1, 0]


async def test_a_failed_settlement_writes_nothing(store: SQLiteStore) -> None:
    """A settlement whose alert cannot be written is not applied at all."""
    request = StoreRequest("one", (level("key:one", Limits(tokens=1)),), tokens=1)
    await store.reserve(request.reservation)
    before = await store.accounts("key:one")
    await store.write(Put(ONE, {}))

    with pytest.raises(Conflict):
        await store.settle(request.settlement(Charge(1), alert=lambda _: Put(ONE, {}, version=9)))
    with pytest.raises(ZeroDivisionError):
        await store.settle(request.settlement(Charge(1), alert=lambda _: Put(ONE, {"n": 1 // 0})))

    assert await store.accounts("key:one") == before
    assert await store.get(request.settlement().record.key) == [None]
    assert (await store.settle(request.settlement(Charge(1)))).applied


async def test_expired_documents_are_deleted(path: Path, clock: FakeClock) -> None:
    """Expired documents are deleted after opening and after every so many writes."""
    store = SQLiteStore(path, clock)
    for start in range(0, 300, 20):
        names = [DocumentKey("items", f"{n}") for n in range(start, start + 20)]
        await store.write(*(Put(name, {}, expires=NOON + 1) for name in names))
    await store.write(Put(ONE, {}), Put(DocumentKey("items", "later"), {}, expires=NOON + 100))
    clock.time = NOON + 1
    await store.aclose()
    assert rows(path) == 302

    store = SQLiteStore(path, clock)
    await store.write(Put(ONE, {}))
    await store.get(ONE)
    assert rows(path) == 2
    for n in range(500):
        await store.write(Put(DocumentKey("brief", f"{n}"), {}, expires=NOON + 2))
    clock.time = NOON + 2
    for _ in range(500):
        await store.write(Put(ONE, {}))
    await store.aclose()
    assert rows(path) == 2


async def test_from_several_loops(store: SQLiteStore) -> None:
    """Threads with event loops of their own may share a store."""

    def add() -> None:
        asyncio.run(store.write(Add(ONE, {"n": 1})))

    await asyncio.gather(*(asyncio.to_thread(add) for _ in range(8)))

    assert await store.get(ONE) == [Document(ONE, {"n": 8}, 8)]


async def test_the_event_loop_is_not_blocked(path: Path, clock: FakeClock) -> None:
    """The event loop runs while an operation waits for the file."""
    store = SQLiteStore(path, clock, patience=0.2)
    await store.get(ONE)
    with writing(path):
        waiting, turns = asyncio.create_task(store.write(Put(ONE, {}))), 0
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1

    assert isinstance(waiting.exception(), StoreUnavailable)
    assert turns > 10
    await store.aclose()


async def test_a_commit_does_not_wait_for_the_disk(store: SQLiteStore) -> None:
    """A commit writes to the WAL and does not wait for the disk."""

    def read_pragmas(connection: sqlite3.Connection) -> list[object]:
        pragmas = ("journal_mode", "synchronous")
        return [connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]

    assert await store._run(read_pragmas) == ["wal", 1]


async def test_a_damaged_file(store: SQLiteStore, path: Path) -> None:
    """A damaged file raises StoreUnavailable; once it is restored, the store works again."""
    await store.write(Put(ONE, {"n": 1}))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("ALTER TABLE documents RENAME TO renamed")
        with pytest.raises(StoreUnavailable):
            await store.get(ONE)
        other.execute("ALTER TABLE renamed RENAME TO documents")

    assert await store.get(ONE) == [Document(ONE, {"n": 1})]
    assert await store.accounts("key:one") == [Account()]
