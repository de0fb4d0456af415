"""Operations while DynamoDB is busy, fails, or does not answer in time."""

from __future__ import annotations

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
from tests.store.ministack import EmulatedTable, table
from tests.store.store_request import DOLLAR, LEASE, LOG, NOON, StoreRequest, alert_document, level
from vaultcore.aws.clients import AwsError
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.money import Nanos
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, Document, DocumentKey, Put
from vaultcore.store.dynamodb.contention import MAX_ATTEMPTS
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


def use(accounts: list[Account]) -> list[tuple[int, int, int]]:
    return [(each.settled, each.tokens, each.tokens_held) for each in accounts]


BUSY = failure("TransactionConflictException")  # botocore does not repeat it
APPLIED = replace(BUSY, is_forwarded=True)
TOGETHER = [cancelled("TransactionConflict", "None"), cancelled("None", "ThrottlingError")]


@pytest.mark.parametrize("known", [False, True], ids=["new accounts", "known accounts"])
async def test_a_busy_account(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, known: bool
) -> None:
    """While DynamoDB is busy, an operation is repeated after pauses, and applied once."""
    if known:
        await run_request(store, StoreRequest("before", THREE), Charge())
    request = StoreRequest("one", THREE, tokens=100, minute=50, nanos=1_000)
    proxy.write_faults.extend([BUSY] * 5)
    await store.reserve(request.reservation)
    assert len(clock.slept) == 5
    proxy.faults.extend([BUSY] * 3)
    await store.settle(request.settlement(Charge(1, 2, 3)))
    assert len(clock.slept) == 8
    proxy.faults.extend([BUSY] * 5)
    await store.write(Add(ONE, {"n": 1}))

    assert len(clock.slept) == 13
    assert max(clock.slept) <= 1.0
    accounts = await store.accounts(*(each.account for each in THREE))
    assert use(accounts) == [(1 + known, 3, 3)] * 3
    assert await store.get(ONE) == [Document(ONE, {"n": 1}, 1)]


@pytest.mark.parametrize("trouble", TOGETHER, ids=["conflict", "throttled"])
async def test_busy_documents(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, trouble: Fault
) -> None:
    """Documents that are written together are written once, after pauses."""
    proxy.faults.extend([trouble] * 5)
    await store.write(Add(ONE, {"n": 1}), Put(TWO, {}))

    assert len(clock.slept) == 5
    assert await store.get(ONE, TWO) == [Document(ONE, {"n": 1}), Document(TWO, {})]


async def test_a_table_that_stays_busy(proxy: DynamoDBProxy, store: DynamoDBStore) -> None:
    """After MAX_ATTEMPTS the operation raises StoreUnavailable with a retry time of a second."""
    await run_request(store, StoreRequest("before", THREE), Charge())
    before = len(proxy.requests)
    proxy.faults.extend([BUSY] * 100)
    with pytest.raises(StoreUnavailable) as unavailable:
        await store.reserve(StoreRequest("one", THREE).reservation)

    assert unavailable.value.retry_after == 1.0
    assert len(proxy.requests) - before == MAX_ATTEMPTS


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


FAULTS = [NO_RESPONSE, APPLIED]


@pytest.mark.parametrize("levels", [KEY, THREE], ids=["one level", "three levels"])
@pytest.mark.parametrize("fault", FAULTS, ids=["no response", "busy but applied"])
async def test_a_lost_response(
    proxy: DynamoDBProxy, store: DynamoDBStore, levels: tuple[Level, ...], fault: Fault
) -> None:
    """Whichever response of a request is lost, the request is reserved and settled once."""
    for n in range(2 * len(levels)):
        mine = tuple(replace(each, account=f"{each.account} {n}") for each in levels)
        names = [each.account for each in mine]
        request = StoreRequest(f"{n}", mine, tokens=100, minute=50, nanos=1_000)
        proxy.write_faults.extend([*[None] * n, fault])
        result = await store.reserve(request.reservation)
        assert [(each.in_flight, each.tokens_held) for each in result.accounts] == [(1, 100)] * len(mine)

        proxy.write_faults.extend([*[None] * (n % (1 + len(mine))), fault])
        done = await store.settle(request.settlement(Charge(1, 2, 3)))
        assert not proxy.write_faults
        assert done.applied
        accounts = await store.accounts(*names)
        assert use(accounts) == [(1, 3, 3)] * len(mine)
        assert [each.in_flight for each in accounts] == [0] * len(mine)
        assert accounts[0].requests == 1


