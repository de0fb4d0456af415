"""What becomes of an operation where DynamoDB is busy, fails, or does not answer in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.wire import LATE, LOST, Trouble, Wire, cancelled, failure, wired
from tests.store.ministack import Table, session, table
from tests.store.traffic import DOLLAR, LEASE, LOG, NOON, SUMS, Asking, alerted, level
from vaultcore.aws import dynamodb as aws
from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account, Lease, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, Add, Conflict, Document, Delete, DocumentKey, Put
from vaultcore.store.dynamodb.contention import MAX_ATTEMPTS
from vaultcore.store.dynamodb.reserve_expressions import create_account
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
    wire: Wire, store: DynamoDBStore, clock: FakeClock, trouble: Trouble
) -> None:
    """Where others write to the same items, every operation is made again until it comes through, once."""
    asked = Asking("one", THREE, tokens=100, minute=50, nanos=1_000)
    for operation in (
        lambda: store.reserve(asked.reservation),
        lambda: store.settle(asked.settlement(Charge(1, 2, 3))),
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


async def test_who_is_always_in_the_way(wire: Wire, store: DynamoDBStore) -> None:
    """After so many turns the store is said to be unavailable, and that a second later it may not be."""
    wire.troubles.extend([BUSY[5]] * 100)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.reserve(Asking("one", THREE).reservation)

    assert unavailable.value.retry_after == 1.0
    assert len(wire.asked) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServerError"]
)
async def test_what_no_second_try_mends(wire: Wire, store: DynamoDBStore, code: str) -> None:
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
    for operation in (store.get(ONE), store.reserve(Asking("one", KEY).reservation), store.write(Delete(ONE))):
        with pytest.raises(StoreUnavailable):
            await operation
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.get(ONE)


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
@pytest.mark.parametrize("known", [False, True])
async def test_an_answer_is_lost(
    wire: Wire, store: DynamoDBStore, clock: FakeClock, levels: tuple[Level, ...], known: bool
) -> None:
    """A reservation and a settlement whose answers are lost are made again, and have been made once."""
    if known:
        await request(store, Asking("before", levels), Charge())
    asked = Asking("one", levels, tokens=100, minute=50, nanos=1_000)
    wire.troubles.append(LOST)
    told = await store.reserve(asked.reservation)
    assert [list(each.leases) for each in told] == [["one"]] * len(levels)

    wire.troubles.append(LOST)
    done = await store.settle(asked.settlement(Charge(1, 2, 3)))

    assert done.applied
    for each in await store.accounts(*(each.account for each in levels)):
        assert (each.requests, each.settled, each.tokens, each.tokens_held) == (1 + known, 1 + known, 3, 3)


async def test_no_answer_in_time(wire: Wire, store: DynamoDBStore, clock: FakeClock) -> None:
    """What is done only after its answer was given up changes nothing that was asked again meanwhile."""
    asked = Asking("one", THREE, tokens=100, minute=50, nanos=1_000)
    hasty = wire.table.store(clock, patience=0.05)
    wire.troubles.extend([LATE, LATE])
    with pytest.raises(StoreUnavailable):
        await hasty.reserve(asked.reservation)
    await store.reserve(asked.reservation)
    wire.troubles.extend([LATE, LATE])
    with pytest.raises(StoreUnavailable):
        await hasty.settle(asked.settlement(Charge(1, 2, 3)))
    await hasty.aclose()
    assert (await store.settle(asked.settlement(Charge(1, 2, 3)))).applied
    before = await store.accounts("key:one", "gateway")

    await wire.let_go()

    assert await store.accounts("key:one", "gateway") == before
    assert not (await store.settle(asked.settlement(Charge(1, 2, 3)))).applied
    assert await store.query(LOG) == [
        Document(DocumentKey(LOG, "one"), {"id": "one", "prompt": 1, "completion": 2, "nanos": 3})
    ]


async def test_what_is_still_being_made(wire: Wire, store: DynamoDBStore) -> None:
    """A transaction that is made while DynamoDB says that it is busy with it has been made once, by us."""
    busy = failure("TransactionInProgressException")
    asked = Asking("one", THREE, tokens=100, minute=50, nanos=1_000)
    wire.troubles.extend([replace(busy, made=True), busy])
    assert [list(each.leases) for each in await store.reserve(asked.reservation)] == [["one"]] * 3
    wire.troubles.extend([replace(busy, made=True), busy])

    assert (await store.settle(asked.settlement(Charge(1, 2, 3)))).applied
    assert [each.tokens for each in await store.accounts("key:one", "gateway")] == [3, 3]


@pytest.mark.parametrize("many", [False, True], ids=["alone", "with another"])
async def test_a_written_document_is_written_once(wire: Wire, store: DynamoDBStore, many: bool) -> None:
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
    await store.write(Delete(ONE), *others)
    assert await store.get(ONE) == [None]


async def test_a_lost_answer_is_no_conflict_of_others(
    wire: Wire, store: DynamoDBStore, clock: FakeClock
) -> None:
    """Of two who make the same new document, the one that was later is told so, its answer lost or not."""
    await store.write(Put(ONE, {"n": 1}, version=ABSENT))
    wire.troubles.append(LOST)
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {"n": 1}, version=ABSENT))


async def test_hundreds_of_leases_that_are_over(wire: Wire, store: DynamoDBStore, clock: FakeClock) -> None:
    """Far more expired leases than one update can give back are given back for the next who needs it."""
    levels = (level("gateway"), level("key:one", Limits(tokens=299)))
    leases = {f"{n}": Lease(NOON, NOON + LEASE, tokens=1) for n in range(299)}
    before = Account(tokens_held=299, leases=leases, day="2026-11-22", month="2026-11", window=29_922_480)
    dynamo = DynamoDBClient(session(wire.table.endpoint))
    await aws.DynamoDBTable(dynamo, wire.table.name).write(create_account("key:one", before))
    await dynamo.aclose()

    clock.time = NOON + LEASE
    (_, account) = await store.reserve(Asking("next", levels, clock.time, tokens=299).reservation)

    assert (account.tokens_held, list(account.leases)) == (299, ["next"])
    for each in await store.accounts("gateway", "key:one"):
        assert list(each.leases) == ["next"]


async def test_transactions_that_lock_their_items(wire: Wire) -> None:
    """Where transactions get in each other's way, exactly as many pass as may, and each is settled once."""
    wire.slow = 0.003
    levels = (level("key:one", Limits(rpm=25)), level("gateway", Limits(tokens=10_000)))
    asked = [Asking(f"{n}", levels, tokens=10, minute=10) for n in range(40)]
    stores = [wire.table.store(SystemClock()) for _ in range(4)]
    admitting = (stores[n % 4].reserve(each.reservation) for n, each in enumerate(asked))
    outcomes = await asyncio.gather(*admitting, return_exceptions=True)
    passed = [each for each, outcome in zip(asked, outcomes, strict=True) if isinstance(outcome, list)]
    settling = (stores[n % 4].settle(each.settlement(Charge(1))) for n, each in enumerate(passed))
    done = await asyncio.gather(*settling)
    accounts = await stores[0].accounts("key:one", "gateway")
    for store in stores:
        await store.aclose()

    assert len(passed) == 25
    assert sum(isinstance(each, LimitRefused) for each in outcomes) == 15
    assert all(each.applied for each in done)
    assert wire.conflicts > 0
    for each in accounts:
        assert (each.requests, each.settled, each.tokens_held, len(each.leases)) == (25, 25, 25, 0)
