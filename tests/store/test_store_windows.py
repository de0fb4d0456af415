"""Guarantees of every store over time: windows without a double burst, days, months, thresholds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.store.store_request import NOON, StoreRequest, alert_document, level
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import SettlementResult, Store

pytestmark = pytest.mark.anyio
DAY = 86_400.0
MIDNIGHT = NOON + DAY / 2
DECEMBER = NOON + 8.5 * DAY


async def admitted(store: Store, request: StoreRequest) -> bool:
    try:
        await store.reserve(request.reservation)
    except LimitRefused:
        return False
    return True


async def burst(store: Store, one: Level, at: float, tries: int, **request: int) -> int:
    """Return how many of so many concurrent requests are admitted."""
    every = [
        StoreRequest(f"{at} {request} {n}", (one,), at, until=at + 10_000, **request) for n in range(tries)
    ]
    return sum(await asyncio.gather(*(admitted(store, each) for each in every)))


async def account(store: Store, name: str = "key:one") -> Account:
    (accounts,) = await store.accounts(name)
    return accounts


@pytest.mark.parametrize("kind", ["rpm", "tpm"])
async def test_a_moving_burst(store: Store, kind: str) -> None:
    """After sixty at once, none is admitted until they are sixty seconds old: no double burst."""
    one, request = level("key:one", Limits(rpm=60)), {}
    if kind == "tpm":
        one, request = level("key:one", Limits(tpm=60_000)), {"minute": 1_000}

    for at, room in ((0, 60), (30, 0), (59.9, 0), (61, 60), (90, 0), (300, 60)):
        assert await burst(store, one, NOON + at, room + 4, **request) == room


async def test_unused_tokens_are_released(store: Store) -> None:
    """A settlement corrects the tokens of its request as long as they count."""
    one = level("key:one", Limits(tpm=100))
    requests = [StoreRequest(f"{n}", (one,), NOON + 30, minute=50) for n in range(2)]
    for each in requests:
        assert await admitted(store, each)
    await store.settle(requests[0].settlement(Charge(5, 5)))
    assert [await burst(store, one, NOON + 31, 1, minute=tokens) for tokens in (41, 40)] == [0, 1]

    assert [await burst(store, one, NOON + 91, 1, minute=tokens) for tokens in (61, 60)] == [0, 1]
    await store.settle(requests[1].settlement(Charge(10, 10)))  # it does not count any more
    assert await burst(store, one, NOON + 91, 1, minute=1) == 0


async def test_a_slow_clock_counts_now(store: Store) -> None:
    """A request whose time is a little before the account's day counts in that day, and is settled there."""
    one = level("key:one", Limits(rpm=3))
    assert await burst(store, one, DECEMBER + 0.5, 2) == 2

    late = StoreRequest("late", (one,), DECEMBER - 1.5, nanos=10)
    result = await store.reserve(late.reservation)
    assert result.lease.day == "2026-12-01"
    assert await burst(store, one, DECEMBER - 1, 2) == 0

    accounts = await account(store)
    assert (accounts.requests, accounts.day, accounts.day_held, accounts.month_held) == (
        3,
        "2026-12-01",
        10,
        10,
    )
    await store.settle(replace(late.settlement(Charge(1, nanos=7)), lease=result.lease))
    accounts = await account(store)
    assert (accounts.day_nanos, accounts.month_nanos, accounts.day_held) == (7, 7, 7)


@pytest.mark.parametrize(("edge", "limit"), [(MIDNIGHT, "day"), (DECEMBER, "month")])
async def test_money_of_a_day_and_of_a_month(store: Store, edge: float, limit: str) -> None:
    """Money counts in the day and month of its reservation, and the next period begins at 0."""
    levels = (level("key:one", Limits(day=100) if limit == "day" else Limits(month=100)), level("gateway"))
    before = [StoreRequest(f"{n}", levels, edge - 1, nanos=50) for n in range(2)]
    for each in before:
        assert await admitted(store, each)
    await store.settle(before[0].settlement(Charge(nanos=50)))
    with pytest.raises(LimitRefused) as refused:
        await store.reserve(StoreRequest("more", levels, edge - 0.5, nanos=1).reservation)
    assert (refused.value.denial.limit, refused.value.denial.retry_after) == (limit, 0.5)

    after = StoreRequest("after", levels, edge, nanos=100)
    assert await admitted(store, after)
    await store.settle(before[1].settlement(Charge(nanos=40)))
    with pytest.raises(LimitRefused):
        await store.reserve(StoreRequest("more", levels, edge, nanos=1).reservation)
    await store.settle(after.settlement(Charge(nanos=99)))

    for accounts in await store.accounts("key:one", "gateway"):
        assert (accounts.nanos, accounts.nanos_held) == (189, 189)
        assert (accounts.day_nanos, accounts.day_held) == (99, 99)
    assert await admitted(store, StoreRequest("last", levels, edge, nanos=1))