async def test_a_late_reservation(proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock) -> None:
    """A reservation that is applied after its timeout expires."""
    await run_request(store, StoreRequest("before", KEY), Charge())
    hasty = proxy.table.store(clock, patience=0.5)
    await hasty.accounts("key:one")
    proxy.faults.extend([DELAYED] * 3)
    with pytest.raises(StoreUnavailable):
        await hasty.reserve(StoreRequest("late", KEY, tokens=100).reservation)
    await hasty.aclose()
    await proxy.forward_delayed()
    (account,) = await store.accounts("key:one")
    assert (account.in_flight, account.tokens_held) == (1, 100)

    clock.time = NOON + LEASE
    assert await store.sweep("key:one") == 1
    (account,) = await store.accounts("key:one")
    assert (account.in_flight, account.tokens_held) == (0, 0)


@pytest.mark.parametrize("first", [0, 1], ids=["record", "charge"])
async def test_a_late_settlement(
    proxy: DynamoDBProxy, store: DynamoDBStore, clock: FakeClock, first: int
) -> None:
    """A write that is applied after its timeout changes nothing that was repeated meanwhile."""
    request = StoreRequest("one", KEY, tokens=100, minute=50, nanos=1_000)
    await store.reserve(request.reservation)
    hasty = proxy.table.store(clock, patience=0.5)
    await hasty.accounts("key:one")
    proxy.faults.extend([*[None] * first, *[DELAYED] * 3])
    with pytest.raises(StoreUnavailable):
        await hasty.settle(request.settlement(Charge(1, 2, 3)))
    await hasty.aclose()
    assert (await store.settle(request.settlement(Charge(1, 2, 3)))).applied
    before = await store.accounts("key:one")

    await proxy.forward_delayed()

    assert await store.accounts("key:one") == before
    assert use(before) == [(1, 3, 3)]
    assert not (await store.settle(request.settlement(Charge(1, 2, 3)))).applied
    (record,) = await store.query(LOG)
    assert record.body == {"id": "one", "prompt": 1, "completion": 2, "nanos": 3}


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


@pytest.mark.parametrize("is_swept", [False, True], ids=["next request", "sweep"])
@pytest.mark.parametrize("pause", [600.0, 9 * 86_400.0])
async def test_many_expired_entries(
    store: DynamoDBStore, clock: FakeClock, pause: float, is_swept: bool
) -> None:
    """As many expired counts and buckets as an account can have are removed within DynamoDB's limits."""
    levels = (level("key:one", Limits(rpm=60, tpm=6_000, tokens=6_000)),)
    for n in range(60):
        clock.time = NOON + n * 1.003
        until = clock.time + (200, 300, 700, 960, 3_600)[n % 5] + 5 * n
        await store.reserve(StoreRequest(f"{n}", levels, clock.time, 100, 100, 1, until=until).reservation)
    (before,) = await store.accounts("key:one")
    assert (len(before.request_counts), len(before.token_counts)) == (60, 60)
    assert len(before.buckets) > 30
    clock.time = NOON + 4_000 + pause

    released = await store.sweep("key:one") if is_swept else 60
    result = await store.reserve(StoreRequest("next", levels, clock.time, 6_000, 100).reservation)

    assert released == 60
    (account,) = result.accounts
    assert (account.in_flight, account.tokens_held, account.nanos_held) == (1, 6_000, 0)
    assert (account.requests, account.minute) == (1, 100)
    assert (len(account.request_counts), len(account.token_counts), len(account.buckets)) == (1, 1, 1)
