"""How often DynamoDB is asked, and what: once for each operation, and hardly for what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.wire import Wire, wired
from tests.store.ministack import table
from tests.store.traffic import DOLLAR, Asking, alerted, level
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.money import Nanos
from vaultcore.store.base import Add, Delete, DocumentKey, Put
from vaultcore.store.dynamodb.store import DynamoDBStore

pytestmark = pytest.mark.anyio
KEY = (level("key:one", Limits(rpm=1_000, tpm=10**6, tokens=10**9, day=Nanos(DOLLAR))),)
THREE = (*KEY, level("owner:acme", Limits(month=Nanos(DOLLAR))), level("gateway", Limits(rpm=5_000)))
ONE, TWO = DocumentKey("shelf", "one"), DocumentKey("shelf", "two")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wired(table()) as wire:
        yield wire


@pytest.fixture
async def store(wire: Wire, clock: FakeClock) -> AsyncIterator[DynamoDBStore]:
    store = wire.table.store(clock)
    yield store
    await store.aclose()


async def request(store: DynamoDBStore, asked: Asking, spent: Charge) -> None:
    await store.reserve(asked.reservation)
    await store.settle(asked.settlement(spent, alert=alerted))


async def test_a_process_that_is_new_to_an_account_looks_in_passing(
    wire: Wire, store: DynamoDBStore, clock: FakeClock
) -> None:
    """Who is told which accounts come next looks at them with the documents: two calls, not three."""
    async with wired(wire.table) as other:
        stranger = other.table.store(clock)
        await request(store, Asking("a", KEY, clock.time, tokens=100), Charge(10, 5, 7))
        found = await stranger.get(ONE, TWO, prefetch=["key:one"])
        await stranger.reserve(Asking("b", KEY, clock.time, tokens=100).reservation)
        await stranger.get(ONE, prefetch=["key:one"])
        await stranger.aclose()

    assert found == [None, None]
    assert other.operations == ["BatchGetItem", "UpdateItem", "GetItem"]


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
async def test_a_request_is_two_calls(
    wire: Wire, store: DynamoDBStore, clock: FakeClock, levels: tuple[Level, ...]
) -> None:
    """Admitting is one call and settling is one, from a new account's first request on, as time goes by."""
    for n in range(15):
        clock.time += (0.5, 7.0, 31.0, 70.0, 200.0)[n % 5]
        asked = Asking(f"{n}", levels, clock.time, tokens=100, minute=50, nanos=1_000)
        await request(store, asked, Charge(10, n % 60, 700))

    admitted = "UpdateItem" if len(levels) == 1 else "TransactWriteItems"
    assert wire.operations[2:] == [admitted, "TransactWriteItems"] * 14
    assert wire.operations[:2] == ["PutItem" if len(levels) == 1 else admitted, "TransactWriteItems"]


async def test_another_process_has_to_look_once(wire: Wire, store: DynamoDBStore, clock: FakeClock) -> None:
    """A process that knows nothing of an account is shown it by its first try, and needs one call then."""
    await request(store, Asking("first", KEY), Charge(1))
    other = wire.table.store(clock)
    with wire.counted() as calls:
        await request(other, Asking("second", KEY), Charge(1))
        await request(other, Asking("third", KEY), Charge(1))
    await other.aclose()

    assert calls == ["PutItem", "UpdateItem", "TransactWriteItems", "UpdateItem", "TransactWriteItems"]


async def test_every_other_operation_is_one_call(wire: Wire, store: DynamoDBStore) -> None:
    """Documents and accounts are read and written in one call each, however many they are."""
    names = [DocumentKey("shelf", f"{n}") for n in range(20)]
    await store.write(*(Put(name, {}) for name in names))
    await store.write(Put(ONE, {"n": 1}))
    await store.write(Put(ONE, {"n": 2}, version=1))
    await store.write(Add(TWO, {"n": 1}))
    await store.write(Delete(TWO))
    await store.get(ONE)
    await store.get(*names)
    await store.query("shelf")
    await store.accounts("key:one", "gateway")
    await store.sweep("key:one", "gateway")

    assert wire.operations == [
        *("TransactWriteItems", "UpdateItem", "PutItem", "UpdateItem", "DeleteItem"),
        *("GetItem", "BatchGetItem", "Query", "BatchGetItem", "BatchGetItem"),
    ]


@pytest.mark.parametrize("limits", [{"rpm": 5}, {"tpm": 500}, {"tokens": 500}, {"day": 500}])
async def test_a_flood_of_refusals_costs_nothing(
    wire: Wire, store: DynamoDBStore, clock: FakeClock, limits: dict[str, int]
) -> None:
    """Of two hundred that are refused at once, and as many after them, one looks; a second later one more."""
    levels = (level("gateway"), level("key:one", Limits(**limits)))
    for n in range(5):
        await store.reserve(Asking(f"{n}", levels, tokens=100, minute=100, nanos=100).reservation)

    async def flood() -> None:
        asked = [Asking(f"flood {n}", levels, clock.time, 100, 100, 100) for n in range(200)]
        outcomes = await asyncio.gather(
            *(store.reserve(each.reservation) for each in asked), return_exceptions=True
        )
        assert all(isinstance(each, LimitRefused) and each.level is levels[1] for each in outcomes)

    with wire.counted() as calls:
        await flood()
        clock.time += 0.9
        await flood()
    assert calls == ["BatchGetItem"]

    clock.time += 0.2
    with wire.counted() as calls:
        await flood()
    assert calls == ["BatchGetItem"]


async def test_a_flood_meets_a_new_process(wire: Wire, store: DynamoDBStore, clock: FakeClock) -> None:
    """A hundred refused at once, by a process that has yet to see the account, cost one write."""
    levels = (level("key:one", Limits(rpm=1)),)
    await store.reserve(Asking("first", levels).reservation)
    other = wire.table.store(clock)
    with wire.counted() as calls:
        asked = [Asking(f"{n}", levels).reservation for n in range(100)]
        outcomes = await asyncio.gather(*map(other.reserve, asked), return_exceptions=True)
    await other.aclose()

    assert all(isinstance(each, LimitRefused) for each in outcomes)
    assert calls == ["PutItem"]


async def test_a_refusal_is_forgotten_when_there_is_room(store: DynamoDBStore) -> None:
    """What a process gives back itself can be reserved in the same instant in which it was refused."""
    levels = (level("key:one", Limits(tokens=100)),)
    first = Asking("first", levels, tokens=100)
    await store.reserve(first.reservation)
    with pytest.raises(LimitRefused):
        await store.reserve(Asking("second", levels, tokens=100).reservation)

    await store.settle(first.settlement(Charge()))

    assert await store.reserve(Asking("second", levels, tokens=100).reservation)


def test_nothing_happens_before_the_first_call() -> None:
    """Importing and making the store imports no botocore, starts no thread and opens nothing."""
    code = (
        "import sys, threading; from vaultcore.clock import SystemClock as Clock;"
        "from vaultcore.aws.dynamodb import DynamoDBClient;"
        "from vaultcore.store.dynamodb.store import DynamoDBStore; DynamoDBStore(DynamoDBClient(), 't', Clock());"
        "print('botocore' in sys.modules, 'boto3' in sys.modules, threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False", "1"]
