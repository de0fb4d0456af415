"""A process with outdated cached accounts still makes correct decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.store.ministack import dynamo_store, table
from tests.store.store_request import NOON, StoreRequest, alert_document, level, numbers
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import SettlementResult, Store
from vaultcore.store.dynamodb.store import DynamoDBStore
from vaultcore.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
DAY = 86_400.0


class Twins:
    """Two stores on one table, and a model of what they do together."""

    def __init__(self, one: DynamoDBStore, other: DynamoDBStore, model: MemoryStore) -> None:
        self.one, self.other, self._model = one, other, model
        self._at = NOON  # of the latest request

    async def reserve(self, store: Store, request: StoreRequest) -> bool:
        """Reserve at the store and in the model, with the same outcome. Return True if admitted."""
        self._at = max(self._at, request.at)
        outcomes = [await self._try(each, request) for each in (store, self._model)]
        assert outcomes[0] == outcomes[1]
        return outcomes[0] is not None

    async def settle(self, store: Store, request: StoreRequest, spent: Charge) -> SettlementResult:
        """Settle at the store and in the model. Return the result, which is the same."""
        done = await store.settle(request.settlement(spent, alert=alert_document))
        assert done == await self._model.settle(request.settlement(spent, alert=alert_document))
        return done

    async def agree(self, *names: str) -> None:
        """Assert that accounts and alerts are those of the model."""
        actual, expected = await self.one.accounts(*names), await self._model.accounts(*names)
        assert [numbers(each, self._at) for each in actual] == [numbers(each, self._at) for each in expected]
        assert await self.one.query("alerts") == await self._model.query("alerts")

    async def _try(self, store: Store, request: StoreRequest) -> Lease | None:
        """Return the lease of an admitted request, else None."""
        try:
            lease = (await store.reserve(request.reservation)).lease
        except LimitRefused:
            return None
        return replace(lease, shards=())


@pytest.fixture
async def twins(clock: FakeClock) -> AsyncIterator[Twins]:
    shared = table()
    async with dynamo_store(clock, shared) as one, dynamo_store(clock, shared) as other:
        yield Twins(one, other, MemoryStore(clock))


def one_each(id: str, levels: tuple[Level, ...], at: float = NOON) -> StoreRequest:
    return StoreRequest(id, levels, at, tokens=1, minute=1, nanos=1)


@pytest.mark.parametrize("limit", ["rpm", "tpm", "parallel", "tokens", "credits", "day", "month"])
@pytest.mark.parametrize("above", [(), (level("gateway"),)], ids=["one level", "two levels"])
async def test_reservations_of_another_process(twins: Twins, limit: str, above: tuple[Level, ...]) -> None:
    """A process with an outdated account refuses correctly and admits the last request that fits."""
    levels = (level("key:one", Limits(**{limit: 4})), *above)
    assert await twins.reserve(twins.one, one_each("seen", levels))
    for n in range(2):
        assert await twins.reserve(twins.other, one_each(f"unseen {n}", levels))

    assert await twins.reserve(twins.one, one_each("the last", levels))
    assert not await twins.reserve(twins.other, one_each("one more", levels))
    assert not await twins.reserve(twins.one, one_each("and another", levels))
    await twins.agree("key:one", "gateway")


@pytest.mark.parametrize("limit", ["rpm", "tpm"])
@pytest.mark.parametrize("later", [60.0, 75.0, 119.9, 120.0])
async def test_a_window_filled_by_another_process(twins: Twins, limit: str, later: float) -> None:
    """The previous window counts with all its requests, cached or not."""
    levels = (level("key:one", Limits(**{limit: 4})),)
    assert await twins.reserve(twins.one, one_each("seen", levels))
    for n in range(3):
        assert await twins.reserve(twins.other, one_each(f"unseen {n}", levels, NOON + 1))

    for n in range(5):
        await twins.reserve(twins.one, one_each(f"later {n}", levels, NOON + later))
    await twins.agree("key:one")


@pytest.mark.parametrize("limit", ["tokens", "credits", "day", "month"])
@pytest.mark.parametrize("unseen", [1, 79, 99])
async def test_thresholds_approached_by_another_process(twins: Twins, limit: str, unseen: int) -> None:
    """Each threshold is reported by the settlement that crosses it, whatever was cached."""
    levels = (level("gateway", Limits(**{limit: 100})), level("key:one"))
    requests = [StoreRequest(f"{n}", levels) for n in range(4)]
    for n, each in enumerate(requests):
        assert await twins.reserve(twins.other if n == 1 else twins.one, each)
    await twins.settle(twins.one, requests[0], Charge(0))
    done = [
        await twins.settle(twins.other, requests[1], Charge(unseen, 0, unseen)),
        await twins.settle(twins.one, requests[2], Charge(1, 0, 1)),
        await twins.settle(twins.one, requests[3], Charge(100, 0, 100)),
    ]

    assert sorted(each.percent for settled in done for each in settled.crossings) == [80, 100]
    await twins.agree("gateway", "key:one")


@pytest.mark.parametrize("limit", ["tokens", "credits", "day", "month"])
async def test_thresholds_that_differ(twins: Twins, limit: str) -> None:
    """A request with other thresholds reports those that it crosses itself, and no others."""
    plain = level("gateway", Limits(**{limit: 100}))
    others = [replace(plain, thresholds=marks) for marks in ((30, 50), (30, 50), (10, 60), (100,), ())]
    requests = [StoreRequest(f"{n}", (each, level("key:one"))) for n, each in enumerate(others)]
    for each in requests:
        assert await twins.reserve(twins.one, each)
    done = [
        await twins.settle(twins.one, requests[0], Charge(20, 0, 20)),
        await twins.settle(twins.other, requests[1], Charge(20, 0, 20)),
        await twins.settle(twins.one, requests[2], Charge(30, 0, 30)),
        await twins.settle(twins.other, requests[3], Charge(10, 0, 10)),
        await twins.settle(twins.one, requests[4], Charge(30, 0, 30)),
    ]

    assert [[each.percent for each in settled.crossings] for settled in done] == [[], [30], [60], [], []]
    await twins.agree("gateway", "key:one")


@pytest.mark.parametrize("later", [1.0, 60.0, 120.0, DAY, 9 * DAY])
@pytest.mark.parametrize("minute", [80, 30])  # the second is what it uses: nothing is put right there
async def test_another_process_in_the_next_period(twins: Twins, later: float, minute: int) -> None:
    """Usage counts in the request's own minute, day and month, although other processes are in the next."""
    levels = (level("key:one"), level("gateway", Limits(day=10**6, month=10**6)))
    request = StoreRequest("seen", levels, tokens=100, minute=minute, nanos=1_000, until=NOON + 30 * DAY)
    assert await twins.reserve(twins.one, request)
    assert await twins.reserve(twins.other, replace(request, id="unseen", at=NOON + later))

    await twins.settle(twins.one, request, Charge(10, 20, 300))
    await twins.agree("key:one", "gateway")


