"""What every store promises of leases whose time is up where nobody asks any more: they are given back."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.store.traffic import DOLLAR, LEASE, NOON, Asking, level
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.limits import Limits
from vaultcore.money import Nanos
from vaultcore.store.base import Store

pytestmark = pytest.mark.anyio
LIMITS = Limits(tokens=1_000, credits=Nanos(DOLLAR), day=Nanos(DOLLAR), month=Nanos(DOLLAR))
KEY, OWNER = "key:one", "owner:acme"


def asking(id: str, at: float = NOON) -> Asking:
    return Asking(id, (level(KEY, LIMITS), level(OWNER, LIMITS)), at=at, tokens=100, nanos=DOLLAR // 10)


def held(account: Account) -> tuple[int, int, int, int, int]:
    return (
        account.tokens_held,
        account.nanos_held,
        account.day_held,
        account.month_held,
        len(account.leases),
    )


async def test_what_is_over_is_given_back(store: Store, clock: FakeClock) -> None:
    """A lease ends on its second, at every account that is swept, and what it held is free; others stand."""
    await store.reserve(asking("dead").reservation)
    clock.time += 60
    await store.reserve(asking("alive", clock.time).reservation)

    clock.time = NOON + LEASE - 0.5
    assert await store.sweep(KEY, OWNER) == 0
    clock.time = NOON + LEASE
    assert await store.sweep(KEY) == 1
    assert await store.sweep(OWNER, "gateway", "key:nobody") == 1
    assert await store.sweep(KEY, OWNER) == 0
    for account in await store.accounts(KEY, OWNER):
        assert list(account.leases) == ["alive"]
        assert held(account) == (100, *[DOLLAR // 10] * 3, 1)


async def test_an_account_of_nobody_stays_new(store: Store) -> None:
    """Sweeping makes no accounts."""
    assert await store.sweep("key:nobody") == 0
    assert await store.sweep() == 0
    assert await store.accounts("key:nobody") == [Account()]


async def test_a_day_later_nothing_is_given_back_twice(store: Store, clock: FakeClock) -> None:
    """What a lease held of a day that is over is not taken off the next one; what was used stays used."""
    asked = asking("used")
    await store.reserve(asked.reservation)
    await store.settle(asked.settlement(Charge(prompt=10, completion=20, nanos=7)))
    await store.reserve(asking("dead").reservation)
    clock.time += 86_400
    fresh = asking("fresh", clock.time)
    await store.reserve(fresh.reservation)  # its account gives back by itself, the swept one likewise

    assert await store.sweep(KEY, OWNER) == 0
    (account, _) = await store.accounts(KEY, OWNER)
    assert held(account) == (130, DOLLAR // 10 + 7, DOLLAR // 10, DOLLAR // 10 + 7, 1)


async def test_who_is_late_is_charged_once(store: Store, clock: FakeClock) -> None:
    """A request that ends after it was swept is charged what it used, and holds nothing."""
    asked = asking("late")
    await store.reserve(asked.reservation)
    clock.time += LEASE + 1
    await store.sweep(KEY, OWNER)
    await store.settle(asked.settlement(Charge(prompt=10, completion=20, nanos=7)))
    await store.sweep(KEY, OWNER)

    for account in await store.accounts(KEY, OWNER):
        assert held(account) == (30, 7, 7, 7, 0)
        assert account.tokens == 30


async def test_sweeping_and_settling_at_once(store: Store, clock: FakeClock) -> None:
    """However sweeps and settlements meet, accounts end at what was used."""
    asked = [asking(f"{n}") for n in range(10)]
    for each in asked:
        await store.reserve(each.reservation)
    clock.time += LEASE
    await asyncio.gather(
        *(store.settle(each.settlement(Charge(prompt=1, nanos=3))) for each in asked),
        *(store.sweep(KEY, OWNER) for _ in range(5)),
    )

    for account in await store.accounts(KEY, OWNER):
        assert held(account) == (10, 30, 30, 30, 0)
