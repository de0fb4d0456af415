"""The number and kind of DynamoDB calls: one per level of an operation, and few for refusals."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.proxy import Body, DynamoDBProxy, proxy_for
from tests.store.ministack import table
from tests.store.store_request import DOLLAR, StoreRequest, alert_document, level
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.money import Nanos
from vaultcore.store.base import Add, Delete, DocumentKey, Put
from vaultcore.store.dynamodb.operation_marks import ARCHIVE, FULL
from vaultcore.store.dynamodb.store import DynamoDBStore

pytestmark = pytest.mark.anyio
KEY = (level("key:one", Limits(rpm=1_000, tpm=10**6, tokens=10**9, day=Nanos(DOLLAR))),)
THREE = (*KEY, level("owner:acme", Limits(month=Nanos(DOLLAR))), level("gateway", Limits(rpm=5_000)))
ONE, TWO = DocumentKey("items", "one"), DocumentKey("items", "two")


@pytest.fixture
async def proxy() -> AsyncIterator[DynamoDBProxy]:
    async with proxy_for(table()) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: DynamoDBProxy, clock: FakeClock) -> AsyncIterator[DynamoDBStore]:
    store = proxy.table.store(clock)
    yield store
    await store.aclose()


def without_archive(requests: Sequence[tuple[str, Body]]) -> list[str]:
    """Return operations except the copies of older marks."""
    return [
        operation
        for operation, body in requests
        if not (operation == "PutItem" and body["Item"]["pk"]["S"].startswith(ARCHIVE))
    ]


async def run_request(store: DynamoDBStore, request: StoreRequest, spent: Charge) -> None:
    await store.reserve(request.reservation)
    await store.settle(request.settlement(spent, alert=alert_document))


async def test_accounts_are_prefetched_with_documents(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """A process that knows the next accounts reads them with the documents: two calls, not three."""
    async with proxy_for(proxy.table) as other:
        stranger = other.table.store(clock)
        await run_request(store, StoreRequest("a", KEY, clock.time, tokens=100), Charge(10, 5, 7))
        documents = await stranger.get(ONE, TWO, prefetch=["key:one"])
        await stranger.reserve(StoreRequest("b", KEY, clock.time, tokens=100).reservation)
        await stranger.get(ONE, prefetch=["key:one"])
        await stranger.aclose()

    assert documents == [None, None]
    assert other.operations == ["BatchGetItem", "UpdateItem", "GetItem"]


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
async def test_a_request_is_one_call_per_level(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, levels: tuple[Level, ...]
) -> None:
    """Reserving is one update per level, settling is the record and one update per level.

    The first use of an account also reads and creates it. Every so many requests, older marks are copied.
    """
    updates = ["UpdateItem"] * len(levels)
    for n in range(30):
        clock.time += (0.5, 7.0, 31.0, 70.0, 200.0)[n % 5]
        request = StoreRequest(f"{n}", levels, clock.time, tokens=100, minute=50, nanos=1_000)
        before = len(proxy.requests)
        await run_request(store, request, Charge(10, n % 60, 700))
        operations = without_archive(proxy.requests[before:])
        first = ["GetItem", "GetItem", "PutItem"] * len(levels) if n == 0 else []
        assert sorted(operations) == sorted([*first, *updates, "PutItem", *updates])
        assert n == 0 or operations == [*updates, "PutItem", *updates]

    copies = len(proxy.operations) - len(without_archive(proxy.requests))
    marks = 60 * len(levels)
    assert 0 < copies <= marks / FULL


async def test_another_process_reads_once(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """A process that has not cached the account reads it before its first request."""
    await run_request(store, StoreRequest("first", KEY), Charge(1))
    other = proxy.table.store(clock)
    with proxy.counted() as calls:
        await run_request(other, StoreRequest("second", KEY), Charge(1))
        await run_request(other, StoreRequest("third", KEY), Charge(1))
    await other.aclose()

    assert calls == ["GetItem", *["UpdateItem", "PutItem", "UpdateItem"] * 2]


async def test_every_other_operation_is_one_call(proxy: DynamoDBProxy, store: DynamoDBStore) -> None:
    """Documents and accounts are read and written in one call each, however many they are.

    New accounts may be those of earlier versions, which is a second call. A sweep is one call per account.
    """
    names = [DocumentKey("items", f"{n}") for n in range(20)]
    await store.write(*(Put(name, {}) for name in names))
    await store.write(Put(ONE, {"n": 1}))
    await store.write(Put(ONE, {"n": 2}, version=1))
    await store.write(Add(TWO, {"n": 1}))
    await store.write(Delete(TWO))
    await store.get(ONE)
    await store.get(*names)
    await store.query("items")
    await store.accounts("key:one", "gateway")
    assert proxy.operations == [
        *("TransactWriteItems", "UpdateItem", "PutItem", "UpdateItem", "DeleteItem"),
        *("GetItem", "BatchGetItem", "Query", "BatchGetItem", "BatchGetItem"),
    ]

    for name in ("key:one", "gateway"):
        await store.reserve(StoreRequest("one", (level(name),)).reservation)
    with proxy.counted() as calls:
        await store.accounts("key:one", "gateway")
        await store.sweep("key:one", "gateway")
    assert calls == ["BatchGetItem"] * 3


@pytest.mark.parametrize("limits", [{"rpm": 5}, {"tpm": 500}, {"tokens": 500}, {"day": 500}])
async def test_a_flood_of_refusals_is_cheap(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, limits: dict[str, int]
) -> None:
    """Of four hundred refused requests one reads the account, twice; a second later one more does."""
    levels = (level("gateway"), level("key:one", Limits(**limits)))
    for n in range(5):
        await store.reserve(StoreRequest(f"{n}", levels, tokens=100, minute=100, nanos=100).reservation)

    async def flood() -> None:
        requests = [StoreRequest(f"flood {n}", levels, clock.time, 100, 100, 100) for n in range(200)]
        outcomes = await asyncio.gather(
            *(store.reserve(each.reservation) for each in requests), return_exceptions=True
        )
        assert all(isinstance(each, LimitRefused) and each.level is levels[1] for each in outcomes)

    with proxy.counted() as calls:
        await flood()
        clock.time += 0.9
        await flood()
    assert calls == ["GetItem"] * 2

    clock.time += 0.2
    with proxy.counted() as calls:
        await flood()
    assert calls == ["GetItem"] * 2


async def test_a_flood_meets_a_new_process(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """A hundred refused requests of a process that does not know the account cost one read."""
    levels = (level("key:one", Limits(rpm=1)),)
    await store.reserve(StoreRequest("first", levels).reservation)
    other = proxy.table.store(clock)
    with proxy.counted() as calls:
        requests = [StoreRequest(f"{n}", levels).reservation for n in range(100)]
        outcomes = await asyncio.gather(*map(other.reserve, requests), return_exceptions=True)
    await other.aclose()

    assert all(isinstance(each, LimitRefused) for each in outcomes)
    assert calls == ["GetItem"]


async def test_a_full_level_that_is_not_known_to_be_full(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """If another process has filled a level, the others are given back, and later refusals are free."""
    levels = (*KEY, level("owner:acme"), level("gateway", Limits(parallel=9, tokens=100)))
    await store.reserve(StoreRequest("first", levels, tokens=50).reservation)
    other = proxy.table.store(clock)
    await other.reserve(StoreRequest("unseen", levels[2:], tokens=50).reservation)
    await other.aclose()

    with proxy.counted() as calls:
        for n in range(10):
            with pytest.raises(LimitRefused) as refused:
                await store.reserve(StoreRequest(f"{n}", levels, tokens=1).reservation)
            assert refused.value.level is levels[2]

    assert calls == [*["UpdateItem"] * 5, "GetItem"]
    accounts = await store.accounts(*(each.account for each in levels))
    assert [(each.requests, each.in_flight, each.tokens_held) for each in accounts] == [
        *((1, 1, 50), (0, 1, 50), (0, 2, 100))
    ]


async def test_a_refusal_is_forgotten_when_there_is_room(store: DynamoDBStore) -> None:
    """After a process has given an amount back, it can reserve it at once, despite its remembered refusal."""
    levels = (level("key:one", Limits(tokens=100)),)
    first = StoreRequest("first", levels, tokens=100)
    await store.reserve(first.reservation)
    with pytest.raises(LimitRefused):
        await store.reserve(StoreRequest("second", levels, tokens=100).reservation)

    await store.settle(first.settlement(Charge()))

    assert await store.reserve(StoreRequest("second", levels, tokens=100).reservation)


def test_nothing_happens_before_the_first_call() -> None:
    """Importing and creating the store imports no botocore, starts no thread and opens nothing."""
    code = (
        "import sys, threading; from vaultcore.clock import SystemClock as Clock;"
        "from vaultcore.aws.dynamodb import DynamoDBClient;"
        "from vaultcore.store.dynamodb.store import DynamoDBStore;"
        "DynamoDBStore(DynamoDBClient(), 't', Clock());"
        "print('botocore' in sys.modules, 'boto3' in sys.modules, threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False", "1"]
