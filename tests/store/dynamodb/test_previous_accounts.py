"""Accounts that a version before 0.3 and this one use at the same time, as in a canary deployment."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.store.dynamodb.proxy import DynamoDBProxy, proxy_for
from tests.store.ministack import EmulatedTable, session, table
from tests.store.store_request import StoreRequest, level
from vaultcore.aws.dynamodb import DynamoDBClient, DynamoDBTable
from vaultcore.limits.account import Account, Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import Store
from vaultcore.store.dynamodb.account_item import previous_key
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.store.dynamodb.update_expression import UpdateExpression

pytestmark = pytest.mark.anyio
ROWS = Path(__file__).parents[1] / "rows" / "dynamodb.json"
GATEWAY = "gateway"  # 3 settled requests with 850 tokens and 4,000,000 nano-dollars, and an open reservation
TOTALS = (3, 850, 4_000_000)
OPEN = Lease(NOON + 2, NOON + 962, tokens=100, minute=80, nanos=7_000_000)


class PatientClock(FakeClock):
    """A clock that stands still, while sleeping takes its time, and each sleeper another one."""

    def jitter(self) -> float:
        return random.random()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def shared() -> EmulatedTable:
    """Return a table with the items of before."""
    shared = table()
    shared.put_items(json.loads(ROWS.read_text("utf-8"))["items"])
    return shared


@pytest.fixture
async def proxy(shared: EmulatedTable) -> AsyncIterator[DynamoDBProxy]:
    async with proxy_for(shared) as proxy:
        yield proxy


@pytest.fixture
async def stores(proxy: DynamoDBProxy, clock: FakeClock) -> AsyncIterator[list[DynamoDBStore]]:
    clock.time = NOON + 3
    stores = [proxy.table.store(clock) for _ in range(2)]
    yield stores
    for store in stores:
        await store.aclose()


async def settle_as_before(shared: EmulatedTable, tokens: int, nanos: int) -> None:
    """Charge the old item, as the old version settles a request."""
    update = UpdateExpression(previous_key(GATEWAY))
    for name in ("tokens", "tokens_held", "prompt"):
        update.increase(name, tokens)
    for name in ("nanos", "nanos_held", "day_nanos", "day_held", "month_nanos", "month_held"):
        update.increase(name, nanos)
    update.increase("settled", 1)
    client = DynamoDBClient(session(shared.endpoint))
    await DynamoDBTable(client, shared.name).write(update.action())
    await client.aclose()


async def read(store: Store) -> Account:
    (account,) = await store.accounts(GATEWAY)
    return account


def totals(account: Account) -> tuple[int, int, int]:
    return account.settled, account.tokens, account.nanos


async def test_a_read_imports_nothing(proxy: DynamoDBProxy, stores: list[DynamoDBStore]) -> None:
    """An account that no request has used yet is shown as before, and nothing is written."""
    account = await read(stores[0])

    assert totals(account) == TOTALS
    assert (account.in_flight, account.tokens_held, account.nanos_held) == (1, 950, 11_000_000)
    assert set(proxy.operations) == {"GetItem"}


async def test_the_first_use_imports_once(proxy: DynamoDBProxy, stores: list[DynamoDBStore]) -> None:
    """Many first requests of two processes at once import the account once, also if writes conflict."""
    proxy.slow = 0.003
    stores = [proxy.table.store(PatientClock(NOON + 3)) for _ in range(2)]
    levels = (level(GATEWAY, Limits(tokens=960)),)
    requests = [StoreRequest(f"{n}", levels, NOON + 3, tokens=1) for n in range(20)]
    outcomes = await asyncio.gather(
        *(stores[n % 2].reserve(each.reservation) for n, each in enumerate(requests)), return_exceptions=True
    )
    account = await read(stores[0])
    for store in stores:
        await store.aclose()

    assert sum(isinstance(each, LimitRefused) for each in outcomes) == 10
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 10
    assert totals(account) == TOTALS
    assert (account.in_flight, account.tokens_held) == (11, 960)


async def test_later_use_is_added_once(shared: EmulatedTable, stores: list[DynamoDBStore]) -> None:
    """The next sweep adds the use that the old version settles after the import, exactly once."""
    one, other = stores
    request = StoreRequest("new", (level(GATEWAY),), NOON + 3, tokens=10)
    await one.reserve(request.reservation)
    await one.settle(request.settlement(Charge(7, nanos=70)))

    for n in (1, 2):
        await settle_as_before(shared, 100, 1_000)
        assert totals(await read(one)) == (3 + n, 757 + 100 * n, 4_000_070 + 1_000 * (n - 1))
        await one.sweep(GATEWAY)
        await other.sweep(GATEWAY)
        await one.sweep(GATEWAY)
        account = await read(one)
        assert totals(account) == (4 + n, 857 + 100 * n, 4_000_070 + 1_000 * n)
        assert (account.day_nanos, account.month_nanos) == (4_000_070 + 1_000 * n,) * 2
        assert account.tokens_held == account.tokens + OPEN.tokens
        assert account.nanos_held == account.day_held == account.nanos + OPEN.nanos


async def test_sweeps_at_once_add_it_once(
    shared: EmulatedTable, proxy: DynamoDBProxy, stores: list[DynamoDBStore]
) -> None:
    """Sweeps of two processes at once, beside requests, add later use exactly once and raise nothing."""
    request = StoreRequest("new", (level(GATEWAY),), NOON + 3)
    await stores[0].reserve(request.reservation)
    await settle_as_before(shared, 100, 1_000)
    proxy.slow = 0.003
    busy = [proxy.table.store(PatientClock(NOON + 3)) for _ in range(2)]
    more = [StoreRequest(f"{n}", (level(GATEWAY),), NOON + 3, tokens=1) for n in range(10)]
    await asyncio.gather(
        *(busy[n % 2].sweep(GATEWAY) for n in range(6)),
        *(busy[n % 2].reserve(each.reservation) for n, each in enumerate(more)),
    )
    for store in busy:
        await store.aclose()
    await stores[0].sweep(GATEWAY)

    account = await read(stores[0])
    assert totals(account) == (4, 950, 4_001_000)
    assert account.in_flight == 12
    assert proxy.conflicts > 0
