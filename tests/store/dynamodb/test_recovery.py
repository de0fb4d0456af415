"""Settlements are recognized as long as they are repeated, and completed after a process has died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from math import inf

import pytest

from tests.fakes.clock import FakeClock
from tests.store.dynamodb.proxy import DynamoDBProxy, failure, proxy_for
from tests.store.ministack import dynamo_store, session, table
from tests.store.store_request import NOON, StoreRequest, level, numbers
from vaultcore.aws.dynamodb import DynamoDBClient, DynamoDBTable
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.store.base import Store
from vaultcore.store.document_types import records_collection
from vaultcore.store.dynamodb.account_item import account_key, parse_account
from vaultcore.store.dynamodb.operation_marks import FULL, mark_of
from vaultcore.store.dynamodb.recovery import GRACE
from vaultcore.store.dynamodb.store import DynamoDBStore

pytestmark = pytest.mark.anyio
LEVELS = (level("key:one", Limits(tokens=10_000)), level("owner:acme"), level("gateway", Limits(rpm=1_000)))
NAMES = [each.account for each in LEVELS]
GONE = failure("AccessDeniedException")  # neither applied nor repeated, as if the process had died
MIDNIGHT = NOON + 43_200.0


@pytest.fixture
async def proxy() -> AsyncIterator[DynamoDBProxy]:
    async with proxy_for(table()) as proxy:
        yield proxy


@pytest.fixture
async def stores(proxy: DynamoDBProxy, clock: FakeClock) -> AsyncIterator[list[DynamoDBStore]]:
    stores = [proxy.table.store(clock) for _ in range(2)]
    yield stores
    for store in stores:
        await store.aclose()


def request_of(id: str, at: float = NOON) -> StoreRequest:
    return StoreRequest(id, LEVELS, at, tokens=100, minute=50, nanos=10, collection=records_collection_of(at))


def records_collection_of(at: float) -> str:
    return records_collection("2026-11-22" if at < MIDNIGHT else "2026-11-23")


async def run_many(stores: list[DynamoDBStore], size: int, name: str, at: float = NOON) -> None:
    for n in range(size):
        request = request_of(f"{name} {n}", at)
        await stores[n % len(stores)].reserve(request.reservation)
        await stores[(n + n // 2) % len(stores)].settle(request.settlement(Charge(1)))


async def use(store: Store) -> list[tuple[int, int, int]]:
    return [(each.settled, each.tokens, each.in_flight) for each in await store.accounts(*NAMES)]


async def have_mark(proxy: DynamoDBProxy, id: str) -> bool:
    """Return True if an account's item still has the mark of a settlement."""
    client = DynamoDBClient(session(proxy.table.endpoint))
    items = await DynamoDBTable(client, proxy.table.name).get([account_key(name) for name in NAMES])
    await client.aclose()
    return any(parse_account(item).has_mark(mark_of("settle", id)) for item in items)


async def settle_partly(proxy: DynamoDBProxy, store: Store, request: StoreRequest, charged: int) -> None:
    """Settle up to a number of charged levels, all of which this process knows, and fail then."""
    proxy.faults.extend([None] * (1 + charged) + [GONE] * (len(LEVELS) - charged))
    with pytest.raises(StoreUnavailable):
        await store.settle(request.settlement(Charge(4, 5, 6)))
    async with asyncio.timeout(10):
        while proxy.faults:  # noqa: ASYNC110 - the other levels are charged in the background
            await asyncio.sleep(0.005)


async def test_a_settlement_is_recognized_after_many_others(
    proxy: DynamoDBProxy, stores: list[DynamoDBStore], clock: FakeClock
) -> None:
    """A settlement that is repeated after many others, by whichever process, changes nothing."""
    first = request_of("first")
    await stores[0].reserve(first.reservation)
    assert (await stores[0].settle(first.settlement(Charge(4, 5, 6)))).applied
    async with dynamo_store(clock, proxy.table) as idle:
        await idle.accounts(*NAMES)  # an item that has the mark is all that it knows
        batches = count()
        while await have_mark(proxy, "first"):
            await run_many(stores, FULL, f"batch {next(batches)}")
        before = [numbers(each) for each in await stores[1].accounts(*NAMES)]

        async with dynamo_store(clock, proxy.table) as new:
            for store in (*stores, idle, new):
                done = await store.settle(first.settlement(Charge(40, 50, 60)))
                assert (done.applied, done.crossings) == (False, ())
    assert [numbers(each) for each in await stores[0].accounts(*NAMES)] == before


