"""The typed tables of the SQLite store always say what its documents say, and cost less to read."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import NOON
from vaultcore.ledger.usage_groups import add_rows
from vaultcore.limits.account import Charge, Lease, day_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, Delete, DocumentKey, Put, Settlement, Write
from vaultcore.store.sqlite import summaries
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.store.usage_selection import USAGE_AMOUNTS, Attribute, UsageRow, UsageSelection

pytestmark = pytest.mark.anyio
DAY = 86_400.0
FIRST, LAST = day_of(NOON - 2 * DAY), day_of(NOON)
KEYS = ("key_1", "key_1,", 'key"2', "system", "ä", "")
MODELS = ("gpt", 'a","b', "€", "")
GROUPS: tuple[tuple[Attribute, ...], ...] = (
    ("day",),
    ("key",),
    ("provider",),
    ("model",),
    ("day", "day"),
    ("key", "day"),
    ("key", "model"),
)
CONDITIONS: tuple[tuple[tuple[Attribute, frozenset[str]], ...], ...] = (
    (),
    (("key", frozenset({"key_1"})),),
    (("key", frozenset({'key"2', "ä", "missing"})),),
    (("key", frozenset()),),
    (("model", frozenset({"€"})), ("provider", frozenset({"one"}))),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path, clock)
    yield store
    await store.aclose()


def usage_writes() -> list[Write]:
    """Return usage of four days, each of another amount, some of which expires a minute later."""
    names = [
        document_types.usage_key(NOON - day * DAY, key, provider, model)
        for day in range(4)
        for key in KEYS
        for provider in ("one", "")
        for model in MODELS
    ]
    return [
        Add(name, {"requests": number, "ms": 7 * number}, expires=NOON + 60 if number % 5 == 0 else None)
        for number, name in enumerate(names)
    ]


async def write(store: SQLiteStore, writes: Iterable[Write]) -> None:
    pending = list(writes)
    for start in range(0, len(pending), 25):
        await store.write(*pending[start : start + 25])


async def expected(store: SQLiteStore, selection: UsageSelection) -> dict[object, UsageRow]:
    """Return the groups of a selection as the documents have them."""
    rows = list[UsageRow]()
    for back in range(4):
        day = day_of(NOON - back * DAY)
        for document in await store.query(document_types.usage_collection(day), limit=10_000):
            key, provider, model = document_types.parse_usage_id(document.key.id)
            names = {"day": day, "key": key, "provider": provider, "model": model}
            if selection.first <= day <= selection.last and all(
                names[name] in accepted for name, accepted in selection.where
            ):
                amounts = [document.body.get(name, 0) for name in USAGE_AMOUNTS]
                rows.append((*(names[name] for name in selection.by), *amounts))
    return dict(add_rows(rows, len(selection.by)))


async def check_all(store: SQLiteStore) -> None:
    """Assert that every selection has the sums of the documents."""
    for by in GROUPS:
        for where in CONDITIONS:
            selection = UsageSelection(FIRST, LAST, by, where)
            assert add_rows(await store.sum_usage(selection), len(by)) == await expected(store, selection), (
                selection
            )


async def test_the_sums_are_those_of_the_documents(store: SQLiteStore, clock: FakeClock) -> None:
    """After additions, replacements, deletions and expiries, for every grouping and condition."""
    writes = usage_writes()
    await write(store, writes)
    await check_all(store)
    await write(store, writes[::3])
    await write(store, [Delete(each.key) for each in writes[1::4]])
    await write(store, [Put(each.key, {"requests": 3, "cost_nanos": 9}) for each in writes[2::4]])
    await check_all(store)
    clock.time += 61  # expired, and not deleted yet
    await check_all(store)
    await write(store, writes[:50])
    await check_all(store)


async def test_many_rows_are_added_up_by_the_database(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above a number of rows, the store returns one row per group, with the same sums."""
    await write(store, usage_writes())
    monkeypatch.setattr(summaries, "MAX_PLAIN", 3)
    await check_all(store)

    assert len(await store.sum_usage(UsageSelection(FIRST, LAST, ("key",)))) == len(KEYS)


async def test_expired_documents_leave_the_tables(store: SQLiteStore, path: Path, clock: FakeClock) -> None:
    """When expired documents are deleted, their rows are deleted, and days without documents too."""
    await write(store, (Add(each.key, {"requests": 1}, expires=NOON + 60) for each in usage_writes()))
    await store.aclose()
    clock.time += 61
    again = SQLiteStore(path, clock)
    await check_all(again)
    await again.aclose()
    with sqlite3.connect(path) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("usage_sums", "usage_days", "changed_documents")
        ]
    connection.close()

    assert counts == [0, 0, 0]


