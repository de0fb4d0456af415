"""Busy accounts are divided into shards: limits stay exact, and nothing is lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from random import Random, random

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.proxy import proxy_for
from tests.store.ministack import EmulatedTable, session, table
from tests.store.store_request import LEASE, NOON, StoreRequest, level, numbers
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.limits.account import Charge, reserved
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused, ReservationResult
from vaultcore.store.dynamodb.account_item import account_key, parse_account
from vaultcore.store.dynamodb.shard_allocation import SHARDS, shard_name
from vaultcore.store.dynamodb.store import DynamoDBStore

pytestmark = pytest.mark.anyio
PATIENCE = 20.0  # seconds for an answer of the emulator


class StillClock(FakeClock):
    """A clock that sleeping does not advance: pauses between attempts must not let a minute pass."""

    def jitter(self) -> float:
        return random()  # processes that pause equally long would meet again

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def open_stores(clock: FakeClock, at: EmulatedTable, count: int) -> AsyncIterator[list[DynamoDBStore]]:
    """Open stores that divide an account at its first request."""
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(count):
            client = DynamoDBClient(session(at.endpoint), read_timeout=PATIENCE)
            stores.append(DynamoDBStore(client, at.name, clock, busy_rate=0.0))
            stack.push_async_callback(stores[-1].aclose)
        yield stores


async def try_reserve(store: DynamoDBStore, request: StoreRequest) -> ReservationResult | None:
    try:
        return await store.reserve(request.reservation)
    except LimitRefused:
        return None


async def slices(at: EmulatedTable, clock: FakeClock, account: str) -> dict[str, int]:
    """Return the sums of the slices of every limit."""
    client = DynamoDBClient(session(at.endpoint), read_timeout=PATIENCE)
    sums: dict[str, int] = {}
    for n in range(SHARDS):
        key = account_key(shard_name(account, n))
        request = {"TableName": at.name, "Key": key, "ConsistentRead": True}
        item = parse_account((await client.call("get_item", request)).get("Item") or {})
        assert item.shards == SHARDS
        for name, amount in item.slices.items():
            sums[name] = sums.get(name, 0) + amount
            assert reserved(item.account, name) <= max(amount, 0)
    await client.aclose()
    return sums


@pytest.mark.parametrize(
    "limits",
    [
        Limits(rpm=20),
        Limits(rpm=61),
        Limits(tpm=2_000),
        Limits(parallel=20),
        Limits(tokens=2_000),
        Limits(day=2_000),
        Limits(rpm=90, tokens=2_000, month=9_000),
    ],
    ids=lambda limits: "-".join(limits.pack()),
)
async def test_a_divided_limit_is_exact(limits: Limits) -> None:
    """Of the concurrent requests of three processes, exactly as many pass as the limit allows."""
    at, one = table(), level("gateway", limits)
    clock = StillClock(NOON)
    most = 61 if limits.rpm == 61 else 20
    async with open_stores(clock, at, 3) as stores:
        requests = [StoreRequest(f"{n}", (one,), NOON, 100, 100, 100) for n in range(most + 15)]
        assert await try_reserve(stores[0], requests[0])
        results = await asyncio.gather(
            *(try_reserve(stores[n % 3], each) for n, each in enumerate(requests[1:]))
        )

        assert 1 + sum(each is not None for each in results) == most
        assert await slices(at, clock, "gateway") == limits.pack()


async def test_random_requests_fill_a_divided_limit(clock: FakeClock) -> None:
    """With requests of random size, what is admitted fits, and what is refused would not have fitted."""
    chance, at = Random(3), table()
    limits = Limits(tokens=20_000, credits=30_000, parallel=500)
    levels = (level("key:one", Limits(tokens=10**9)), level("gateway", limits))
    async with open_stores(clock, at, 3) as stores:
        used = reserved = 0
        for n in range(120):
            tokens = chance.randint(0, 900)
            at_time = NOON + 2 * n  # a process may repeat a refusal for a second
            request = StoreRequest(f"{n}", levels, at_time, tokens, nanos=tokens, until=NOON + 10_000)
            result = await try_reserve(stores[n % 3], request)
            assert (result is not None) == (used + reserved + tokens <= 20_000)
            if result is None:
                continue
            reserved += tokens
            if chance.random() < 0.6:
                settlement = replace(request.settlement(Charge(tokens // 3, 0, 1)), lease=result.lease)
                assert (await stores[(n + 1) % 3].settle(settlement)).applied
                reserved, used = reserved - tokens, used + tokens // 3

        (account,) = await stores[0].accounts("gateway")
        assert (account.tokens, account.tokens_held) == (used, used + reserved)
        assert (await slices(at, clock, "gateway"))["tokens"] == 20_000


async def test_a_limit_that_changes(clock: FakeClock) -> None:
    """A raised, lowered or new limit applies to the whole account at once."""
    at = table()
    async with open_stores(clock, at, 1) as (store,):

        async def admitted(limits: Limits, count: int, tokens: int) -> int:
            clock.time += 11
            requests = [
                StoreRequest(f"{clock.time} {n}", (level("gateway", limits),), clock.time, tokens)
                for n in range(count)
            ]
            return sum([await try_reserve(store, each) is not None for each in requests])

        assert await admitted(Limits(tokens=1_000), 30, 50) == 20
        assert await admitted(Limits(tokens=1_500), 30, 50) == 10
        assert await admitted(Limits(tokens=1_200), 5, 1) == 0
        assert await admitted(Limits(tokens=1_600, parallel=31), 5, 1) == 1


@pytest.mark.parametrize("lowered", [1_000, 800])
async def test_refusals_of_a_divided_account(clock: FakeClock, lowered: int) -> None:
    """A flood of refusals reads the shards once a second. Each has the sums of the whole account.

    The limit may have been lowered below what the account has used.
    """
    async with proxy_for(table()) as proxy, open_stores(clock, proxy.table, 1) as (store,):
        full = (level("gateway", Limits(tokens=1_000)),)
        for n in range(20):
            await store.reserve(StoreRequest(f"{n}", full, tokens=50).reservation)
        levels = (level("gateway", Limits(tokens=lowered)),)
        with proxy.counted() as calls:
            for n in range(40):
                with pytest.raises(LimitRefused) as refused:
                    await store.reserve(StoreRequest(f"flood {n}", levels, NOON + n / 50, 50).reservation)
                assert refused.value.account.tokens_held == 1_000

        assert len(calls) <= 2
        with proxy.counted() as calls, pytest.raises(LimitRefused):
            await store.reserve(StoreRequest("later", levels, NOON + 1.1, 50).reservation)
        assert calls


async def test_expired_reservations_of_shards(clock: FakeClock) -> None:
    """A sweep releases the reservations of every shard; late settlements are charged once."""
    at, levels = table(), (level("gateway", Limits(tokens=10_000)),)
    async with open_stores(clock, at, 2) as (store, other):
        requests = [StoreRequest(f"{n}", levels, NOON, 100) for n in range(20)]
        results = [await store.reserve(each.reservation) for each in requests]
        assert len({result.lease.shards for result in results}) > 5
        clock.time = NOON + LEASE
        assert await other.sweep("gateway") == 20
        assert await other.sweep("gateway") == 0
        for request, result in zip(requests, results, strict=True):
            settlement = replace(request.settlement(Charge(1, 1, 1)), lease=result.lease)
            assert [(await each.settle(settlement)).applied for each in (store, other)] == [True, False]

        (account,) = await other.accounts("gateway")
        assert (account.tokens, account.tokens_held, account.in_flight, account.settled) == (40, 40, 0, 20)


async def test_a_day_of_a_divided_account(clock: FakeClock) -> None:
    """On a new day the whole budget of the day is available again, in every shard."""
    at, one = table(), level("gateway", Limits(day=1_000))
    async with open_stores(clock, at, 1) as (store,):

        async def admitted() -> int:
            requests = [
                StoreRequest(f"{clock.time} {n}", (one,), clock.time, nanos=100, until=clock.time + 9)
                for n in range(12)
            ]
            return sum([await try_reserve(store, each) is not None for each in requests])

        assert await admitted() == 10
        clock.time += 86_400
        assert await admitted() == 10
        (account,) = await store.accounts("gateway")
        assert numbers(account, clock.time)["day_held"] == 1_000


async def test_thresholds_of_a_divided_account(clock: FakeClock) -> None:
    """Each threshold is reported once, by any of several processes, also one reached before the division."""
    at, levels = table(), (level("gateway", Limits(tokens=20_000)),)
    crossings: list[tuple[str, int]] = []
    async with open_stores(clock, at, 2) as stores:
        for n in range(240):
            request = StoreRequest(f"{n}", levels, NOON + n, 100, until=NOON + 10_000)
            if (result := await try_reserve(stores[n % 2], request)) is None:
                break
            settlement = replace(request.settlement(Charge(100)), lease=result.lease)
            done = await stores[n % 2].settle(settlement)
            crossings += [(each.usage.limit, each.percent) for each in done.crossings]

    assert crossings in ([("tokens", 80)], [("tokens", 80), ("tokens", 100)])


def test_levels_are_named() -> None:
    """The first shard has the account's own name, so that an account that is not divided is one."""
    assert [shard_name("gateway", n) for n in (0, 3)] == ["gateway", "gateway~3"]
    assert isinstance(level("a"), Level)
