"""Other processes that act between two calls of an operation neither double nor lose anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from zlib import crc32

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.proxy import proxy_for
from tests.store.ministack import PATIENCE, EmulatedTable, dynamo_store, session, table
from tests.store.store_request import NOON, StoreRequest, level
from vaultcore.aws.dynamodb import DynamoDBClient, DynamoDBNoAnswer
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.lease_bucket import Bucket, BucketKey
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.dynamodb.account_item import render_account, render_amounts
from vaultcore.store.dynamodb.items import number
from vaultcore.store.dynamodb.operation_marks import mark_of
from vaultcore.store.dynamodb.shard_allocation import shard_name
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.wire import Json

pytestmark = pytest.mark.anyio
AMOUNTS = 100  # what a request of these tests needs of each limit
Hook = Callable[[], Awaitable[object]]


class InterleavedClient(DynamoDBClient):
    """Runs a hook after the next call of an operation. The response of that call may be lost."""

    hook: tuple[str, Hook, bool] | None = None

    async def call(self, operation: str, request: Json, *, repeat: bool = True) -> Json:
        if self.hook is None or self.hook[0] != operation:
            return await super().call(operation, request, repeat=repeat)
        (_, hook, is_lost), self.hook = self.hook, None
        response = await super().call(operation, request, repeat=False)
        await hook()
        if not is_lost:
            return response
        if repeat:
            return await super().call(operation, request, repeat=repeat)
        error = DynamoDBNoAnswer(operation, "ReadTimeoutError")
        error.is_ambiguous = True
        raise error


class PausingClock(FakeClock):
    """A clock that stands still, and runs a hook in the next pause."""

    hook: Hook | None = None

    async def sleep(self, seconds: float) -> None:
        hook, self.hook = self.hook, None
        if hook is not None:
            await hook()
        await asyncio.sleep(0)


@dataclass(slots=True)
class TwoProcesses:
    """Two stores on one table; `client` and `clock` interrupt the first."""

    shared: EmulatedTable = field(default_factory=table)
    clock: PausingClock = field(default_factory=lambda: PausingClock(NOON))
    client: InterleavedClient = field(init=False)
    one: DynamoDBStore = field(init=False)
    other: DynamoDBStore = field(init=False)


@pytest.fixture
async def processes() -> AsyncIterator[TwoProcesses]:
    both = TwoProcesses()
    both.client = InterleavedClient(session(both.shared.endpoint), read_timeout=PATIENCE)
    both.one = DynamoDBStore(both.client, both.shared.name, both.clock)
    async with dynamo_store(FakeClock(NOON), both.shared) as both.other:
        yield both
    await both.one.aclose()


def request_of(id: str, limits: Limits, amount: int = AMOUNTS) -> StoreRequest:
    levels = (level("key:one"), level("gateway", limits))
    return StoreRequest(id, levels, tokens=amount, minute=amount, nanos=amount)


@pytest.mark.parametrize("operation", ["reserve", "settle"])
async def test_a_response_that_is_lost_on_a_busy_account(processes: TwoProcesses, operation: str) -> None:
    """A change whose response arrives too late is applied once, however much others change meanwhile."""
    one, other, levels = processes.one, processes.other, (level("key:one", Limits(tokens=10_000)),)

    async def be_busy() -> None:
        for n in range(60):
            request = StoreRequest(f"busy {n}", levels, tokens=1)
            await other.reserve(request.reservation)
            await other.settle(request.settlement(Charge(1)))

    request = StoreRequest("lost", levels, tokens=100)
    if operation == "settle":
        await one.reserve(request.reservation)
    else:
        await one.accounts("key:one")
    await other.reserve(StoreRequest("first", levels).reservation)
    processes.client.hook = ("update_item", be_busy, True)
    if operation == "settle":
        assert (await one.settle(request.settlement(Charge(7)))).applied
    else:
        await one.reserve(request.reservation)

    assert processes.client.hook is None
    (account,) = await one.accounts("key:one")
    expected = (61, 67, 67, 1) if operation == "settle" else (60, 60, 160, 2)
    assert (account.settled, account.tokens, account.tokens_held, account.in_flight) == expected


@pytest.mark.parametrize("limit", ["parallel", "tokens", "credits", "day", "month"])
async def test_a_refusal_by_a_half_taken_level(processes: TwoProcesses, limit: str) -> None:
    """A refusal at several levels is checked again: what caused it may be given back at once."""
    one, other = processes.one, processes.other
    limits = Limits(**{limit: 1 if limit == "parallel" else AMOUNTS})
    half = StoreRequest("half", (level("gateway", limits),), tokens=1, nanos=1)
    await other.reserve(half.reservation)
    processes.clock.hook = lambda: other.settle(half.settlement())

    await one.reserve(request_of("mine", limits).reservation)

    accounts = await one.accounts("key:one", "gateway")
    assert [(each.in_flight, each.tokens_held) for each in accounts] == [(1, AMOUNTS)] * 2


async def test_a_smaller_reservation_after_a_refusal(processes: TwoProcesses) -> None:
    """A request that was refused at its second level is reserved at both when it needs less."""
    one, other, limits = processes.one, processes.other, Limits(tokens=100)
    await one.reserve(request_of("before", limits, 10).reservation)
    await other.reserve(request_of("unseen", limits, 70).reservation)
    with pytest.raises(LimitRefused):
        await one.reserve(request_of("mine", limits, 50).reservation)

    await one.reserve(request_of("mine", limits, 20).reservation)

    accounts = await one.accounts("key:one", "gateway")
    assert [(each.in_flight, each.tokens_held) for each in accounts] == [(3, 100)] * 2


async def test_slices_are_set_while_another_process_uses_one(processes: TwoProcesses) -> None:
    """No slice is set below what its item uses, also if counts expire at that time."""
    clock, at = processes.clock, processes.shared
    gateway = (level("gateway", Limits(tpm=1_600)),)
    one = DynamoDBStore(processes.client, at.name, clock, busy_rate=0.0)
    requests = [StoreRequest(f"{n}", gateway, minute=100) for n in range(16)]
    used = {(await one.reserve(each.reservation)).lease.shards[0] for each in requests}
    clock.time = NOON + 62
    async with dynamo_store(clock, at) as other:

        async def use_a_slice() -> None:
            ids = (f"other {n}" for n in count())
            fitting = next(
                each for each in ids if crc32(mark_of("reserve", f"{each} 0").encode()) % 16 in used
            )
            await other.reserve(StoreRequest(fitting, gateway, clock.time, minute=100).reservation)

        processes.client.hook = ("batch_get_item", use_a_slice, False)
        with pytest.raises(LimitRefused):
            await one.reserve(StoreRequest("large", gateway, clock.time, minute=1_590).reservation)
    assert processes.client.hook is None
    await one.aclose()


@pytest.mark.parametrize("days", [0, 1, 30])
async def test_slices_of_idle_shards(processes: TwoProcesses, days: int) -> None:
    """One request can use a whole divided limit after all shards were idle, also on another day."""
    clock, limits = processes.clock, Limits(tpm=1_600, day=1_600, month=3_200)
    one = DynamoDBStore(processes.client, processes.shared.name, clock, busy_rate=0.0)
    for n in range(16):
        request = StoreRequest(f"{n}", (level("gateway", limits),), minute=100, nanos=100)
        await one.reserve(request.reservation)
    clock.time = NOON + 400 + days * 86_400
    large = StoreRequest("large", (level("gateway", limits),), clock.time, minute=1_600, nanos=1_600)

    await one.reserve(large.reservation)

    with pytest.raises(LimitRefused):
        await one.reserve(replace(large, id="one more", minute=1, nanos=1).reservation)


@pytest.mark.parametrize("idle", [3_601, 1 << 18, 2 << 18, (1 << 18) + 20])
async def test_counts_after_an_idle_time(clock: FakeClock, idle: int) -> None:
    """Counts that expired days ago are removed, also if the new one is stored under the same key."""
    async with proxy_for(table()) as proxy:
        store = proxy.table.store(clock)
        levels = (level("key:one", Limits(rpm=100, tpm=1_000)),)
        for n in range(40):
            clock.time = NOON + n
            await store.reserve(StoreRequest(f"{n}", levels, clock.time, minute=10).reservation)
        clock.time = NOON + idle
        await store.reserve(StoreRequest("next", levels, clock.time, minute=10).reservation)
        (account,) = await store.accounts("key:one")
        assert (account.requests, account.minute) == (1, 10)
        assert (len(account.request_counts), len(account.token_counts)) == (1, 1)
        await store.aclose()


def crowded_items(count: int) -> Iterator[Json]:
    """Yield the items of shards that have as many counts and buckets as possible."""
    start = int(NOON)
    account = Account(day="2026-11-22", requests=60, minute=63, in_flight=17, tokens_held=8, nanos_held=17)
    account.request_counts = {(start + 60) * 100 + 7 * n: 1 for n in range(60)}
    account.token_counts = {(start + 60 + n) * 100: 1 for n in range(63)}
    account.buckets = {BucketKey(start + 60 * n, "2026-11-22"): Bucket(1, n % 2, n % 3) for n in range(17)}
    for n in range(count):
        item = render_account(shard_name("gateway", n), account, start * 1_000)
        slices = {"s": render_amounts({"tokens": 1_000}), "z": render_amounts({"tokens": count * 1_000})}
        yield item | slices | {"n": number(count)}


async def test_everything_in_every_shard_has_expired(clock: FakeClock) -> None:
    """Requests to DynamoDB stay below its limits, however much has expired."""
    shared = table()
    shared.put_items(crowded_items(16))
    async with proxy_for(shared) as proxy:
        store = proxy.table.store(clock)
        clock.time = NOON + 30_000
        gateway = (level("gateway", Limits(tokens=16_000)),)
        await store.reserve(StoreRequest("large", gateway, clock.time, tokens=16_000).reservation)
        (account,) = await store.accounts("gateway")
        assert (account.in_flight, account.requests, account.minute) == (1, 0, 0)
        await store.aclose()
