"""Guarantees of every store about accounts: nothing beyond a limit, all levels or none, everything once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.store.store_request import DOLLAR, LEASE, NOON, StoreRequest, level, numbers
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import Store

pytestmark = pytest.mark.anyio
DAY = 86_400.0
FULL: list[tuple[Limits, StoreRequest, float | None]] = [
    (Limits(rpm=2), StoreRequest("", (), at=NOON), 60.0),
    (Limits(tpm=100), StoreRequest("", (), at=NOON, minute=50), 61.0),
    (Limits(parallel=2), StoreRequest("", (), at=NOON), 1.0),
    (Limits(tokens=100), StoreRequest("", (), at=NOON, tokens=50), None),
    (Limits(credits=100), StoreRequest("", (), at=NOON, nanos=50), None),
    (Limits(day=100), StoreRequest("", (), at=NOON, nanos=50), DAY / 2),
    (Limits(month=100), StoreRequest("", (), at=NOON, nanos=50), 8.5 * DAY),
]


def request_like(id: str, *levels: Level, like: StoreRequest) -> StoreRequest:
    return StoreRequest(id, levels, like.at, like.tokens, like.minute, like.nanos)


async def refusal(store: Store, request: StoreRequest) -> LimitRefused | None:
    try:
        await store.reserve(request.reservation)
    except LimitRefused as refused:
        return refused
    return None


async def account(store: Store, name: str = "key:one") -> Account:
    (result,) = await store.accounts(name)
    return result


@pytest.mark.parametrize(("limits", "like", "wait"), FULL, ids=lambda each: getattr(each, "pack", str)())
async def test_a_limit_is_exact(store: Store, limits: Limits, like: StoreRequest, wait: float | None) -> None:
    """Exactly the limit is admitted; a refusal names the limit and when to retry."""
    (name,) = limits.pack()
    one = level("key:one", limits)
    for n in range(2):
        assert await refusal(store, request_like(f"{n}", one, like=like)) is None
    before = await account(store)

    refused = await refusal(store, request_like("third", one, like=like))

    assert refused is not None
    assert (refused.level, refused.denial.limit) == (one, name)
    assert numbers(refused.account) == numbers(before)
    assert refused.denial.retry_after == pytest.approx(wait, abs=1e-5)
    assert numbers(await account(store)) == numbers(before)


@pytest.mark.parametrize(("limits", "like", "wait"), FULL, ids=lambda each: getattr(each, "pack", str)())
async def test_all_levels_or_none(
    store: Store, limits: Limits, like: StoreRequest, wait: float | None
) -> None:
    """A request that one level refuses is reserved at no level, whichever level is full."""
    full, free, other = level("key:full", limits), level("owner:free", Limits(rpm=100)), level("gateway")
    for n in range(2):
        await store.reserve(request_like(f"{n}", full, like=like).reservation)
    names = ("key:full", "owner:free", "gateway")
    before = [numbers(each) for each in await store.accounts(*names)]

    for levels in ((full, free, other), (free, full, other), (free, other, full)):
        refused = await refusal(store, request_like("third", *levels, like=like))

        assert refused is not None
        assert refused.level == full
        assert [numbers(each) for each in await store.accounts(*names)] == before


async def test_the_first_full_level_is_named(store: Store) -> None:
    """If several levels are full, the refusal names the first."""
    key, owner = level("key:one", Limits(tokens=0)), level("owner:me", Limits(credits=0))

    for levels in ((key, owner), (owner, key)):
        refused = await refusal(store, StoreRequest("one", levels, tokens=1, nanos=1))

        assert refused is not None
        assert refused.level == levels[0]


async def test_a_request_beyond_a_limit_has_no_retry_time(store: Store) -> None:
    """A request that exceeds a limit by itself gets no retry time."""
    for limits in (Limits(rpm=0), Limits(tpm=9), Limits(tokens=9), Limits(credits=9), Limits(day=9)):
        refused = await refusal(store, StoreRequest("one", (level("key:one", limits),), NOON, 10, 10, 10))

        assert refused is not None
        assert refused.denial.retry_after is None


async def test_new_accounts(store: Store) -> None:
    """An account that was never used is a new one."""
    assert await store.accounts("key:one", "gateway") == [Account(), Account()]
    assert await store.accounts() == []


async def test_a_reservation_is_held(store: Store) -> None:
    """A reservation counts at every level, in the result and in every later read."""
    levels = (level("key:one", Limits(rpm=9, tpm=99)), level("gateway"))
    request = StoreRequest("one", levels, NOON + 7, tokens=30, minute=20, nanos=10)

    result = await store.reserve(request.reservation)

    assert replace(result.lease, shards=()) == request.lease
    stored = await store.accounts("key:one", "gateway")
    assert [numbers(each) for each in result.accounts] == [numbers(each) for each in stored]
    assert [(each.requests, each.minute) for each in stored] == [
        (1, 20),
        (0, 0),
    ]  # only where they are limited
    for each in stored:
        assert (each.tokens_held, each.nanos_held, each.day_held, each.month_held) == (30, 10, 10, 10)
        assert (each.day, each.month) == ("2026-11-22", "2026-11")
        assert (each.tokens, each.nanos, each.day_nanos, each.month_nanos, each.settled) == (0, 0, 0, 0, 0)
        assert each.in_flight == 1


async def test_settling_replaces_the_reservation(store: Store) -> None:
    """A settlement replaces the reservation at every level and writes the record."""
    limits = Limits(rpm=9, tpm=99, tokens=30, parallel=1)
    levels = (level("key:one", limits), level("gateway", Limits(rpm=9, tpm=99)))
    request = StoreRequest("one", levels, tokens=30, minute=20, nanos=10)
    await store.reserve(request.reservation)

    done = await store.settle(request.settlement(Charge(4, 5, 6)))

    assert (done.applied, done.crossings) == (True, ())
    for each in await store.accounts("key:one", "gateway"):
        assert (each.requests, each.minute, each.in_flight) == (1, 9, 0)
        assert (each.tokens, each.nanos, each.day_nanos, each.month_nanos) == (9, 6, 6, 6)
        assert (each.tokens_held, each.nanos_held, each.day_held, each.month_held) == (9, 6, 6, 6)
        assert (each.settled, each.prompt, each.completion) == (1, 4, 5)
    (record,) = await store.get(request.settlement().record.key)
    assert record is not None
    assert record.body == {"id": "one", "prompt": 4, "completion": 5, "nanos": 6}
    assert await refusal(store, StoreRequest("two", levels, tokens=21)) is None


async def test_a_request_that_failed(store: Store) -> None:
    """A request without usage releases everything but its count towards requests per minute."""
    levels = (level("key:one", Limits(rpm=2, tpm=20, parallel=1, tokens=30, credits=10)),)
    for name in ("one", "two"):
        request = StoreRequest(name, levels, tokens=30, minute=20, nanos=10)
        await store.reserve(request.reservation)
        assert (await store.settle(request.settlement())).applied

    refused = await refusal(store, StoreRequest("three", levels))
    assert refused is not None
    assert refused.denial.limit == "rpm"


async def test_usage_beyond_the_reservation(store: Store) -> None:
    """Usage is charged in full, also beyond the reservation and the limit."""
    levels = (level("key:one", Limits(tokens=30, credits=10)),)
    request = StoreRequest("one", levels, tokens=30, nanos=10)
    await store.reserve(request.reservation)
    await store.settle(request.settlement(Charge(30, 20, 17)))

    after = await account(store)
    assert (after.tokens, after.tokens_held, after.nanos, after.nanos_held) == (50, 50, 17, 17)
    assert await refusal(store, StoreRequest("two", levels, tokens=0)) is not None


async def test_settled_once(store: Store) -> None:
    """A repeated settlement, also concurrent or with other numbers, changes nothing and returns False."""
    request = StoreRequest("one", (level("key:one", Limits(tokens=10)), level("gateway")), tokens=10, nanos=5)
    await store.reserve(request.reservation)

    first = await asyncio.gather(*(store.settle(request.settlement(Charge(4, 5, 3))) for _ in range(8)))
    accounts = [numbers(each) for each in await store.accounts("key:one", "gateway")]
    records = await store.query("log/2026-11-22")
    later = [
        await store.settle(request.settlement(spent)) for spent in (Charge(4, 5, 3), Charge(1, 1, 1), None)
    ]

    assert any(each.applied for each in first)
    assert [(each.applied, each.crossings) for each in later] == [(False, ())] * 3
    assert [numbers(each) for each in await store.accounts("key:one", "gateway")] == accounts
    assert await store.query("log/2026-11-22") == records
    assert accounts[0]["settled"] == 1


async def test_an_expired_lease(store: Store) -> None:
    """An expired lease is released by the first request after it."""
    levels = (level("key:one", Limits(parallel=2, tokens=100, credits=50)), level("gateway"))
    for name in ("one", "two"):
        await store.reserve(StoreRequest(name, levels, tokens=50, nanos=25, until=NOON + 100).reservation)
    request = StoreRequest("three", levels, NOON + 99.999, tokens=100, nanos=50)
    assert await refusal(store, request) is not None

    result = await store.reserve(StoreRequest("three", levels, NOON + 100, tokens=100, nanos=50).reservation)

    for each in result.accounts:
        assert each.in_flight == 1
        assert (each.tokens_held, each.nanos_held, each.day_held, each.month_held) == (100, 50, 50, 50)


@pytest.mark.parametrize("given_back", [False, True])
async def test_settled_after_its_lease(store: Store, given_back: bool) -> None:
    """A request whose lease has expired is charged once, released or not."""
    limits = Limits(tpm=999, tokens=100, credits=50, day=50, month=50)
    levels = (level("key:one", limits), level("gateway", Limits(tpm=999)))
    late = StoreRequest("late", levels, tokens=60, minute=60, nanos=30, until=NOON + 10)
    await store.reserve(late.reservation)
    if given_back:
        await store.reserve(
            StoreRequest("next", levels, NOON + 20, tokens=10, minute=10, nanos=5).reservation
        )

    done = [await store.settle(late.settlement(Charge(40, 1, 21))) for _ in range(2)]

    assert [each.applied for each in done] == [True, False]
    reserved = {"next": (10, 5)} if given_back else {}
    for each in await store.accounts("key:one", "gateway"):
        assert each.in_flight == len(reserved)
        assert (each.tokens, each.nanos, each.day_nanos, each.month_nanos) == (41, 21, 21, 21)
        tokens, nanos = reserved.get("next", (0, 0))
        assert (each.tokens_held, each.nanos_held) == (41 + tokens, 21 + nanos)
        assert (each.day_held, each.month_held) == (21 + nanos, 21 + nanos)
        assert each.minute == 41 + tokens
        assert each.settled == 1


async def test_settled_without_a_reservation(store: Store) -> None:
    """Without a reservation, usage is counted nevertheless."""
    request = StoreRequest("one", (level("key:new"), level("gateway")))

    assert (await store.settle(request.settlement(Charge(1, 2, DOLLAR)))).applied

    for each in await store.accounts("key:new", "gateway"):
        assert (each.tokens, each.tokens_held, each.nanos, each.nanos_held) == (3, 3, DOLLAR, DOLLAR)
        assert (each.settled, each.prompt, each.completion, each.in_flight) == (1, 1, 2, 0)


async def test_changed_limits_apply_at_once(store: Store) -> None:
    """A changed limit applies from the next request, including earlier usage."""
    request = StoreRequest("one", (level("key:one", Limits(tokens=10)),), tokens=10)
    await store.reserve(request.reservation)
    await store.settle(request.settlement(Charge(10)))

    assert await refusal(store, StoreRequest("two", request.levels, tokens=1)) is not None
    assert await refusal(store, StoreRequest("two", (level("key:one", Limits(tokens=12)),), tokens=2)) is None
    assert await refusal(store, StoreRequest("three", (level("key:one", Limits(tokens=5)),))) is not None
    assert await refusal(store, StoreRequest("three", (level("key:one"),), tokens=10**9)) is None


async def test_many_leases(store: Store) -> None:
    """An account holds many leases at once and releases all of them when they expire."""
    one = level("key:one", Limits(parallel=150, tokens=100_000))
    requests = [StoreRequest(f"{n:04}", (one,), until=NOON + LEASE, tokens=n) for n in range(160)]

    refused = await asyncio.gather(*(refusal(store, each) for each in requests))

    assert sum(each is not None for each in refused) == 10
    current = await account(store)
    admitted = [each for each, no in zip(requests, refused, strict=True) if no is None]
    assert current.tokens_held == sum(each.tokens for each in admitted)
    assert current.in_flight == len(admitted)
    all_of_it = StoreRequest("last", (one,), NOON + LEASE, tokens=100_000)
    (after,) = (await store.reserve(all_of_it.reservation)).accounts
    assert (after.in_flight, after.tokens_held) == (1, 100_000)
