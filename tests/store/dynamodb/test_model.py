"""For any sequence of operations, accounts in DynamoDB equal those of a store in memory."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from math import inf

import pytest

from tests.fakes.clock import FakeClock
from tests.sizes import times
from tests.store.ministack import dynamo_store, table
from tests.store.store_request import DOLLAR, NOON, StoreRequest, alert_document, numbers
from vaultcore.limits.account import Charge, Denial, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.money import Nanos
from vaultcore.store.base import SettlementResult, Store
from vaultcore.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
SEEDS = range(times(3, 30))
STEPS = 40
NAMES = ("key:a", "key:b", "owner:x", "gateway")
LEVELS = (("key:a",), ("key:b",), ("key:a", "gateway"), ("key:b", "owner:x", "gateway"))
TIMES = (0.0, 0.0, 0.25, 1.0, 7.0, 20.0, 45.0, 60.0, 61.0, 125.0, 400.0, 40_000.0, 86_400.0 * 9)
STARTS = (NOON, 1_796_083_190.0, 30.0)  # noon, ten seconds before a month is over, the first minute of time

Step = Callable[[Store], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its level, its denial, and the numbers of the account."""

    level: Level
    denial: Denial
    account: dict[str, object]


class RandomOperations:
    """Random operations, each of which any store can run."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._requests: list[StoreRequest] = []
        self._leases: dict[tuple[str, type[Store]], Lease] = {}  # of admitted requests, by kind of store
        self._limits = {name: self._limited() for name in NAMES}

    def pause(self, least: float) -> float:
        return max(least, self._chance.choice(TIMES))

    def step(self, now: float) -> Step:
        kinds: list[Callable[[float], Step]] = [self._admission, self._settlement, self._sweeping]
        if not self._requests:
            return self._admission(now)
        (kind,) = self._chance.choices(kinds, [6, 4, 1])
        return kind(now)

    def _admission(self, now: float) -> Step:
        pick = self._chance.choice
        request = StoreRequest(
            f"request {len(self._requests)}",
            tuple(Level(name, self._limits[name]) for name in pick(LEVELS)),
            at=now,
            tokens=pick([0, 40, 150, 400]),
            minute=pick([0, 20, 90]),
            nanos=pick([0, DOLLAR // 10, DOLLAR // 3]),
            until=None if self._chance.random() < 0.7 else now + pick([0.5, 30.0]),
        )
        self._requests.append(request)

        async def admit(store: Store) -> object:
            try:
                result = await store.reserve(request.reservation)
            except LimitRefused as refused:
                return Refused(refused.level, refused.denial, numbers(refused.account, now))
            self._leases[request.id, type(store)] = result.lease
            return [numbers(each, now) for each in result.accounts], replace(result.lease, shards=())

        return admit

    def _settlement(self, _: float) -> Step:
        pick = self._chance.choice
        request = pick(self._requests[-8:])
        spent = Charge(pick([0, 10, 200]), pick([0, 15, 300]), pick([0, 1, DOLLAR // 10, DOLLAR // 2]))

        async def settle(store: Store) -> SettlementResult | None:
            if (lease := self._leases.get((request.id, type(store)))) is None:
                return None  # it was refused
            return await store.settle(replace(request.settlement(spent, alert=alert_document), lease=lease))

        return settle

    def _sweeping(self, _: float) -> Step:
        names = self._chance.sample(NAMES, 2)

        async def sweep(store: Store) -> int:
            return await store.sweep(*names)

        return sweep

    def _limited(self) -> Limits:
        pick = self._chance.choice
        return Limits(
            rpm=pick([None, 3, 6]),
            tpm=pick([None, 0, 150, 400]),
            parallel=pick([None, 2, 4]),
            tokens=pick([None, 600, 2_000]),
            credits=pick([None, Nanos(DOLLAR)]),
            day=pick([None, Nanos(DOLLAR // 2)]),
            month=pick([None, Nanos(DOLLAR)]),
        )


async def outcome(step: Step, store: Store, *, exactly: bool) -> object:
    """Return the result of a step; of a refusal and of a sweep only the kind if several stores are used.

    A store that does not know the latest state of an account may name another full level, and may leave an
    ended bucket for the next sweep.
    """
    actual = await step(store)
    return actual if exactly or not isinstance(actual, Refused | int) else type(actual)


@pytest.mark.repeated
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [1, 3])
async def test_random_operations_match_the_model(seed: int, size: int) -> None:
    """Decisions, retry times, thresholds and accounts match the model, for one store and for several.

    Several stores start a second apart, because a refusal is repeated for a second.
    """
    clock, operations = FakeClock(), RandomOperations(seed)
    clock.time = STARTS[seed % 3]
    model, shared = MemoryStore(clock), table()
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(dynamo_store(clock, shared)) for _ in range(size)]
        for turn in range(STEPS):
            clock.time += operations.pause(1.0 if size > 1 else 0.0)
            step, store = operations.step(clock.time), stores[turn * 7 % 5 % size]

            exactly = size == 1
            assert await outcome(step, store, exactly=exactly) == await outcome(step, model, exactly=exactly)
            actual, expected = await stores[-1].accounts(*NAMES), await model.accounts(*NAMES)
            for name, *pair in zip(NAMES, actual, expected, strict=True):
                one, other = (numbers(each, clock.time) for each in pair)
                assert one == other, name
        for collection in ("alerts", "log/2026-11-22"):
            assert await stores[0].query(collection) == await model.query(collection)
        assert await stores[0].complete_settlements(STARTS[seed % 3], inf) == 0
