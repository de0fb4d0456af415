"""Every write is sent twice: the first response is lost, and the store sees only the second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tests.fakes.clock import FakeClock
from tests.sizes import times
from tests.store.ministack import PATIENCE, EmulatedTable, dynamo_store, session, table
from tests.store.store_request import LEASE, NOON, StoreRequest, alert_document, level
from tests.store.test_sequences import STEPS, Sequence
from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, DynamoDBClient
from vaultcore.clock import Clock
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.wire import Json

WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
EXAMPLES = times(8, 80)
LEVELS = (
    level("key:one", Limits(rpm=50, tpm=5_000, tokens=1_000)),
    level("owner:acme", Limits(month=10_000)),
    level("gateway", Limits(rpm=50, parallel=40)),
)
NAMES = [each.account for each in LEVELS]


class RepeatingClient(DynamoDBClient):
    """Sends every write twice and returns the second response."""

    async def call(self, operation: str, request: Json, *, repeat: bool = True) -> Json:
        if operation in WRITES:
            with suppress(ConditionsFailed, DynamoDBBusy):
                await super().call(operation, request, repeat=repeat)
        return await super().call(operation, request, repeat=repeat)


@asynccontextmanager
async def repeating_store(clock: Clock, shared: EmulatedTable) -> AsyncIterator[DynamoDBStore]:
    client = RepeatingClient(session(shared.endpoint), read_timeout=PATIENCE)
    store = DynamoDBStore(client, shared.name, clock)
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture
def shared() -> EmulatedTable:
    return table()


@pytest.fixture
async def store(clock: FakeClock, shared: EmulatedTable) -> AsyncIterator[DynamoDBStore]:
    async with repeating_store(clock, shared) as store:
        yield store


def held_amounts(account: Account) -> tuple[int, int, int]:
    return account.in_flight, account.tokens_held, account.nanos_held


@pytest.mark.anyio
async def test_requests_are_counted_once(store: DynamoDBStore) -> None:
    """Reservations and settlements, one after another and at once, are applied once at every level."""
    requests = [StoreRequest(f"{n}", LEVELS, tokens=10, minute=10, nanos=10) for n in range(20)]
    for each in requests[:10]:
        await store.reserve(each.reservation)
    await asyncio.gather(*(store.reserve(each.reservation) for each in requests[10:]))
    assert [held_amounts(each) for each in await store.accounts(*NAMES)] == [(20, 200, 200)] * 3

    done = [await store.settle(each.settlement(Charge(1, 2, 3))) for each in requests[:10]]
    done += await asyncio.gather(*(store.settle(each.settlement(Charge(1, 2, 3))) for each in requests[10:]))

    assert all(each.applied for each in done)
    accounts = await store.accounts(*NAMES)
    assert [held_amounts(each) for each in accounts] == [(0, 60, 60)] * 3
    assert [(each.requests, each.minute, each.settled) for each in accounts] == [
        *((20, 60, 20), (0, 0, 20), (20, 0, 20))
    ]
    assert not (await store.settle(requests[0].settlement(Charge(1, 2, 3)))).applied


@pytest.mark.anyio
async def test_thresholds_are_reported(store: DynamoDBStore) -> None:
    """A settlement whose responses are lost reports its thresholds once and writes the alerts."""
    levels = (level("key:one", Limits(tokens=100)), level("gateway", Limits(credits=100)))
    crossings = []
    for n, used in enumerate((79, 1, 19, 1, 5)):
        request = StoreRequest(f"{n}", levels, tokens=used, nanos=used)
        await store.reserve(StoreRequest(f"{n}", tuple(level(each.account) for each in levels)).reservation)
        done = await store.settle(request.settlement(Charge(used, 0, used), alert=alert_document))
        crossings.append([(each.account, each.percent) for each in done.crossings])

    assert crossings == [
        *([], [("key:one", 80), ("gateway", 80)], [], [("key:one", 100), ("gateway", 100)], [])
    ]
    assert {each.key.id: each.body["used"] for each in await store.query("alerts")} == {
        "key:one/tokens//80": 80,
        "key:one/tokens//100": 100,
        "gateway/credits//80": 80,
        "gateway/credits//100": 100,
    }


@pytest.mark.anyio
async def test_refused_levels_give_back_once(
    store: DynamoDBStore, clock: FakeClock, shared: EmulatedTable
) -> None:
    """If a level is unexpectedly full, the reservations at the other levels are given back once."""
    levels = (*LEVELS[:2], level("gateway", Limits(tokens=100)))
    await store.reserve(StoreRequest("first", levels, tokens=50, minute=50).reservation)
    async with dynamo_store(clock, shared) as other:
        await other.reserve(StoreRequest("unseen", levels[2:], tokens=50).reservation)

    with pytest.raises(LimitRefused) as refused:
        await store.reserve(StoreRequest("second", levels, tokens=1, minute=1, nanos=1).reservation)

    assert refused.value.level is levels[2]
    accounts = await store.accounts(*NAMES)
    assert [held_amounts(each) for each in accounts] == [(1, 50, 0), (1, 50, 0), (2, 100, 0)]
    assert (accounts[0].requests, accounts[0].minute) == (1, 50)


@pytest.mark.anyio
async def test_a_sweep_releases_once(store: DynamoDBStore, clock: FakeClock) -> None:
    """Expired reservations are released once, by sweeps and by later requests, also at once."""
    for n in range(5):
        request = StoreRequest(f"{n}", LEVELS, tokens=10, nanos=10, until=NOON + LEASE + 60 * (n % 2))
        await store.reserve(request.reservation)
    clock.time = NOON + LEASE
    await asyncio.gather(*(store.sweep(*NAMES) for _ in range(3)))
    assert [held_amounts(each) for each in await store.accounts(*NAMES)] == [(2, 20, 20)] * 3

    clock.time = NOON + LEASE + 120
    await asyncio.gather(
        *(store.sweep(*NAMES) for _ in range(2)),
        *(
            store.reserve(StoreRequest(f"next {n}", LEVELS, clock.time, tokens=1).reservation)
            for n in range(3)
        ),
    )
    assert [held_amounts(each) for each in await store.accounts(*NAMES)] == [(3, 3, 0)] * 3


class RepeatingSequence(Sequence):
    """The operations of `test_sequences` on a store that sends every write twice."""

    @rule(name=st.sampled_from(["one", "two", "gateway"]))
    def sweep(self, name: str) -> None:
        """Sweep: exactly the expired leases end, but a repeated sweep does not know their number."""
        account = self.model[name]
        assert self.do(self.store.sweep(account.name)) in (0, account.end(self.clock.time))


@pytest.mark.repeated
def test_any_sequence() -> None:
    """After any sequence of operations, all numbers are exact."""
    clock = FakeClock()
    with asyncio.Runner() as runner:
        backend = repeating_store(clock, table())
        store = runner.run(backend.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: RepeatingSequence(runner, store, clock),
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    phases=(Phase.explicit, Phase.reuse, Phase.generate),
                ),
            )
        finally:
            runner.run(backend.__aexit__(None, None, None))
