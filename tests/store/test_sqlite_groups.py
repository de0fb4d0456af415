"""Operations of the SQLite store that wait at the same time share a transaction, undisturbed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import StoreRequest, alert_document, level
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import ABSENT, Add, Conflict, DocumentKey, Put
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.store.sqlite.thread import MAX_GROUP

pytestmark = pytest.mark.anyio
ONE, BAD = DocumentKey("items", "one"), DocumentKey("items", "bad")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=[60.0, 0.0], ids=["loop", "thread"])
async def store(path: Path, clock: FakeClock, request: pytest.FixtureRequest) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path, clock, slow=request.param)
    await store.get(ONE)
    yield store
    await store.aclose()


@pytest.fixture
async def statements(store: SQLiteStore) -> list[str]:
    """Return a list to which every statement of the store is appended."""
    statements: list[str] = []
    await store._run(lambda connection: connection.set_trace_callback(statements.append))
    statements.clear()
    return statements


async def test_concurrent_operations_share_transactions(store: SQLiteStore, statements: list[str]) -> None:
    """Two hundred concurrent requests need a few commits, and each has its own result."""
    levels = (level("key:one", Limits(rpm=1_000)), level("gateway"))
    requests = [StoreRequest(f"{n}", levels, tokens=n) for n in range(200)]
    results = await asyncio.gather(*(store.reserve(each.reservation) for each in requests))
    settled = await asyncio.gather(*(store.settle(each.settlement(Charge(1))) for each in requests))

    assert [result.accounts[0].requests for result in results] == list(range(1, 201))
    assert all(each.applied for each in settled)
    assert statements.count("COMMIT") <= 2 * (200 / MAX_GROUP + 2)
    for each in await store.accounts("key:one", "gateway"):
        assert (each.settled, each.tokens, each.in_flight) == (200, 200, 0)


async def test_sequential_operations_are_committed_each(store: SQLiteStore, statements: list[str]) -> None:
    """An operation is committed before its caller continues."""
    for _ in range(5):
        await store.write(Add(ONE, {"n": 1}))

    assert statements.count("COMMIT") == 5


async def test_refusals_and_conflicts_stay_alone(store: SQLiteStore, statements: list[str]) -> None:
    """Operations that are refused write nothing; those beside them in the same transaction are committed."""
    levels = (level("gateway"), level("key:one", Limits(parallel=10)))
    await store.write(Put(ONE, {}, version=ABSENT))
    operations = []
    for n in range(30):
        operations += [
            store.reserve(StoreRequest(f"{n}", levels, tokens=1).reservation),
            store.write(Add(DocumentKey("sums", "one"), {"n": 1}), Put(ONE, {"n": n}, version=ABSENT)),
            store.write(Add(DocumentKey("sums", "two"), {"n": 1})),
        ]
    outcomes = await asyncio.gather(*operations, return_exceptions=True)

    refused = [isinstance(each, LimitRefused) for each in outcomes[::3]]
    assert refused == [False] * 10 + [True] * 20
    assert all(isinstance(each, Conflict) for each in outcomes[1::3])
    assert outcomes[2::3] == [None] * 30
    assert statements.count("COMMIT") <= 90 / MAX_GROUP + 3
    assert [each.in_flight for each in await store.accounts("key:one", "gateway")] == [10, 10]
    one, two, sums = await store.get(DocumentKey("sums", "one"), ONE, DocumentKey("sums", "two"))
    assert (one, two and two.body, sums and sums.body) == (None, {}, {"n": 30})


async def test_a_failed_operation_fails_alone(store: SQLiteStore, path: Path) -> None:
    """An operation that the database rejects raises StoreUnavailable; those beside it are committed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON documents WHEN new.entry = 'bad' "
            "BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END"
        )
    requests = [StoreRequest(f"{n}", (level("key:one", Limits(rpm=99)),), tokens=1) for n in range(20)]
    outcomes = await asyncio.gather(
        *(store.reserve(each.reservation) for each in requests[:10]),
        store.write(Add(ONE, {"n": 1}), Put(BAD, {})),
        *(store.reserve(each.reservation) for each in requests[10:]),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes].count(StoreUnavailable) == 1
    assert isinstance(outcomes[10], StoreUnavailable)
    (account,) = await store.accounts("key:one")
    assert (account.requests, account.in_flight, account.tokens_held) == (20, 20, 20)
    assert await store.get(ONE, BAD) == [None, None]


async def test_a_failed_settlement_fails_alone(store: SQLiteStore) -> None:
    """A settlement whose alert conflicts writes no record and no charge; those beside it are applied."""
    levels = (level("key:one", Limits(tokens=20)),)
    requests = [StoreRequest(f"{n}", levels, tokens=1) for n in range(10)]
    await asyncio.gather(*(store.reserve(each.reservation) for each in requests))
    await store.write(Put(ONE, {}))
    outcomes = await asyncio.gather(
        *(store.settle(each.settlement(Charge(1), alert=alert_document)) for each in requests[:5]),
        store.settle(requests[5].settlement(Charge(20), alert=lambda _: Put(ONE, {}, version=9))),
        *(store.settle(each.settlement(Charge(1), alert=alert_document)) for each in requests[6:]),
        return_exceptions=True,
    )

    assert isinstance(outcomes[5], Conflict)
    assert sum(not isinstance(each, BaseException) and each.applied for each in outcomes) == 9
    (account,) = await store.accounts("key:one")
    assert (account.settled, account.tokens, account.in_flight) == (9, 9, 1)
    assert await store.get(requests[5].settlement().record.key) == [None]
    assert (await store.settle(requests[5].settlement(Charge(1)))).applied


@pytest.mark.parametrize("store", [0.0], indirect=True, ids=["thread"])  # the loop never waits
async def test_a_cancelled_operation_does_not_begin(store: SQLiteStore) -> None:
    """Operations that are cancelled while they wait are not run; the others are."""
    tasks = [asyncio.create_task(store.write(Add(ONE, {f"{n}": 1}))) for n in range(20)]
    blocked, begun = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def block(_: sqlite3.Connection) -> None:
        begun.set()
        future = asyncio.run_coroutine_threadsafe(blocked.wait(), loop)
        future.result()

    blocking = asyncio.create_task(store._run(block))
    await asyncio.to_thread(begun.wait, 20)  # so that the next ones wait for another transaction
    waiting = [asyncio.create_task(store.write(Add(ONE, {f"late {n}": 1}))) for n in range(20)]
    await asyncio.sleep(0)
    for each in waiting[::2]:
        each.cancel()
    await asyncio.sleep(0)
    blocked.set()
    await asyncio.gather(*tasks, blocking, *waiting[1::2])

    (document,) = await store.get(ONE)
    assert document is not None
    assert set(document.body) == {*(f"{n}" for n in range(20)), *(f"late {n}" for n in range(1, 20, 2))}
