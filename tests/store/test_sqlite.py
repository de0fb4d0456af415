"""What only the SQLite store has: a file, other processes on it, and one thread for everything."""

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
from tests.store.traffic import NOON, Asking, level
from vaultcore.errors import ConfigError, StoreUnavailable
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.base import Add, Conflict, Document, Delete, DocumentKey, Put
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
ONE = DocumentKey("shelf", "one")


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
    """Somebody else who writes, and takes long."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as other:
        return int(other.execute("SELECT count(*) FROM documents").fetchone()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def made(path: Path, content: bytes = b"") -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def found(path: Path) -> dict[str, bytes]:
    """Every file beside this one, and what is in it."""
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


async def test_nothing_happens_before_it_is_used(path: Path, clock: FakeClock) -> None:
    """A store that is only made, or closed unused, leaves no file, no directory and no thread."""
    before = threading.active_count()
    store = SQLiteStore(path, clock)
    assert threading.active_count() == before

    await store.aclose()
    await store.aclose()
    assert not path.parent.exists()


async def test_only_its_owner_can_read_it(store: SQLiteStore, path: Path) -> None:
    """The directory is made with mode 0700, the file and what SQLite puts beside it with 0600."""
    await store.write(Put(ONE, {}))

    modes = {name: mode(path.with_name(name)) for name in found(path)}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    assert mode(path.parent) == 0o700


async def test_a_directory_that_is_there_stays_as_it_is(store: SQLiteStore, path: Path) -> None:
    """The mode of somebody else's directory is not changed."""
    path.parent.mkdir(mode=0o750)
    before = mode(path.parent)
    await store.get(ONE)

    assert (mode(path.parent), mode(path)) == (before, 0o600)
    assert before != 0o700


async def test_what_is_kept_outlives_the_store(store: SQLiteStore, path: Path, clock: FakeClock) -> None:
    """Another store on the same file finds everything, also one that is open at the same time."""
    asked = Asking("one", (level("key:one"),), tokens=7)
    after = await store.reserve(asked.reservation)
    await store.write(Put(ONE, {"n": 1}))

    other = SQLiteStore(path, clock)
    assert await other.accounts("key:one") == after
    await store.aclose()
    assert await other.get(ONE) == [Document(ONE, {"n": 1})]
    await other.aclose()
    assert list(found(path)) == ["state.db"]


async def test_a_closed_store(store: SQLiteStore) -> None:
    """What is under way is finished before a store closes, and nothing can be asked of it then."""
    writes = [asyncio.create_task(store.write(Add(ONE, {"n": 1}))) for _ in range(20)]
    await asyncio.sleep(0)

    await store.aclose()

    assert await asyncio.gather(*writes) == [None] * 20
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.get(ONE)


@pytest.mark.parametrize("content", [b"no database at all", b"\x00" * 5_000])
async def test_a_file_of_something_else(path: Path, clock: FakeClock, content: bytes) -> None:
    """A file that is no database is refused by its name, each time, and stays as it is."""
    made(path, content)
    store = SQLiteStore(path, clock)

    for _ in range(2):
        with pytest.raises(ConfigError) as refused:
            await store.write(Put(ONE, {}))
        assert refused.value.file == str(path)
    await store.aclose()
    assert found(path) == {"state.db": content}


