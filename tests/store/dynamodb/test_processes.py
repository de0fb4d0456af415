"""Several processes on one table: limits of several levels, and clocks that differ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.store.ministack import EmulatedTable, dynamo_store, table
from tests.store.store_request import NOON
from tests.store.workers import ProcessWorkers, start_worker

pytestmark = pytest.mark.anyio
SIZE = 3


@pytest.fixture
def shared() -> EmulatedTable:
    return table()


@pytest.fixture
async def workers(shared: EmulatedTable) -> AsyncIterator[ProcessWorkers]:
    async with AsyncExitStack() as stack:
        processes = [start_worker(shared.url, shared.environ) for _ in range(SIZE)]
        yield ProcessWorkers([await stack.enter_async_context(each) for each in processes])


def command_for(at: float, levels: dict[str, dict[str, int]], names: list[str]) -> dict[str, Any]:
    requests = [(name, 10, 10, 10) for name in names]
    return {
        "do": "reserve",
        "at": at,
        "levels": list(levels.items()),
        "collection": "log/day",
        "asked": requests,
    }


async def test_three_levels_from_three_processes(
    workers: ProcessWorkers, shared: EmulatedTable, clock: FakeClock
) -> None:
    """Of 200 concurrent requests with keys of one owner, exactly the tightest limit is admitted."""
    above = {"owner:acme": {"parallel": 60, "tokens": 5_000}, "gateway": {"rpm": 70}}
    keys = [{"key:one": {"rpm": 40}}, {"key:two": {"tokens": 405}}, {"key:three": {"day": 355}}]
    orders = [command_for(NOON, key | above, [f"{n}-{i}" for i in range(67)]) for n, key in enumerate(keys)]

    admitted = await workers.run_all(orders)

    assert sum(map(len, admitted)) == 60
    assert all(len(mine) <= most for mine, most in zip(admitted, (40, 40, 35), strict=True))
    async with dynamo_store(clock, shared) as store:
        accounts = await store.accounts("key:one", "key:two", "key:three", "owner:acme", "gateway")
    assert [each.in_flight for each in accounts[:3]] == [len(mine) for mine in admitted]
    assert [each.tokens_held for each in accounts[:3]] == [10 * len(mine) for mine in admitted]
    for each in accounts[3:]:
        assert (each.in_flight, each.tokens_held, each.nanos_held) == (60, 600, 600)
    assert [each.requests for each in accounts] == [len(admitted[0]), 0, 0, 0, 60]


@pytest.mark.parametrize("edge", [0.0, 1.0, 1.999])
async def test_clocks_two_seconds_apart(
    workers: ProcessWorkers, shared: EmulatedTable, clock: FakeClock, edge: float
) -> None:
    """Processes whose clocks differ admit exactly the limit, and again a minute after the last."""
    times = (NOON + edge, NOON + edge - 2.0, NOON + edge - 1.0)
    levels = {"key:one": {"rpm": 60}}

    async def run(later: float) -> list[int]:
        commands = [
            command_for(at + later, levels, [f"{later} {n}-{i}" for i in range(50)])
            for n, at in enumerate(times)
        ]
        return [len(admitted) for admitted in await workers.run_all(commands)]

    first, early, late = [await run(later) for later in (0.0, 57.9, 62.0)]

    assert (sum(first), sum(early), sum(late)) == (60, 0, 60)
    async with dynamo_store(clock, shared) as store:
        (account,) = await store.accounts("key:one")
    assert (account.requests, account.in_flight) == (60, 120)


async def test_thresholds_across_processes(
    workers: ProcessWorkers, shared: EmulatedTable, clock: FakeClock
) -> None:
    """Of sixty concurrent settlements of three processes, exactly one reports each threshold."""
    levels = {"key:one": {"tokens": 180}, "gateway": {"credits": 600}}
    names = [[f"{n}-{i}" for i in range(20)] for n in range(SIZE)]
    reserving = [command_for(NOON, {each: {} for each in levels}, mine) for mine in names]
    await workers.run_all(reserving)
    settling = [
        {**command_for(NOON, levels, mine), "do": "settle", "used": {name: [2, 1, 10] for name in mine}}
        for mine in names
    ]

    settled = await workers.run_all(settling)

    assert settled == names
    async with dynamo_store(clock, shared) as store:
        alerts = {each.key.id: (each.body["used"], each.version) for each in await store.query("alerts")}
        accounts = await store.accounts(*levels)
    assert alerts == {
        "key:one/tokens//80": (144, 1),
        "key:one/tokens//100": (180, 1),
        "gateway/credits//80": (480, 1),
        "gateway/credits//100": (600, 1),
    }
    assert [(each.settled, each.tokens_held, each.nanos_held) for each in accounts] == [(60, 180, 600)] * 2
