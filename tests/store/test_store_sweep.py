"""Guarantees of every store about expired leases of unused accounts: a sweep releases them."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import DOLLAR, LEASE, NOON, StoreRequest, level
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.money import Nanos
from vaultcore.store.base import Store

pytestmark = pytest.mark.anyio
LIMITS = Limits(tokens=1_000, credits=Nanos(DOLLAR), day=Nanos(DOLLAR), month=Nanos(DOLLAR))
KEY, OWNER = "key:one", "owner:acme"


def request_at(id: str, at: float = NOON) -> StoreRequest:
    return StoreRequest(id, (level(KEY, LIMITS), level(OWNER, LIMITS)), at=at, tokens=100, nanos=DOLLAR // 10)


def held_amounts(account: Account) -> tuple[int, int, int, int, int]:
    return (
        account.tokens_held,
        account.nanos_held,
        account.day_held,
        account.month_held,
        account.in_flight,
    )


async def test_expired_leases_are_released(store: Store, clock: FakeClock) -> None:
    """A lease expires on its second; a sweep releases it at every account and leaves other leases."""
    await store.reserve(request_at("dead").reservation)
    clock.time += 60
    await store.reserve(request_at("alive", clock.time).reservation)

    clock.time = NOON + LEASE - 0.5
    assert await store.sweep(KEY, OWNER) == 0
    clock.time = NOON + LEASE
    assert await store.sweep(KEY) == 1
    assert await store.sweep(OWNER, "gateway", "key:nobody") == 1
    assert await store.sweep(KEY, OWNER) == 0
    for account in await store.accounts(KEY, OWNER):
        assert held_amounts(account) == (100, *[DOLLAR // 10] * 3, 1)


async def test_a_sweep_creates_no_accounts(store: Store) -> None:
    """A sweep creates no accounts."""
    assert await store.sweep("key:nobody") == 0
    assert await store.sweep() == 0
    assert await store.accounts("key:nobody") == [Account()]


async def test_a_lease_of_yesterday_is_released_once(store: Store, clock: FakeClock) -> None:
    """An expired lease of a past day is not subtracted from the next day; usage remains."""
    request = request_at("used")
    await store.reserve(request.reservation)
    await store.settle(request.settlement(Charge(prompt=10, completion=20, nanos=7)))
    await store.reserve(request_at("dead").reservation)
    clock.time += 86_400
    fresh = request_at("fresh", clock.time)
    await store.reserve(fresh.reservation)  # its account gives back by itself, the swept one likewise

    assert await store.sweep(KEY, OWNER) == 0
    (account, _) = await store.accounts(KEY, OWNER)
    assert held_amounts(account) == (130, DOLLAR // 10 + 7, DOLLAR // 10, DOLLAR // 10 + 7, 1)


async def test_a_late_settlement_is_charged_once(store: Store, clock: FakeClock) -> None:
    """A request that settles after a sweep is charged its usage and holds nothing."""
    request = request_at("late")
    await store.reserve(request.reservation)
    clock.time += LEASE + 1
    await store.sweep(KEY, OWNER)
    await store.settle(request.settlement(Charge(prompt=10, completion=20, nanos=7)))
    await store.sweep(KEY, OWNER)

    for account in await store.accounts(KEY, OWNER):
        assert held_amounts(account) == (30, 7, 7, 7, 0)
        assert account.tokens == 30


async def test_sweeping_and_settling_at_once(store: Store, clock: FakeClock) -> None:
    """In any order of sweeps and settlements, accounts end with the usage."""
    requests = [request_at(f"{n}") for n in range(10)]
    for each in requests:
        await store.reserve(each.reservation)
    clock.time += LEASE
    await asyncio.gather(
        *(store.settle(each.settlement(Charge(prompt=1, nanos=3))) for each in requests),
        *(store.sweep(KEY, OWNER) for _ in range(5)),
    )

    for account in await store.accounts(KEY, OWNER):
        assert held_amounts(account) == (10, 30, 30, 30, 0)