@pytest.mark.parametrize(
    ("statement", "said"),
    [("PRAGMA user_version = 2", "newer"), ("CREATE TABLE theirs (x)", "another program")],
)
async def test_a_database_of_something_else(path: Path, clock: FakeClock, statement: str, said: str) -> None:
    """A database of a later version or of another program is refused, and stays as it is."""
    made(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(statement)
    before = found(path)
    store = SQLiteStore(path, clock)

    with pytest.raises(ConfigError, match=said):
        await store.get(ONE)
    await store.aclose()
    assert found(path) == before


async def test_a_place_that_cannot_be(path: Path, clock: FakeClock) -> None:
    """Where there can be no file, that is told by its name."""
    made(path)

    for impossible in (path / "state.db", path.parent):
        store = SQLiteStore(impossible, clock)
        with pytest.raises(ConfigError) as refused:
            await store.get(ONE)
        assert refused.value.file == str(impossible)
        await store.aclose()


async def test_an_empty_file_is_filled(store: SQLiteStore, path: Path) -> None:
    """A file that somebody made for it, without anything in it, becomes the store."""
    made(path)
    await store.write(Put(ONE, {"n": 1}))

    assert await store.get(ONE) == [Document(ONE, {"n": 1})]


async def test_while_somebody_else_writes(store: SQLiteStore, path: Path) -> None:
    """Where another writer takes too long nothing is done, and the failure names neither file nor data."""
    one = Asking("secret-id", (level("key:one", Limits(tokens=10)),), tokens=10)
    two = Asking("two", one.levels, tokens=1)
    await store.reserve(one.reservation)
    before = await store.accounts("key:one")

    with writing(path):
        for change in (
            store.write(Put(ONE, {"secret": 1}), Add(DocumentKey("shelf", "sums"), {"n": 1})),
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
    (after,) = await store.reserve(two.reservation)
    assert (after.tokens, after.tokens_held) == (5, 6)


async def test_a_writer_who_ends_in_time(path: Path, clock: FakeClock) -> None:
    """A store waits for other writers as long as it has patience."""
    store = SQLiteStore(path, clock, patience=30)
    await store.get(ONE)
    with writing(path):
        waiting = asyncio.create_task(store.write(Put(ONE, {"n": 1})))
        await asyncio.sleep(0.02)
        assert not waiting.done()

    await waiting
    assert await store.get(ONE) == [Document(ONE, {"n": 1})]
    await store.aclose()


async def test_who_stops_waiting(store: SQLiteStore) -> None:
    """A settlement that has begun is finished with all that belongs to it, one that has not is never made."""
    begun, go = threading.Event(), threading.Event()

    def slow(_: Crossing) -> Put:
        begun.set()
        go.wait()
        return Put(ONE, {})

    asked = [
        Asking(f"{n}", (level(f"key:{n}", Limits(tokens=1)),), sums=DocumentKey("sums", f"{n}")) for n in (0, 1)
    ]
    first = asyncio.create_task(store.settle(asked[0].settlement(Charge(1), alert=slow)))
    await asyncio.to_thread(begun.wait)
    second = asyncio.create_task(store.settle(asked[1].settlement(Charge(1))))
    await asyncio.sleep(0)
    for each in (first, second):
        each.cancel()
    await asyncio.wait((first, second))
    go.set()

    records = await store.get(*(each.settlement().record.key for each in asked), ONE)
    sums = await store.get(*(each.sums for each in asked))
    assert [each is not None for each in (*records, *sums)] == [True, False, True, True, False]
    assert [each.settled for each in await store.accounts("key:0", "key:1")] == [1, 0]


async def test_what_fails_inside_leaves_nothing(store: SQLiteStore) -> None:
    """A settlement whose alert cannot be written, or whose sums meet a conflict, has not been made at all."""
    asked = Asking("one", (level("key:one", Limits(tokens=1)),), tokens=1)
    await store.reserve(asked.reservation)
    before = await store.accounts("key:one")
    await store.write(Put(ONE, {}))

    with pytest.raises(Conflict):
        await store.settle(asked.settlement(Charge(1), alert=lambda _: Put(ONE, {}, version=9)))
    with pytest.raises(ZeroDivisionError):
        await store.settle(asked.settlement(Charge(1), alert=lambda _: Put(ONE, {"n": 1 // 0})))

    assert await store.accounts("key:one") == before
    assert await store.get(asked.settlement().record.key, asked.sums) == [None, None]
    assert (await store.settle(asked.settlement(Charge(1)))).applied


async def test_what_is_over_is_swept_away(path: Path, clock: FakeClock) -> None:
    """Documents that are over leave the file: some after it is opened, some with every so many writings."""
    store = SQLiteStore(path, clock)
    for start in range(0, 300, 20):
        names = [DocumentKey("shelf", f"{n}") for n in range(start, start + 20)]
        await store.write(*(Put(name, {}, expires=NOON + 1) for name in names))
    await store.write(Put(ONE, {}), Put(DocumentKey("shelf", "later"), {}, expires=NOON + 100))
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


async def test_a_loop_is_not_held_up(path: Path, clock: FakeClock) -> None:
    """While an operation waits for the file, everything else goes on."""
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


async def test_a_commit_waits_for_no_disk(store: SQLiteStore) -> None:
    """Writing goes to a log that is brought to the disk now and then, not with every operation."""

    def told(connection: sqlite3.Connection) -> list[object]:
        pragmas = ("journal_mode", "synchronous")
        return [connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]

    assert await store._run("BEGIN", told) == ["wal", 1]


async def test_a_file_that_is_damaged_meanwhile(store: SQLiteStore, path: Path) -> None:
    """A failure of the file is an unavailable store, and where it is mended the store works again."""
    await store.write(Put(ONE, {"n": 1}))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("ALTER TABLE documents RENAME TO gone")
        with pytest.raises(StoreUnavailable):
            await store.get(ONE)
        other.execute("ALTER TABLE gone RENAME TO documents")

    assert await store.get(ONE) == [Document(ONE, {"n": 1})]
    assert await store.accounts("key:one") == [Account()]
