"""Operations while DynamoDB is busy, fails, or does not answer in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.proxy import (
    DELAYED,
    NO_RESPONSE,
    DynamoDBProxy,
    Fault,
    cancelled,
    failure,
    proxy_for,
)
from tests.store.ministack import EmulatedTable, session, table
from tests.store.store_request import DOLLAR, LEASE, LOG, NOON, TOTALS, StoreRequest, alert_document, level
from vaultcore.aws import dynamodb as aws
from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account, Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, Document, DocumentKey, Put
from vaultcore.store.dynamodb.contention import MAX_ATTEMPTS
from vaultcore.store.dynamodb.reserve_expressions import create_account
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


async def run_request(store: DynamoDBStore, request: StoreRequest, spent: Charge) -> None:
    await store.reserve(request.reservation)
    await store.settle(request.settlement(spent, alert=alert_document))


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
async def test_conflicts_are_retried(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, trouble: Fault
) -> None:
    """While other writers use the same items, every operation is repeated and applied once."""
    request = StoreRequest("one", THREE, tokens=100, minute=50, nanos=1_000)
    for operation in (
        lambda: store.reserve(request.reservation),
        lambda: store.settle(request.settlement(Charge(1, 2, 3))),
        lambda: store.write(Add(TOTALS, {"n": 1})),
    ):
        proxy.faults.extend([trouble] * 5)
        await operation()

    assert len(clock.slept) == 15
    assert max(clock.slept) <= 1.0
    assert [each.tokens for each in await store.accounts("key:one", "owner:acme", "gateway")] == [3, 3, 3]
    assert (await store.get(TOTALS))[0] == Document(
        TOTALS, {"requests": 1, "prompt": 1, "completion": 2, "nanos": 3, "n": 1}, 2
    )


async def test_permanent_conflicts_end(proxy: DynamoDBProxy, store: DynamoDBStore) -> None:
    """After MAX_ATTEMPTS the operation raises StoreUnavailable with a retry time of a second."""
    proxy.faults.extend([BUSY[5]] * 100)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.reserve(StoreRequest("one", THREE).reservation)

    assert unavailable.value.retry_after == 1.0
    assert len(proxy.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServerError"]
)
async def test_aws_errors_are_translated(proxy: DynamoDBProxy, store: DynamoDBStore, code: str) -> None:
    """An AWS error becomes StoreUnavailable without AWS's text; its cause has the call and the code."""
    proxy.faults.extend([failure(code, 500 if code.startswith("Internal") else 400)] * 2)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.get(ONE)

    cause = unavailable.value.__cause__
    assert (str(unavailable.value), str(cause)) == ("the store does not answer", f"get_item: {code}")
    assert isinstance(cause, AwsError)
    assert cause.__cause__ is None
    assert cause.__suppress_context__


async def test_no_server_and_no_credentials(clock: FakeClock) -> None:
    """Without a server or without credentials the store is unavailable."""
    store = EmulatedTable("http://127.0.0.1:9", "t").store(clock)
    for operation in (
        store.get(ONE),
        store.reserve(StoreRequest("one", KEY).reservation),
        store.write(Delete(ONE)),
    ):
        with pytest.raises(StoreUnavailable):
            await operation
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.get(ONE)


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
@pytest.mark.parametrize("known", [False, True])
async def test_a_lost_response(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, levels: tuple[Level, ...], known: bool
) -> None:
    """A reservation and a settlement whose responses are lost are repeated and applied once."""
    if known:
        await run_request(store, StoreRequest("before", levels), Charge())
    request = StoreRequest("one", levels, tokens=100, minute=50, nanos=1_000)
    proxy.faults.append(NO_RESPONSE)
    accounts = await store.reserve(request.reservation)
    assert [list(each.leases) for each in accounts] == [["one"]] * len(levels)

    proxy.faults.append(NO_RESPONSE)
    done = await store.settle(request.settlement(Charge(1, 2, 3)))

    assert done.applied
    for each in await store.accounts(*(each.account for each in levels)):
        assert (each.requests, each.settled, each.tokens, each.tokens_held) == (1 + known, 1 + known, 3, 3)


async def test_a_late_write(proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock) -> None:
    """A write that is applied after its timeout changes nothing that was repeated meanwhile."""
    request = StoreRequest("one", THREE, tokens=100, minute=50, nanos=1_000)
    hasty = proxy.table.store(clock, patience=0.05)
    proxy.faults.extend([DELAYED, DELAYED])
    with pytest.raises(StoreUnavailable):
        await hasty.reserve(request.reservation)
    await store.reserve(request.reservation)
    proxy.faults.extend([DELAYED, DELAYED])
    with pytest.raises(StoreUnavailable):
        await hasty.settle(request.settlement(Charge(1, 2, 3)))
    await hasty.aclose()
    assert (await store.settle(request.settlement(Charge(1, 2, 3)))).applied
    before = await store.accounts("key:one", "gateway")

    await proxy.forward_delayed()

    assert await store.accounts("key:one", "gateway") == before
    assert not (await store.settle(request.settlement(Charge(1, 2, 3)))).applied
    assert await store.query(LOG) == [
        Document(DocumentKey(LOG, "one"), {"id": "one", "prompt": 1, "completion": 2, "nanos": 3})
    ]


