"""A killed process loses nothing: its reservations are released, its settlements remain."""

from __future__ import annotations

import asyncio
from math import inf
from random import Random

import pytest

from tests.fakes.clock import FakeClock
from tests.store.conftest import SHARED_KINDS, OpenStore
from tests.store.store_request import LEASE, LOG, NOON, StoreRequest
from tests.store.worker import Command, requests_of
from tests.store.workers import WorkerProcess
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import Store

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", SHARED_KINDS, indirect=True)]
LIMITS = {"tokens": 100, "credits": 100, "parallel": 1, "rpm": 100}
LEVELS = [["key:one", LIMITS], ["gateway", {"month": 100}]]
ORDER: Command = {
    "do": "walk",
    "at": NOON,
    "levels": LEVELS,
    "collection": LOG,
    "asked": [["one", 100, 100, 100]],
    "used": {"one": [10, 20, 30]},
}


def held_amounts(account: Account) -> tuple[int, int, int, int, int]:
    return (
        account.tokens_held,
        account.nanos_held,
        account.day_held,
        account.month_held,
        account.in_flight,
    )


async def is_admitted(store: Store, request: StoreRequest) -> bool:
    try:
        await store.reserve(request.reservation)
    except LimitRefused:
        return False
    return True


@pytest.mark.parametrize("point", ["admitted", "answering", "answered", "settled"])
async def test_killed_at_a_point(backend: OpenStore, clock: FakeClock, point: str) -> None:
    """Wherever a request dies, its reservation expires, and a repeated settlement charges once."""
    store = backend.store
    async with backend.start_worker() as member:
        await member.send({**ORDER, "stop": point})
        while (line := await member.receive()) != [point]:
            assert line == ["produced", "one"]
        await member.kill()
        assert await member.receive() is None
    (request,) = requests_of(ORDER)
    settled = point == "settled"
    accounts = await store.accounts("key:one", "gateway")
    assert [held_amounts(each) for each in accounts] == [
        (30, 30, 30, 30, 0) if settled else (100, 100, 100, 100, 1)
    ] * 2

    clock.time = NOON + LEASE - 0.001
    remaining = StoreRequest("rest", request.levels, clock.time, 70, 0, 70)
    assert await is_admitted(store, remaining) is settled
    if settled:
        await store.settle(remaining.settlement())
    clock.time = NOON + LEASE
    fill = StoreRequest("fill", request.levels, clock.time, 70 if settled else 100, 0, 70 if settled else 100)
    assert await is_admitted(store, fill)
    await store.settle(fill.settlement())

    again = [await store.settle(request.settlement(Charge(10, 20, 30))) for _ in range(2)]
    assert [each.applied for each in again] == [not settled, False]
    for each in await store.accounts("key:one", "gateway"):
        assert held_amounts(each) == (30, 30, 30, 30, 0)
        assert (each.prompt, each.completion, each.nanos) == (10, 20, 30)
    (record,) = await store.get(request.settlement().record.key)
    assert record is not None


CHURN: Command = {
    "do": "churn",
    "at": NOON,
    "levels": [["key:one", {}], ["gateway", {}]],
    "collection": LOG,
}


async def run_churn(member: WorkerProcess, name: str, patience: int) -> tuple[dict[str, list[int]], set[str]]:
    """Return what a process has produced and settled until it was killed after so many lines."""
    produced: dict[str, list[int]] = {}
    settled: set[str] = set()
    await member.send({**CHURN, "name": name})
    while (line := await member.receive()) is not None:
        kind, request, *used = line
        if kind == "produced":
            produced[request] = used
        else:
            settled.add(request)
        patience -= 1
        if patience == 0:
            await member.kill()
    return produced, settled


async def read_records(store: Store) -> dict[str, list[int]]:
    documents = await store.query(LOG, limit=100_000)
    return {
        each.body["id"]: [each.body["prompt"], each.body["completion"], each.body["nanos"]]
        for each in documents
    }


async def check(store: Store, records: dict[str, list[int]]) -> None:
    """Assert that accounts match the records."""
    prompt, completion, nanos = (sum(each[n] for each in records.values()) for n in range(3))
    for account in await store.accounts("key:one", "gateway"):
        assert (account.settled, account.prompt, account.completion) == (len(records), prompt, completion)
        assert (account.tokens, account.nanos) == (prompt + completion, nanos)
        leases = 10 * account.in_flight
        assert held_amounts(account)[:3] == (account.tokens + leases, nanos + leases, nanos + leases)


async def test_killed_at_any_moment(backend: OpenStore, clock: FakeClock) -> None:
    """Whenever processes are killed, each settlement is absent or can be completed, and can be repeated."""
    store, chance = backend.store, Random(7)
    produced: dict[str, list[int]] = {}
    for crash in range(3):
        async with backend.start_worker() as one, backend.start_worker() as two:
            both = {f"{crash}-one": one, f"{crash}-two": two}
            line = [run_churn(member, name, chance.randint(1, 150)) for name, member in both.items()]
            for new, settled in await asyncio.gather(*line):
                produced |= new
                assert settled <= set(await read_records(store))
        clock.time = NOON + 61
        await store.complete_settlements(NOON, inf)
        clock.time = NOON
        records = await read_records(store)
        assert all(produced[name] == used for name, used in records.items())
        await check(store, records)

    clock.time = NOON + LEASE
    levels = requests_of({**CHURN, "asked": [["", 0, 0, 0]]})[0].levels
    after = await store.reserve(StoreRequest("after", levels, clock.time, 10, 10, 10).reservation)
    assert [each.in_flight for each in after.accounts] == [1, 1]
    unsettled = {name: used for name, used in produced.items() if name not in records}
    for request in requests_of({**CHURN, "asked": [[name, 10, 10, 10] for name in produced]}):
        assert (await store.settle(request.settlement(Charge(*produced[request.id])))).applied is (
            request.id in unsettled
        )
    await check(store, produced)