@pytest.mark.parametrize("above", [(), (level("gateway"),)], ids=["one level", "two levels"])
@pytest.mark.parametrize("ahead", [600.0, DAY, 40 * DAY])
async def test_a_clock_that_was_far_ahead(twins: Twins, ahead: float, above: tuple[Level, ...]) -> None:
    """After a process whose clock was wrong, correct ones continue at once, with their limits."""
    levels = (level("key:one", Limits(rpm=2, tpm=9)), *above)
    assert await twins.reserve(twins.one, one_each("seen", levels))
    for n in range(2):
        assert await twins.reserve(twins.other, one_each(f"wrong {n}", levels, NOON + ahead + n))

    admitted = [await twins.reserve(twins.one, one_each(f"{n}", levels, NOON + 61 + n)) for n in range(3)]
    assert admitted == [True, True, False]


@pytest.mark.parametrize("limit", ["rpm", "tpm"])
async def test_expired_counts_of_another_process(twins: Twins, limit: str) -> None:
    """Counts that expire while others add to them are removed once."""
    levels = (level("key:one", Limits(**{limit: 3})),)
    for n in range(3):
        assert await twins.reserve((twins.one, twins.other)[n % 2], one_each(f"{n}", levels, NOON + n))
    for n, store in enumerate((twins.one, twins.other, twins.one, twins.other, twins.one, twins.other)):
        await twins.reserve(store, one_each(f"later {n}", levels, NOON + 60 + n / 2))
        await twins.agree("key:one")


async def test_ended_buckets_are_released_once(twins: Twins) -> None:
    """A bucket that ends is released by one process, and others see that at their next request."""
    levels = (level("key:one", Limits(tokens=100)), level("gateway"))
    brief = StoreRequest("brief", levels, tokens=60, until=NOON + 10)
    assert await twins.reserve(twins.one, brief)
    assert await twins.reserve(twins.other, replace(brief, id="other", tokens=40))

    for n, store in enumerate((twins.other, twins.one)):
        assert await twins.reserve(store, StoreRequest(f"{n}", levels, NOON + 10, tokens=50))
    await twins.settle(twins.one, brief, Charge(30, 0, 3))
    await twins.agree("key:one", "gateway")