async def test_a_transaction_in_progress(proxy: DynamoDBProxy, store: DynamoDBStore) -> None:
    """A transaction that DynamoDB reports as in progress is applied once."""
    busy = failure("TransactionInProgressException")
    request = StoreRequest("one", THREE, tokens=100, minute=50, nanos=1_000)
    proxy.faults.extend([replace(busy, is_forwarded=True), busy])
    assert [list(each.leases) for each in await store.reserve(request.reservation)] == [["one"]] * 3
    proxy.faults.extend([replace(busy, is_forwarded=True), busy])

    assert (await store.settle(request.settlement(Charge(1, 2, 3)))).applied
    assert [each.tokens for each in await store.accounts("key:one", "gateway")] == [3, 3]


@pytest.mark.parametrize("many", [False, True], ids=["alone", "with another"])
async def test_a_written_document_is_written_once(
    proxy: DynamoDBProxy, store: DynamoDBStore, many: bool
) -> None:
    """Any write of documents that is repeated after a lost response is applied once."""
    others = [Put(TWO, {})] if many else []
    for write in (Put(ONE, {"n": 1}, version=ABSENT), Put(ONE, {"n": 2}), Put(ONE, {"n": 3}, version=2)):
        proxy.faults.append(NO_RESPONSE)
        await store.write(write, *others)
    proxy.faults.append(NO_RESPONSE)
    await store.write(Add(ONE, {"n": 4}), *others)
    assert await store.get(ONE) == [Document(ONE, {"n": 7}, 4)]

    proxy.faults.append(NO_RESPONSE)
    await store.write(Put(ONE, {}), *others)
    proxy.faults.append(NO_RESPONSE)
    await store.write(Delete(ONE), *others)
    assert await store.get(ONE) == [None]


async def test_a_lost_response_and_a_conflict(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """Of two writers that create one document, only the later gets Conflict, also after a lost response."""
    await store.write(Put(ONE, {"n": 1}, version=ABSENT))
    proxy.faults.append(NO_RESPONSE)
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {"n": 1}, version=ABSENT))


async def test_hundreds_of_expired_leases(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock
) -> None:
    """More expired leases than one update can release are released for the next request."""
    levels = (level("gateway"), level("key:one", Limits(tokens=299)))
    leases = {f"{n}": Lease(NOON, NOON + LEASE, tokens=1) for n in range(299)}
    before = Account(tokens_held=299, leases=leases, day="2026-11-22", month="2026-11", window=29_922_480)
    dynamo = DynamoDBClient(session(proxy.table.endpoint))
    await aws.DynamoDBTable(dynamo, proxy.table.name).write(create_account("key:one", before))
    await dynamo.aclose()

    clock.time = NOON + LEASE
    (_, account) = await store.reserve(StoreRequest("next", levels, clock.time, tokens=299).reservation)

    assert (account.tokens_held, list(account.leases)) == (299, ["next"])
    for each in await store.accounts("gateway", "key:one"):
        assert list(each.leases) == ["next"]


async def test_transactions_that_lock_their_items(proxy: DynamoDBProxy) -> None:
    """With conflicting transactions, exactly the allowed number is admitted and each is settled once."""
    proxy.slow = 0.003
    levels = (level("key:one", Limits(rpm=25)), level("gateway", Limits(tokens=10_000)))
    requests = [StoreRequest(f"{n}", levels, tokens=10, minute=10) for n in range(40)]
    stores = [proxy.table.store(SystemClock()) for _ in range(4)]
    admitting = (stores[n % 4].reserve(each.reservation) for n, each in enumerate(requests))
    outcomes = await asyncio.gather(*admitting, return_exceptions=True)
    admitted = [each for each, outcome in zip(requests, outcomes, strict=True) if isinstance(outcome, list)]
    settling = (stores[n % 4].settle(each.settlement(Charge(1))) for n, each in enumerate(admitted))
    done = await asyncio.gather(*settling)
    accounts = await stores[0].accounts("key:one", "gateway")
    for store in stores:
        await store.aclose()

    assert len(admitted) == 25
    assert sum(isinstance(each, LimitRefused) for each in outcomes) == 15
    assert all(each.applied for each in done)
    assert proxy.conflicts > 0
    for each in accounts:
        assert (each.requests, each.settled, each.tokens_held, len(each.leases)) == (25, 25, 25, 0)
