"""What every store promises over time: windows without a double burst, days, months, and marks told once."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.traffic import NOON, Asking, alerted, level
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import SettlementResult, Store

pytestmark = pytest.mark.anyio
DAY = 86_400.0
MIDNIGHT = NOON + DAY / 2
DECEMBER = NOON + 8.5 * DAY


async def admitted(store: Store, asked: Asking) -> bool:
    try:
        await store.reserve(asked.reservation)
    except LimitRefused:
        return False
    return True


async def burst(store: Store, one: Level, at: float, tries: int, **asked: int) -> int:
    """How many of so many at one moment pass."""
    every = [Asking(f"{at} {asked} {n}", (one,), at, until=at + 10_000, **asked) for n in range(tries)]
    return sum(await asyncio.gather(*(admitted(store, each) for each in every)))


async def account(store: Store, name: str = "key:one") -> Account:
    (found,) = await store.accounts(name)
    return found


@pytest.mark.parametrize("kind", ["rpm", "tpm"])
async def test_a_moving_burst(store: Store, kind: str) -> None:
    """Sixty at once, then only as many as the last minute has let go of: no burst passes twice at an edge."""
    one, asked = level("key:one", Limits(rpm=60)), {}
    if kind == "tpm":
        one, asked = level("key:one", Limits(tpm=60_000)), {"minute": 1_000}

    for at, room in ((0, 60), (30, 0), (60, 0), (75, 15), (90, 15), (119, 29), (300, 60)):
        assert await burst(store, one, NOON + at, room + 4, **asked) == room


async def test_tokens_that_were_not_used_come_back(store: Store) -> None:
    """A settlement mends the minute its request began in: at once, or in the next, where it weighs less."""
    one = level("key:one", Limits(tpm=100))
    asked = [Asking(f"{n}", (one,), NOON + 30, minute=50) for n in range(2)]
    for each in asked:
        assert await admitted(store, each)
    await store.settle(asked[0].settlement(Charge(5, 5)))
    assert [await burst(store, one, NOON + 31, 1, minute=tokens) for tokens in (41, 40)] == [0, 1]

    assert await burst(store, one, NOON + 90, 1, minute=51) == 0  # half of a hundred weighs
    assert await burst(store, one, NOON + 90, 1, minute=40) == 1
    await store.settle(asked[1].settlement(Charge(10, 10)))  # half of seventy weighs
    assert [await burst(store, one, NOON + 90, 1, minute=tokens) for tokens in (26, 25)] == [0, 1]


async def test_settled_in_a_later_minute(store: Store) -> None:
    """A request that takes minutes changes no minute that is not its own."""
    one = level("key:one")
    slow = Asking("slow", (one,), NOON, minute=90)
    await store.reserve(slow.reservation)
    for at, tokens in ((NOON + 65, 7), (NOON + 125, 8)):
        assert await burst(store, one, at, 1, minute=tokens) == 1

    await store.settle(slow.settlement(Charge(10)))

    found = await account(store)
    assert (found.minute, found.minute_before, found.tokens) == (8, 7, 10)


async def test_who_comes_late_counts_now(store: Store) -> None:
    """A request by a clock that is behind counts in the account's present minute, day and month."""
    one = level("key:one", Limits(rpm=3))
    assert await burst(store, one, DECEMBER + 0.5, 2) == 2

    late = Asking("late", (one,), DECEMBER - 1.5, nanos=10)
    assert await admitted(store, late)
    assert await burst(store, one, DECEMBER - 1, 2) == 0

    found = await account(store)
    assert (found.window, found.requests, found.requests_before) == (DECEMBER // 60, 3, 0)
    assert (found.day, found.month, found.day_held, found.month_held) == ("2026-12-01", "2026-12", 10, 10)
    await store.settle(late.settlement(Charge(1, nanos=7)))
    found = await account(store)
    assert (found.minute, found.day_nanos, found.month_nanos, found.day_held) == (1, 7, 7, 7)


@pytest.mark.parametrize(("edge", "limit"), [(MIDNIGHT, "day"), (DECEMBER, "month")])
async def test_money_of_a_day_and_of_a_month(store: Store, edge: float, limit: str) -> None:
    """What is spent or held counts in the day and month it was asked in, and the next begins at nothing."""
    levels = (level("key:one", Limits(day=100) if limit == "day" else Limits(month=100)), level("gateway"))
    before = [Asking(f"{n}", levels, edge - 1, nanos=50) for n in range(2)]
    for each in before:
        assert await admitted(store, each)
    await store.settle(before[0].settlement(Charge(nanos=50)))
    with pytest.raises(LimitRefused) as refused:
        await store.reserve(Asking("more", levels, edge - 0.5, nanos=1).reservation)
    assert (refused.value.denial.limit, refused.value.denial.retry_after) == (limit, 0.5)

    after = Asking("after", levels, edge, nanos=100)
    assert await admitted(store, after)
    await store.settle(before[1].settlement(Charge(nanos=40)))
    with pytest.raises(LimitRefused):
        await store.reserve(Asking("more", levels, edge, nanos=1).reservation)
    await store.settle(after.settlement(Charge(nanos=99)))

    for found in await store.accounts("key:one", "gateway"):
        assert (found.nanos, found.nanos_held) == (189, 189)
        assert (found.day_nanos, found.day_held) == (99, 99)
    assert await admitted(store, Asking("last", levels, edge, nanos=1))


async def settled(store: Store, name: str, levels: tuple[Level, ...], used: int, at: float = NOON) -> SettlementResult:
    """A request that used so many tokens and nano-dollars, whatever there was room for."""
    asked = Asking(name, levels, at)
    await store.reserve(Asking(name, tuple(level(each.account) for each in levels), at).reservation)
    return await store.settle(asked.settlement(Charge(used, 0, used), alert=alerted))


def told(done: SettlementResult) -> list[tuple[str, str, int]]:
    return [(each.account, each.usage.limit, each.percent) for each in done.crossings]


async def test_marks_are_told_once(store: Store) -> None:
    """The settlement that reaches 80 or 100 per cent says so, at each level, and writes their documents."""
    levels = (level("key:one", Limits(tokens=100)), level("owner:me", Limits(credits=1_000)))
    seen = []
    for n, used in enumerate((79, 1, 19, 1, 700, 50, 1_000)):
        before = len(await store.query("alerts"))
        done = await settled(store, f"{n}", levels[1:] if n > 3 else levels, used)
        seen.append(told(done))
        assert len(await store.query("alerts")) == before + len(done.crossings)

    assert seen == [
        [],
        [("key:one", "tokens", 80)],
        [],
        [("key:one", "tokens", 100)],
        [("owner:me", "credits", 80)],
        [],
        [("owner:me", "credits", 100)],
    ]
    assert {each.key.id: each.body for each in await store.query("alerts")} == {
        "key:one/tokens//80": {"used": 80, "most": 100},
        "key:one/tokens//100": {"used": 100, "most": 100},
        "owner:me/credits//80": {"used": 800, "most": 1_000},
        "owner:me/credits//100": {"used": 1_850, "most": 1_000},
    }


async def test_both_marks_of_all_limits_at_once(store: Store) -> None:
    """One settlement may pass every mark of every lasting limit, and of no other."""
    limits = Limits(rpm=9, tpm=9, parallel=9, tokens=5, credits=5, day=5, month=5)
    one = (level("key:one", limits),)

    done = await settled(store, "one", one, 6)

    names = ("tokens", "credits", "day", "month")
    assert told(done) == [("key:one", name, percent) for name in names for percent in (80, 100)]
    assert [each.usage.period for each in done.crossings[::2]] == ["", "", "2026-11-22", "2026-11"]
    assert len(await store.query("alerts")) == 8
    assert told(await settled(store, "two", one, 0)) == []


async def test_what_is_reserved_passes_no_mark(store: Store) -> None:
    """Marks are passed by what was used: not by what is held, nor by a settlement that comes again."""
    one = (level("key:one", Limits(tokens=100)),)
    asked = Asking("one", one, tokens=100)
    await store.reserve(asked.reservation)
    assert (await store.settle(asked.settlement(Charge(79), alert=alerted))).crossings == ()

    again = await store.settle(asked.settlement(Charge(100), alert=alerted))

    assert (again.applied, again.crossings) == (False, ())
    assert await store.query("alerts") == []


async def test_a_new_day_has_marks_of_its_own(store: Store) -> None:
    """Marks of a day are passed anew on the next one; what is charged to the day before passes none."""
    one = (level("key:one", Limits(day=10, month=100)),)
    slow = Asking("slow", one, MIDNIGHT - 1, nanos=0)
    await store.reserve(slow.reservation)
    seen = [told(await settled(store, f"{at}", one, 10, at)) for at in (MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1)]
    seen.append(told(await store.settle(slow.settlement(Charge(nanos=55), alert=alerted))))

    both = [("key:one", "day", 80), ("key:one", "day", 100)]
    assert seen == [both, both, [], [("key:one", "month", 80)]]
    assert [each.key.id for each in await store.query("alerts")] == [
        "key:one/day/2026-11-22/100",
        "key:one/day/2026-11-22/80",
        "key:one/day/2026-11-23/100",
        "key:one/day/2026-11-23/80",
        "key:one/month/2026-11/80",
    ]


async def test_marks_are_told_once_in_a_crowd(store: Store) -> None:
    """Of forty who settle at once exactly one reports each mark, also where each of them could be it."""
    levels = (level("key:one", Limits(tokens=100)), level("gateway", Limits(credits=60)))

    done = await asyncio.gather(*(settled(store, f"{n}", levels, 3) for n in range(40)))

    assert sorted(mark for each in done for mark in told(each)) == [
        ("gateway", "credits", 80),
        ("gateway", "credits", 100),
        ("key:one", "tokens", 80),
        ("key:one", "tokens", 100),
    ]
    used = {each.key.id: each.body["used"] for each in await store.query("alerts")}
    assert used == {
        "gateway/credits//80": 48,
        "gateway/credits//100": 60,
        "key:one/tokens//80": 81,
        "key:one/tokens//100": 102,
    }
