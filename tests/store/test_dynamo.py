"""What is DynamoDB's own: how often it is asked and what, and what becomes of answers that do not come."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamo_wire import LATE, LOST, Trouble, Wire, cancelled, failure, wired
from tests.store.ministack import Table, session, table
from tests.store.traffic import DOLLAR, LEASE, LOG, NOON, SUMS, Asking, alerted, level
from vaultcore.aws import dynamo as aws
from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamo import Dynamo
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.governance.account import Account, Lease, Spent
from vaultcore.governance.limits import Limits
from vaultcore.governance.reservation import Refused
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, Add, Conflict, Document, Drop, Name, Put
from vaultcore.store.dynamo import DynamoStore
from vaultcore.store.dynamo_admission import created
from vaultcore.store.dynamo_turns import TURNS

pytestmark = pytest.mark.anyio
KEY = (level("key:one", Limits(rpm=1_000, tpm=10**6, tokens=10**9, day=Nanos(DOLLAR))),)
THREE = (*KEY, level("owner:acme", Limits(month=Nanos(DOLLAR))), level("gateway", Limits(rpm=5_000)))
ONE, TWO = Name("shelf", "one"), Name("shelf", "two")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wired(table()) as wire:
        yield wire


@pytest.fixture
async def store(wire: Wire, clock: FakeClock) -> AsyncIterator[DynamoStore]:
    store = wire.table.store(clock)
    yield store
    await store.aclose()


async def request(store: DynamoStore, asked: Asking, spent: Spent) -> None:
    await store.admit(asked.reservation)
    await store.settle(asked.settlement(spent, alert=alerted))


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
async def test_a_request_is_two_calls(wire: Wire, store: DynamoStore, clock: FakeClock, levels) -> None:
    """Admitting is one call and settling is one, from a new account's first request on, as time goes by."""
    for n in range(30):
        clock.time += (0.5, 7.0, 31.0, 70.0, 200.0)[n % 5]
        asked = Asking(f"{n}", levels, clock.time, tokens=100, minute=50, nanos=1_000)
        await request(store, asked, Spent(10, n % 60, 700))

    admitted = "UpdateItem" if len(levels) == 1 else "TransactWriteItems"
    assert wire.operations[2:] == [admitted, "TransactWriteItems"] * 29
    assert wire.operations[:2] == ["PutItem" if len(levels) == 1 else admitted, "TransactWriteItems"]


async def test_another_process_has_to_look_once(wire: Wire, store: DynamoStore, clock: FakeClock) -> None:
    """A process that knows nothing of an account is shown it by its first try, and needs one call then."""
    await request(store, Asking("first", KEY), Spent(1))
    other = wire.table.store(clock)
    with wire.counted() as calls:
        await request(other, Asking("second", KEY), Spent(1))
        await request(other, Asking("third", KEY), Spent(1))
    await other.aclose()

    assert calls == ["PutItem", "UpdateItem", "TransactWriteItems", "UpdateItem", "TransactWriteItems"]


async def test_every_other_operation_is_one_call(wire: Wire, store: DynamoStore) -> None:
    """Documents and accounts are read and written in one call each, however many they are."""
    names = [Name("shelf", f"{n}") for n in range(20)]
    await store.write(*(Put(name, {}) for name in names))
    await store.write(Put(ONE, {"n": 1}))
    await store.write(Put(ONE, {"n": 2}, version=1))
    await store.write(Add(TWO, {"n": 1}))
    await store.write(Drop(TWO))
    await store.get(ONE)
    await store.get(*names)
    await store.entries("shelf")
    await store.accounts("key:one", "gateway")
    await store.sweep("key:one", "gateway")

    assert wire.operations == [
        *("TransactWriteItems", "UpdateItem", "PutItem", "UpdateItem", "DeleteItem"),
        *("GetItem", "BatchGetItem", "Query", "BatchGetItem", "BatchGetItem"),
    ]


@pytest.mark.parametrize(
    "limits", [{"rpm": 5}, {"tpm": 500}, {"tokens": 500}, {"credits": 500}, {"day": 500}, {"month": 500}]
)
async def test_a_flood_of_refusals_costs_nothing(
    wire: Wire, store: DynamoStore, clock: FakeClock, limits: dict[str, int]
) -> None:
    """Of two hundred that are refused at once, and as many after them, one looks; a second later one more."""
    levels = (level("gateway"), level("key:one", Limits(**limits)))
    for n in range(5):
        await store.admit(Asking(f"{n}", levels, tokens=100, minute=100, nanos=100).reservation)

    async def flood() -> None:
        asked = [Asking(f"flood {n}", levels, clock.time, 100, 100, 100) for n in range(200)]
        outcomes = await asyncio.gather(
            *(store.admit(each.reservation) for each in asked), return_exceptions=True
        )
        assert all(isinstance(each, Refused) and each.level is levels[1] for each in outcomes)

    with wire.counted() as calls:
        await flood()
        clock.time += 0.9
        await flood()
    assert calls == ["BatchGetItem"]

    clock.time += 0.2
    with wire.counted() as calls:
        await flood()
    assert calls == ["BatchGetItem"]


