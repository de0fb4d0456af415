"""Several processes on one table: limits of several levels, and clocks that differ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.store.workers import Processes, member
from tests.store.ministack import Table, dynamo_store, table
from tests.store.traffic import NOON

pytestmark = pytest.mark.anyio
SIZE = 3


@pytest.fixture
def shared() -> Table:
    return table()


@pytest.fixture
async def crew(shared: Table) -> AsyncIterator[Processes]:
    async with AsyncExitStack() as stack:
        members = [member(shared.url, shared.environ) for _ in range(SIZE)]
        yield Processes([await stack.enter_async_context(each) for each in members])


def asking(at: float, levels: dict[str, dict[str, int]], names: list[str]) -> dict[str, Any]:
    asked = [(name, 10, 10, 10) for name in names]
    return {"do": "reserve", "at": at, "levels": list(levels.items()), "shelf": "log/day", "asked": asked}


async def test_three_levels_from_three_processes(crew: Processes, shared: Table, clock: FakeClock) -> None:
    """Of 200 who come at once, with keys of one owner, exactly as many pass as the tightest level lets."""
    above = {"owner:acme": {"parallel": 60, "tokens": 5_000}, "gateway": {"rpm": 70}}
    keys = [{"key:one": {"rpm": 40}}, {"key:two": {"tokens": 405}}, {"key:three": {"day": 355}}]
    orders = [asking(NOON, key | above, [f"{n}-{i}" for i in range(67)]) for n, key in enumerate(keys)]

    passed = await crew.obey(orders)

    assert sum(map(len, passed)) == 60
    assert all(len(mine) <= most for mine, most in zip(passed, (40, 40, 35), strict=True))
    async with dynamo_store(clock, shared) as store:
        accounts = await store.accounts("key:one", "key:two", "key:three", "owner:acme", "gateway")
    assert [set(each.leases) for each in accounts[:3]] == [set(mine) for mine in passed]
    for each in accounts[3:]:
        assert set(each.leases) == {name for mine in passed for name in mine}
        assert (each.requests, each.tokens_held, each.nanos_held) == (60, 600, 600)


@pytest.mark.parametrize("edge", [0.0, 1.0, 1.999])
async def test_clocks_two_seconds_apart(
    crew: Processes, shared: Table, clock: FakeClock, edge: float
) -> None:
    """Around the edge of a window, processes whose clocks differ let no more through than the limit and one.

    The one is what the present window may hold of the limit at its beginning, where the last one was full.
    """
    times = (NOON + edge, NOON + edge - 2.0, NOON + edge - 1.0)
    levels = {"key:one": {"rpm": 60}}
    passed = await crew.obey(
        [asking(at, levels, [f"{n}-{i}" for i in range(50)]) for n, at in enumerate(times)]
    )
    late = await crew.obey(
        [asking(at + 10, levels, [f"late {n}-{i}" for i in range(50)]) for n, at in enumerate(times)]
    )

    assert 60 <= sum(map(len, passed)) <= 61
    assert sum(map(len, passed + late)) <= 60 + 60 * (10 + edge) / 60 + 1
    async with dynamo_store(clock, shared) as store:
        (account,) = await store.accounts("key:one")
    assert set(account.leases) == {name for mine in passed + late for name in mine}
    assert account.requests + account.requests_before == len(account.leases)
