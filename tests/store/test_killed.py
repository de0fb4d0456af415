"""A process that is killed takes nothing with it: what it held comes back, what it had settled stays."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from tests.fakes.clock import FakeClock
from tests.store.worker import Order, askings
from tests.store.conftest import SHARED, Place
from tests.store.workers import Member
from tests.store.traffic import LEASE, NOON, Asking
from vaultcore.limits.account import Account, Charge
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import DocumentKey, Store

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("place", SHARED, indirect=True)]
LIMITS = {"tokens": 100, "credits": 100, "parallel": 1, "rpm": 100}
LEVELS = [["key:one", LIMITS], ["gateway", {"month": 100}]]
ORDER: Order = {
    "do": "walk",
    "at": NOON,
    "levels": LEVELS,
    "shelf": "log/today",
    "asked": [["one", 100, 100, 100]],
    "used": {"one": [10, 20, 30]},
}


def held(account: Account) -> tuple[int, int, int, int, int]:
    return (
        account.tokens_held,
        account.nanos_held,
        account.day_held,
        account.month_held,
        len(account.leases),
    )


async def fits(store: Store, asked: Asking) -> bool:
    try:
        await store.reserve(asked.reservation)
    except LimitRefused:
        return False
    return True


@pytest.mark.parametrize("point", ["admitted", "answering", "answered", "settled"])
async def test_killed_at_a_point(place: Place, clock: FakeClock, point: str) -> None:
    """Wherever a request dies, what it held is free after its lease, and it is charged once if told twice."""
    store = place.store
    async with place.member() as member:
        await member.order({**ORDER, "stop": point})
        while (told := await member.hear()) != [point]:
            assert told == ["produced", "one"]
        await member.kill()
        assert await member.hear() is None
    (asked,) = askings(ORDER)
    settled = point == "settled"
    accounts = await store.accounts("key:one", "gateway")
    assert [held(each) for each in accounts] == [
        (30, 30, 30, 30, 0) if settled else (100, 100, 100, 100, 1)
    ] * 2

    clock.time = NOON + LEASE - 0.001
    rest = Asking("rest", asked.levels, clock.time, 70, 0, 70)
    assert await fits(store, rest) is settled
    if settled:
        await store.settle(rest.settlement())
    clock.time = NOON + LEASE
    fill = Asking("fill", asked.levels, clock.time, 70 if settled else 100, 0, 70 if settled else 100)
    assert await fits(store, fill)
    await store.settle(fill.settlement())

    again = [await store.settle(asked.settlement(Charge(10, 20, 30))) for _ in range(2)]
    assert [each.applied for each in again] == [not settled, False]
    for each in await store.accounts("key:one", "gateway"):
        assert held(each) == (30, 30, 30, 30, 0)
        assert (each.prompt, each.completion, each.nanos) == (10, 20, 30)
    sums, record = await store.get(asked.sums, asked.settlement().record.key)
    assert sums is not None
    assert sums.body == {"requests": 1, "prompt": 10, "completion": 20, "nanos": 30}
    assert record is not None


CHURN: Order = {"do": "churn", "at": NOON, "levels": [["key:one", {}], ["gateway", {}]], "shelf": "log/today"}


async def churned(member: Member, name: str, patience: int) -> tuple[dict[str, list[int]], set[str]]:
    """What a process has produced and settled, by its own word, that was killed after so many words."""
    produced: dict[str, list[int]] = {}
    settled: set[str] = set()
    await member.order({**CHURN, "name": name})
    while (told := await member.hear()) is not None:
        kind, asked, *used = told
        if kind == "produced":
            produced[asked] = used
        else:
            settled.add(asked)
        patience -= 1
        if patience == 0:
            await member.kill()
    return produced, settled


async def recorded(store: Store) -> dict[str, list[int]]:
    found = await store.query("log/today", limit=100_000)
    return {
        each.key.id: [each.body["prompt"], each.body["completion"], each.body["nanos"]] for each in found
    }


async def check(store: Store, records: dict[str, list[int]]) -> None:
    """That sums and accounts are what the records say."""
    prompt, completion, nanos = (sum(each[n] for each in records.values()) for n in range(3))
    (sums,) = await store.get(DocumentKey("sums", "log/today"))
    assert sums is not None
    assert sums.body == {"requests": len(records), "prompt": prompt, "completion": completion, "nanos": nanos}
    for account in await store.accounts("key:one", "gateway"):
        assert (account.settled, account.prompt, account.completion) == (len(records), prompt, completion)
        assert (account.tokens, account.nanos) == (prompt + completion, nanos)
        leases = 10 * len(account.leases)
        assert held(account)[:3] == (account.tokens + leases, nanos + leases, nanos + leases)


async def test_killed_at_any_moment(place: Place, clock: FakeClock) -> None:
    """Whenever processes are killed, every settlement is whole or not there, and can be made up for."""
    store, chance = place.store, Random(7)
    produced: dict[str, list[int]] = {}
    for crash in range(3):
        async with place.member() as one, place.member() as two:
            both = {f"{crash}-one": one, f"{crash}-two": two}
            told = [churned(member, name, chance.randint(1, 150)) for name, member in both.items()]
            for made, settled in await asyncio.gather(*told):
                produced |= made
                assert settled <= set(await recorded(store))
        records = await recorded(store)
        assert all(produced[name] == used for name, used in records.items())
        await check(store, records)

    clock.time = NOON + LEASE
    levels = askings({**CHURN, "asked": [["", 0, 0, 0]]})[0].levels
    (after, gateway) = await store.reserve(Asking("after", levels, clock.time, 10, 10, 10).reservation)
    assert list(after.leases) == list(gateway.leases) == ["after"]
    lost = {name: used for name, used in produced.items() if name not in records}
    for asked in askings({**CHURN, "asked": [[name, 10, 10, 10] for name in produced]}):
        assert (await store.settle(asked.settlement(Charge(*produced[asked.id])))).applied is (asked.id in lost)
    await check(store, produced)