async def test_a_flood_meets_a_new_process(wire: Wire, store: DynamoStore, clock: FakeClock) -> None:
    """A hundred refused at once, by a process that has yet to see the account, cost one write."""
    levels = (level("key:one", Limits(rpm=1)),)
    await store.admit(Asking("first", levels).reservation)
    other = wire.table.store(clock)
    with wire.counted() as calls:
        asked = [Asking(f"{n}", levels).reservation for n in range(100)]
        outcomes = await asyncio.gather(*map(other.admit, asked), return_exceptions=True)
    await other.aclose()

    assert all(isinstance(each, Refused) for each in outcomes)
    assert calls == ["PutItem"]


async def test_a_refusal_is_forgotten_when_there_is_room(store: DynamoStore) -> None:
    """What a process gives back itself can be reserved in the same instant in which it was refused."""
    levels = (level("key:one", Limits(tokens=100)),)
    first = Asking("first", levels, tokens=100)
    await store.admit(first.reservation)
    with pytest.raises(Refused):
        await store.admit(Asking("second", levels, tokens=100).reservation)

    await store.settle(first.settlement(Spent()))

    assert await store.admit(Asking("second", levels, tokens=100).reservation)


BUSY = [
    failure("TransactionConflictException"),
    failure("TransactionInProgressException"),
    failure("ThrottlingException"),
    failure("ProvisionedThroughputExceededException"),
    failure("RequestLimitExceeded"),
    cancelled("TransactionConflict", "None"),
    cancelled("None", "ThrottlingError"),
]


@pytest.mark.parametrize("trouble", [BUSY[0], BUSY[5], BUSY[6]], ids=["single", "conflict", "throttled"])
async def test_who_is_in_the_way_is_waited_for(
    wire: Wire, store: DynamoStore, clock: FakeClock, trouble: Trouble
) -> None:
    """Where others write to the same items, every operation is made again until it comes through, once."""
    asked = Asking("one", THREE, tokens=100, minute=50, nanos=1_000)
    for operation in (
        lambda: store.admit(asked.reservation),
        lambda: store.settle(asked.settlement(Spent(1, 2, 3))),
        lambda: store.write(Add(SUMS, {"n": 1})),
    ):
        wire.troubles.extend([trouble] * 5)
        await operation()

    assert len(clock.slept) == 15
    assert max(clock.slept) <= 1.0
    assert [each.tokens for each in await store.accounts("key:one", "owner:acme", "gateway")] == [3, 3, 3]
    assert (await store.get(SUMS))[0] == Document(
        SUMS, {"requests": 1, "prompt": 1, "completion": 2, "nanos": 3, "n": 1}, 2
    )


async def test_who_is_always_in_the_way(wire: Wire, store: DynamoStore) -> None:
    """After so many turns the store is said to be unavailable, and that a second later it may not be."""
    wire.troubles.extend([BUSY[5]] * 100)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.admit(Asking("one", THREE).reservation)

    assert unavailable.value.retry_after == 1.0
    assert len(wire.asked) == TURNS


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServerError"]
)
async def test_what_no_second_try_mends(wire: Wire, store: DynamoStore, code: str) -> None:
    """A failure of AWS's is ours, without its words; the call and the code are its cause, for logs."""
    wire.troubles.extend([failure(code, 500 if code.startswith("Internal") else 400)] * 2)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.get(ONE)

    cause = unavailable.value.__cause__
    assert (str(unavailable.value), str(cause)) == ("the store does not answer", f"get_item: {code}")
    assert isinstance(cause, AwsError)
    assert cause.__cause__ is None
    assert cause.__suppress_context__


async def test_nobody_there(clock: FakeClock) -> None:
    """Where nothing listens, or nobody has credentials, the store is unavailable."""
    store = Table("http://127.0.0.1:9", "t").store(clock)
    for operation in (store.get(ONE), store.admit(Asking("one", KEY).reservation), store.write(Drop(ONE))):
        with pytest.raises(StoreUnavailable):
            await operation
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.get(ONE)


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
@pytest.mark.parametrize("known", [False, True])
async def test_an_answer_is_lost(
    wire: Wire, store: DynamoStore, clock: FakeClock, levels, known: bool
) -> None:
    """A reservation and a settlement whose answers are lost are made again, and have been made once."""
    if known:
        await request(store, Asking("before", levels), Spent())
    asked = Asking("one", levels, tokens=100, minute=50, nanos=1_000)
    wire.troubles.append(LOST)
    told = await store.admit(asked.reservation)
    assert [list(each.leases) for each in told] == [["one"]] * len(levels)

    wire.troubles.append(LOST)
    done = await store.settle(asked.settlement(Spent(1, 2, 3)))

    assert done.fresh
    for each in await store.accounts(*(each.account for each in levels)):
        assert (each.requests, each.settled, each.tokens, each.tokens_held) == (1 + known, 1 + known, 3, 3)


