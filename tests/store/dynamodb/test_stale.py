"""What a process believes of an account may be out of date: what it does there is right all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.store.ministack import dynamo_store, table
from tests.store.traffic import NOON, Asking, alerted, level
from vaultcore.limits.account import Charge
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

    async def reserve(self, store: Store, asked: Asking) -> bool:
        """Whether a request passes: at the store as at the model."""
        passed = [await self._passes(each, asked) for each in (store, self._model)]
        assert passed[0] == passed[1]
        return passed[0]

    async def settle(self, store: Store, asked: Asking, spent: Charge) -> SettlementResult:
        """What a settlement is told: by the store as by the model."""
        done = await store.settle(asked.settlement(spent, alert=alerted))
        assert done == await self._model.settle(asked.settlement(spent, alert=alerted))
        return done

    async def agree(self, *names: str) -> None:
        """Accounts are the model's now."""
        assert await self.one.accounts(*names) == await self._model.accounts(*names)
        assert await self.one.query("alerts") == await self._model.query("alerts")

    async def _passes(self, store: Store, asked: Asking) -> bool:
        try:
            await store.reserve(asked.reservation)
        except LimitRefused:
            return False
        return True


@pytest.fixture
async def twins(clock: FakeClock) -> AsyncIterator[Twins]:
    shared = table()
    async with dynamo_store(clock, shared) as one, dynamo_store(clock, shared) as other:
        yield Twins(one, other, MemoryStore(clock))


def one_each(id: str, levels: tuple[Level, ...], at: float = NOON) -> Asking:
    return Asking(id, levels, at, tokens=1, minute=1, nanos=1)


@pytest.mark.parametrize("limit", ["rpm", "tpm", "parallel", "tokens", "credits", "day", "month"])
@pytest.mark.parametrize("above", [(), (level("gateway"),)], ids=["one level", "two levels"])
async def test_what_others_used(twins: Twins, limit: str, above: tuple[Level, ...]) -> None:
    """Who has not seen that others took what was left is refused, and gets the last that is left."""
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
async def test_a_window_that_others_filled(twins: Twins, limit: str, later: float) -> None:
    """In the next window weighs what others had used of the last one, seen or not."""
    levels = (level("key:one", Limits(**{limit: 4})),)
    assert await twins.reserve(twins.one, one_each("seen", levels))
    for n in range(3):
        assert await twins.reserve(twins.other, one_each(f"unseen {n}", levels, NOON + 1))

    for n in range(5):
        await twins.reserve(twins.one, one_each(f"later {n}", levels, NOON + later))
    await twins.agree("key:one")


@pytest.mark.parametrize("limit", ["tokens", "credits", "day", "month"])
@pytest.mark.parametrize("unseen", [1, 79, 99])
async def test_marks_that_others_brought_near(twins: Twins, limit: str, unseen: int) -> None:
    """Each mark is told by who takes the account past it, whatever that one had seen."""
    levels = (level("gateway", Limits(**{limit: 100})), level("key:one"))
    asked = [Asking(f"{n}", levels) for n in range(4)]
    for n, each in enumerate(asked):
        assert await twins.reserve(twins.other if n == 1 else twins.one, each)
    await twins.settle(twins.one, asked[0], Charge(0))
    done = [
        await twins.settle(twins.other, asked[1], Charge(unseen, 0, unseen)),
        await twins.settle(twins.one, asked[2], Charge(1, 0, 1)),
        await twins.settle(twins.one, asked[3], Charge(100, 0, 100)),
    ]

    assert sorted(each.percent for settled in done for each in settled.crossings) == [80, 100]
    await twins.agree("gateway", "key:one")


@pytest.mark.parametrize("limit", ["tokens", "credits", "day", "month"])
async def test_marks_that_others_know_nothing_of(twins: Twins, limit: str) -> None:
    """Who has other marks than the one before is told of those that it passes itself, and of no others."""
    plain = level("gateway", Limits(**{limit: 100}))
    others = [replace(plain, thresholds=marks) for marks in ((30, 50), (30, 50), (10, 60), (100,), ())]
    asked = [Asking(f"{n}", (each, level("key:one"))) for n, each in enumerate(others)]
    for each in asked:
        assert await twins.reserve(twins.one, each)
    done = [
        await twins.settle(twins.one, asked[0], Charge(20, 0, 20)),
        await twins.settle(twins.other, asked[1], Charge(20, 0, 20)),
        await twins.settle(twins.one, asked[2], Charge(30, 0, 30)),
        await twins.settle(twins.other, asked[3], Charge(10, 0, 10)),
        await twins.settle(twins.one, asked[4], Charge(30, 0, 30)),
    ]

    assert [[each.percent for each in settled.crossings] for settled in done] == [[], [30], [60], [], []]
    await twins.agree("gateway", "key:one")


@pytest.mark.parametrize("later", [1.0, 60.0, 120.0, DAY, 9 * DAY])
@pytest.mark.parametrize("minute", [80, 30])  # the second is what it uses: nothing is put right there
async def test_time_that_others_moved_on(twins: Twins, later: float, minute: int) -> None:
    """What a request used counts in its own minute, day and month, though others have begun the next."""
    levels = (level("key:one"), level("gateway", Limits(day=10**6, month=10**6)))
    asked = Asking("seen", levels, tokens=100, minute=minute, nanos=1_000, until=NOON + 30 * DAY)
    assert await twins.reserve(twins.one, asked)
    assert await twins.reserve(twins.other, replace(asked, id="unseen", at=NOON + later))

    await twins.settle(twins.one, asked, Charge(10, 20, 300))
    await twins.agree("key:one", "gateway")


async def test_a_minute_that_others_use(twins: Twins) -> None:
    """What was never reserved is taken off a minute as far as it goes, not off what others put there."""
    levels = (level("key:one"),)
    assert await twins.reserve(twins.one, Asking("seen", levels, minute=20))
    assert await twins.reserve(twins.other, Asking("unseen", levels, minute=100))

    await twins.settle(twins.one, Asking("never reserved", levels, minute=50), Charge())
    await twins.agree("key:one")


async def test_an_id_that_is_used_again(twins: Twins) -> None:
    """A lease that is over is given back as it was seen: not the next one under the same id."""
    levels = (level("key:one"),)
    assert await twins.reserve(twins.one, replace(one_each("again", levels), until=NOON + 10))
    assert await twins.reserve(twins.other, one_each("other", levels, NOON + 10))
    assert await twins.reserve(twins.other, replace(one_each("again", levels, NOON + 10), tokens=5))

    assert await twins.reserve(twins.one, one_each("next", levels, NOON + 10))
    await twins.agree("key:one")
    (account,) = await twins.one.accounts("key:one")
    assert (set(account.leases), account.tokens_held) == ({"other", "again", "next"}, 7)