async def settle_request(
    store: Store, name: str, levels: tuple[Level, ...], used: int, at: float = NOON
) -> SettlementResult:
    """Settle a request that used so many tokens and nano-dollars, without a reservation."""
    request = StoreRequest(name, levels, at)
    await store.reserve(StoreRequest(name, tuple(level(each.account) for each in levels), at).reservation)
    return await store.settle(request.settlement(Charge(used, 0, used), alert=alert_document))


def crossing_tuples(done: SettlementResult) -> list[tuple[str, str, int]]:
    return [(each.account, each.usage.limit, each.percent) for each in done.crossings]


async def test_thresholds_are_reported_once(store: Store) -> None:
    """The settlement that reaches 80 or 100 per cent reports it at each level and writes the alerts."""
    levels = (level("key:one", Limits(tokens=100)), level("owner:me", Limits(credits=1_000)))
    results = []
    for n, used in enumerate((79, 1, 19, 1, 700, 50, 1_000)):
        before = len(await store.query("alerts"))
        done = await settle_request(store, f"{n}", levels[1:] if n > 3 else levels, used)
        results.append(crossing_tuples(done))
        assert len(await store.query("alerts")) == before + len(done.crossings)

    assert results == [
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


async def test_all_thresholds_at_once(store: Store) -> None:
    """One settlement may cross every threshold of every lasting limit, and of no other."""
    limits = Limits(rpm=9, tpm=9, parallel=9, tokens=5, credits=5, day=5, month=5)
    one = (level("key:one", limits),)

    done = await settle_request(store, "one", one, 6)

    names = ("tokens", "credits", "day", "month")
    assert crossing_tuples(done) == [("key:one", name, percent) for name in names for percent in (80, 100)]
    assert [each.usage.period for each in done.crossings[::2]] == ["", "", "2026-11-22", "2026-11"]
    assert len(await store.query("alerts")) == 8
    assert crossing_tuples(await settle_request(store, "two", one, 0)) == []


async def test_reservations_cross_no_threshold(store: Store) -> None:
    """Only usage crosses thresholds: neither reservations nor repeated settlements do."""
    one = (level("key:one", Limits(tokens=100)),)
    request = StoreRequest("one", one, tokens=100)
    await store.reserve(request.reservation)
    assert (await store.settle(request.settlement(Charge(79), alert=alert_document))).crossings == ()

    again = await store.settle(request.settlement(Charge(100), alert=alert_document))

    assert (again.applied, again.crossings) == (False, ())
    assert await store.query("alerts") == []


async def test_a_new_day_has_its_own_thresholds(store: Store) -> None:
    """A day's thresholds are crossed again on the next day; a late charge to the day before crosses none."""
    one = (level("key:one", Limits(day=10, month=100)),)
    slow = StoreRequest("slow", one, MIDNIGHT - 1, nanos=0)
    await store.reserve(slow.reservation)
    results = [
        crossing_tuples(await settle_request(store, f"{at}", one, 10, at))
        for at in (MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1)
    ]
    results.append(
        crossing_tuples(await store.settle(slow.settlement(Charge(nanos=55), alert=alert_document)))
    )

    both = [("key:one", "day", 80), ("key:one", "day", 100)]
    assert results == [both, both, [], [("key:one", "month", 80)]]
    assert [each.key.id for each in await store.query("alerts")] == [
        "key:one/day/2026-11-22/100",
        "key:one/day/2026-11-22/80",
        "key:one/day/2026-11-23/100",
        "key:one/day/2026-11-23/80",
        "key:one/month/2026-11/80",
    ]


async def test_thresholds_are_reported_once_in_a_crowd(store: Store) -> None:
    """Of forty concurrent settlements exactly one reports each threshold."""
    levels = (level("key:one", Limits(tokens=100)), level("gateway", Limits(credits=60)))

    done = await asyncio.gather(*(settle_request(store, f"{n}", levels, 3) for n in range(40)))

    assert sorted(mark for each in done for mark in crossing_tuples(each)) == [
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