async def test_no_answer_in_time(wire: Wire, store: DynamoStore, clock: FakeClock) -> None:
    """What is done only after its answer was given up changes nothing that was asked again meanwhile."""
    asked = Asking("one", THREE, tokens=100, minute=50, nanos=1_000)
    hasty = wire.table.store(clock, patience=0.05)
    wire.troubles.extend([LATE, LATE])
    with pytest.raises(StoreUnavailable):
        await hasty.admit(asked.reservation)
    await store.admit(asked.reservation)
    wire.troubles.extend([LATE, LATE])
    with pytest.raises(StoreUnavailable):
        await hasty.settle(asked.settlement(Spent(1, 2, 3)))
    await hasty.aclose()
    assert (await store.settle(asked.settlement(Spent(1, 2, 3)))).fresh
    before = await store.accounts("key:one", "gateway")

    await wire.let_go()

    assert await store.accounts("key:one", "gateway") == before
    assert not (await store.settle(asked.settlement(Spent(1, 2, 3)))).fresh
    assert await store.entries(LOG) == [
        Document(Name(LOG, "one"), {"id": "one", "prompt": 1, "completion": 2, "nanos": 3})
    ]


@pytest.mark.parametrize("many", [False, True], ids=["alone", "with another"])
async def test_a_written_document_is_written_once(wire: Wire, store: DynamoStore, many: bool) -> None:
    """However a document is written, what is made again because its answer was lost is made once."""
    others = [Put(TWO, {})] if many else []
    for write in (Put(ONE, {"n": 1}, version=ABSENT), Put(ONE, {"n": 2}), Put(ONE, {"n": 3}, version=2)):
        wire.troubles.append(LOST)
        await store.write(write, *others)
    wire.troubles.append(LOST)
    await store.write(Add(ONE, {"n": 4}), *others)
    assert await store.get(ONE) == [Document(ONE, {"n": 7}, 4)]

    wire.troubles.append(LOST)
    await store.write(Put(ONE, {}), *others)
    wire.troubles.append(LOST)
    await store.write(Drop(ONE), *others)
    assert await store.get(ONE) == [None]


async def test_a_lost_answer_is_no_conflict_of_others(
    wire: Wire, store: DynamoStore, clock: FakeClock
) -> None:
    """Of two who make the same new document, the one that was later is told so, its answer lost or not."""
    await store.write(Put(ONE, {"n": 1}, version=ABSENT))
    wire.troubles.append(LOST)
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {"n": 1}, version=ABSENT))


async def test_hundreds_of_leases_that_are_over(wire: Wire, store: DynamoStore, clock: FakeClock) -> None:
    """Far more expired leases than one update can give back are given back for the next who needs it."""
    levels = (level("gateway"), level("key:one", Limits(tokens=299)))
    leases = {f"{n}": Lease(NOON, NOON + LEASE, tokens=1) for n in range(299)}
    before = Account(tokens_held=299, leases=leases, day="2026-11-22", month="2026-11", window=29_922_480)
    dynamo = Dynamo(session(wire.table.endpoint))
    await aws.Table(dynamo, wire.table.name).write(created("key:one", before))
    await dynamo.aclose()

    clock.time = NOON + LEASE
    (_, account) = await store.admit(Asking("next", levels, clock.time, tokens=299).reservation)

    assert (account.tokens_held, list(account.leases)) == (299, ["next"])
    for each in await store.accounts("gateway", "key:one"):
        assert list(each.leases) == ["next"]


async def test_transactions_that_lock_their_items(wire: Wire) -> None:
    """Where transactions get in each other's way, exactly as many pass as may, and each is settled once."""
    wire.slow = 0.003
    levels = (level("key:one", Limits(rpm=25)), level("gateway", Limits(tokens=10_000)))
    asked = [Asking(f"{n}", levels, tokens=10, minute=10) for n in range(40)]
    stores = [wire.table.store(SystemClock()) for _ in range(4)]
    admitting = (stores[n % 4].admit(each.reservation) for n, each in enumerate(asked))
    outcomes = await asyncio.gather(*admitting, return_exceptions=True)
    passed = [each for each, outcome in zip(asked, outcomes, strict=True) if isinstance(outcome, list)]
    settling = (stores[n % 4].settle(each.settlement(Spent(1))) for n, each in enumerate(passed))
    done = await asyncio.gather(*settling)
    accounts = await stores[0].accounts("key:one", "gateway")
    for store in stores:
        await store.aclose()

    assert len(passed) == 25
    assert sum(isinstance(each, Refused) for each in outcomes) == 15
    assert all(each.fresh for each in done)
    assert wire.conflicts > 0
    for each in accounts:
        assert (each.requests, each.settled, each.tokens_held, len(each.leases)) == (25, 25, 25, 0)


def test_nothing_happens_before_the_first_call() -> None:
    """Importing and making the store imports no botocore, starts no thread and opens nothing."""
    code = (
        "import sys, threading; from vaultcore.clock import SystemClock as Clock;"
        "from vaultcore.aws.dynamo import Dynamo;"
        "from vaultcore.store.dynamo import DynamoStore; DynamoStore(Dynamo(), 't', Clock());"
        "print('botocore' in sys.modules, 'boto3' in sys.modules, threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False", "1"]