async def test_a_file_of_the_version_before(store: SQLiteStore, path: Path, clock: FakeClock) -> None:
    """A file without the tables gets them when it is opened, filled from its documents."""
    await write(store, usage_writes())
    await store.write(key_document("key_1", "first", "team"))
    await store.aclose()
    with sqlite3.connect(path) as connection:
        for kind, name in connection.execute("SELECT type, name FROM sqlite_master").fetchall():
            if kind == "trigger" or name in {"usage_sums", "usage_days", "key_names", "changed_documents"}:
                connection.execute(f"DROP {kind} IF EXISTS {name}")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    again = SQLiteStore(path, clock)
    names = await again.read_key_names(10)
    await check_all(again)
    await again.aclose()

    assert names == [("key_1", "first", "team", None, None)]


async def test_changes_by_an_older_version(store: SQLiteStore, path: Path) -> None:
    """A process of an older version, which knows no tables, writes documents: the next read has them."""
    await write(store, usage_writes())
    await store.write(key_document("key_1", "first", None))
    with sqlite3.connect(path) as older:
        older.execute("UPDATE documents SET body = '{\"requests\":5}' WHERE shelf = ?", (f"usage/{LAST}",))
        older.execute(
            "DELETE FROM documents WHERE shelf = ? AND entry LIKE ?", (f"usage/{FIRST}", '["key_1"%')
        )
        older.execute("UPDATE documents SET body = replace(body, 'first', 'second') WHERE shelf = 'keys'")
    older.close()
    await check_all(store)

    assert await store.read_key_names(10) == [("key_1", "second", "", None, None)]


async def test_a_request_changes_no_table(store: SQLiteStore, path: Path) -> None:
    """A settlement writes its record and no more, so the tables cost it nothing."""
    await store.write(Add(document_types.usage_key(NOON, "key_1", "one", "gpt"), {"requests": 1}))
    record = Put(document_types.record_key(NOON, "req_1"), {"id": "req_1"}, version=ABSENT)
    statements = list[str]()
    await store._run(lambda connection: connection.set_trace_callback(statements.append))
    await store.settle(Settlement("req_1", (), Lease(NOON, NOON + 60), Charge(1, 1, 1), record))
    await store._run(lambda connection: connection.set_trace_callback(None))

    assert [each for each in statements if "INSERT" in each]
    assert not [each for each in statements if "usage" in each or "changed" in each or "key_names" in each]


async def test_totals_of_a_day_do_not_cost_more_with_more_keys(store: SQLiteStore) -> None:
    """Usage by day takes the same number of SQLite's steps with 400 keys as with one."""

    async def steps() -> int:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        def read(connection: sqlite3.Connection) -> None:
            connection.set_progress_handler(step, 1)
            summaries.read_usage(connection, UsageSelection(LAST, LAST, ("day",)), NOON)
            connection.set_progress_handler(None, 1)

        await store._run(read)
        return count

    name = document_types.usage_key
    await store.write(Add(name(NOON, "key_0", "one", "gpt"), {"requests": 1}))
    one = await steps()
    await write(store, (Add(name(NOON, f"key_{n}", "one", "gpt"), {"requests": 1}) for n in range(400)))

    assert await steps() == one > 0


async def test_names_follow_every_change_of_a_key(store: SQLiteStore) -> None:
    """A name is that of the stored key: after a change, a deletion, and with a body of another form."""
    await store.write(key_document("key_b", "b", "team"), key_document("key_a", "ä \U0001f511", None))
    first = await store.read_key_names(10)
    await store.write(key_document("key_b", "c", ""), Delete(DocumentKey(document_types.KEYS, "key_a")))
    await store.write(Put(DocumentKey(document_types.KEYS, "key_c"), {"another": "form"}))

    assert first == [("key_a", "ä \U0001f511", "", None, None), ("key_b", "b", "team", None, None)]
    assert await store.read_key_names(10) == [("key_b", "c", "", None, None)]
    assert await store.read_key_names(0) == []


def key_document(id: str, name: str, owner: str | None) -> Put:
    """Return the write of a key with a name and an owner."""
    return Put(DocumentKey(document_types.KEYS, id), {"signed": {"name": name, "owner": owner}, "mac": ""})


NamePredicate = Callable[[str], bool]


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_a_scan_reads_what_queries_read(store: SQLiteStore, limit: int) -> None:
    """A scan counts all documents between its bounds, and parses only those that may match."""
    for number in range(12):
        collection = f"log/{number % 2}"
        await store.write(Put(DocumentKey(collection, f"{number:02d}"), {"number": number}))
    odd: NamePredicate = lambda text: text in {'{"number":9}', '{"number":4}'}  # noqa: E731
    scan = await store.scan_newest(("log/0", "log/1"), odd, after="02", before="11", limit=limit)
    read = [10, 9, 8, 7, 6, 5, 4, 3][:limit]

    assert (scan.count, scan.last) == (len(read), f"{read[-1]:02d}")
    assert [each.body["number"] for each in scan.documents] == [each for each in read if each in {9, 4}]
    assert [each.key.collection for each in scan.documents] == [
        f"log/{each % 2}" for each in read if each in {9, 4}
    ]