@pytest.mark.parametrize("charged", range(len(LEVELS)))
async def test_a_settlement_is_completed(
    proxy: DynamoDBProxy, stores: list[DynamoDBStore], clock: FakeClock, charged: int
) -> None:
    """Two processes at once charge the records of a dead process that were not charged, each one once."""
    await run_many(stores, 2, "before")
    request = request_of("died")
    await stores[0].reserve(request.reservation)
    await settle_partly(proxy, stores[0], request, charged)
    expected = [(2, 2, 1)] * (3 - charged) + [(3, 11, 0)] * charged
    async with asyncio.timeout(10):
        while sorted(await use(stores[1])) != expected:  # noqa: ASYNC110 - charged in the background
            await asyncio.sleep(0.005)

    clock.time = NOON + GRACE - 0.001
    assert [await each.complete_settlements(NOON - 60, inf) for each in stores] == [0, 0]
    clock.time = NOON + GRACE + 0.001
    completed = await asyncio.gather(*(each.complete_settlements(NOON - 60, inf) for each in stores))

    assert sum(completed) == 3 - charged
    assert await use(stores[0]) == [(3, 11, 0)] * 3
    assert await asyncio.gather(*(each.complete_settlements(NOON - 60, inf) for each in stores)) == [0, 0]
    assert not (await stores[1].settle(request.settlement(Charge(4, 5, 6)))).applied


async def test_completed_after_many_others(
    proxy: DynamoDBProxy, stores: list[DynamoDBStore], clock: FakeClock
) -> None:
    """Only what is missing is charged, whether its day is over or its mark has been archived."""
    clock.time = MIDNIGHT - 30
    whole, died = request_of("whole", clock.time), request_of("died", clock.time)
    for each in (whole, died):
        await stores[0].reserve(each.reservation)
    await stores[0].settle(whole.settlement(Charge(4, 5, 6)))
    await settle_partly(proxy, stores[0], died, 0)
    clock.time = MIDNIGHT + 60
    await run_many(stores, 2 * FULL, "other", clock.time)

    completed = await asyncio.gather(*(each.complete_settlements(MIDNIGHT - 60, inf) for each in stores))

    assert sum(completed) == 3
    assert await use(stores[0]) == [(2 * FULL + 2, 2 * FULL + 18, 0)] * 3
    for account in await stores[0].accounts(*NAMES):
        assert (account.day, account.day_nanos, account.month_nanos, account.nanos) == (
            *("2026-11-23", 0, 12, 12),
        )


async def test_old_records_are_not_read(
    proxy: DynamoDBProxy, stores: list[DynamoDBStore], clock: FakeClock
) -> None:
    """Records from before the given time are not completed."""
    request = request_of("died")
    await run_many(stores, 1, "before")
    await stores[0].reserve(request.reservation)
    await settle_partly(proxy, stores[0], request, 0)
    clock.time = NOON + 3_600

    assert await stores[0].complete_settlements(NOON + 1, inf) == 0
    assert await stores[0].complete_settlements(NOON, inf) == 3


async def test_repeated_while_it_is_completed(
    proxy: DynamoDBProxy, stores: list[DynamoDBStore], clock: FakeClock
) -> None:
    """A settlement that is repeated while another process completes it is charged once."""
    await run_many(stores, 1, "before")
    request = request_of("died")
    await stores[0].reserve(request.reservation)
    await settle_partly(proxy, stores[0], request, 1)
    clock.time = NOON + GRACE + 1
    await asyncio.gather(
        stores[0].complete_settlements(NOON, inf),
        *(stores[n % 2].settle(request.settlement(Charge(4, 5, 6))) for n in range(4)),
    )

    assert await use(stores[0]) == [(2, 10, 0)] * 3
