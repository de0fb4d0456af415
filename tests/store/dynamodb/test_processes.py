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
    assert [set(each.leases) for each in accounts[:3]] == [set(mine) for mine in admitted]
    for each in accounts[3:]:
        assert set(each.leases) == {name for mine in admitted for name in mine}
        assert (each.requests, each.tokens_held, each.nanos_held) == (60, 600, 600)


@pytest.mark.parametrize("edge", [0.0, 1.0, 1.999])
async def test_clocks_two_seconds_apart(
    workers: ProcessWorkers, shared: EmulatedTable, clock: FakeClock, edge: float
) -> None:
    """At the edge of a window, processes with different clocks admit at most the limit and one.

    The one is the allowance of a new window at its beginning after a full one.
    """
    times = (NOON + edge, NOON + edge - 2.0, NOON + edge - 1.0)
    levels = {"key:one": {"rpm": 60}}
    admitted = await workers.run_all(
        [command_for(at, levels, [f"{n}-{i}" for i in range(50)]) for n, at in enumerate(times)]
    )
    late = await workers.run_all(
        [command_for(at + 10, levels, [f"late {n}-{i}" for i in range(50)]) for n, at in enumerate(times)]
    )

    assert 60 <= sum(map(len, admitted)) <= 61
    assert sum(map(len, admitted + late)) <= 60 + 60 * (10 + edge) / 60 + 1
    async with dynamo_store(clock, shared) as store:
        (account,) = await store.accounts("key:one")
    assert set(account.leases) == {name for mine in admitted + late for name in mine}
    assert account.requests + account.requests_before == len(account.leases)
