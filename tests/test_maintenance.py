"""Upkeep: what idle accounts get back, what is paid and sealed, and how its steps fail one by one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.admission.limiter_setup import SECRETS, build_limiter, key, settle_usage, stored_alerts
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import build_services
from tests.fakes.provider import FakeProvider
from vaultcore.admission.caller import GATEWAY, Caller, account, owners_account
from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import Reservation
from vaultcore.maintenance import BATCH, LeaseReclaimer, Maintenance
from vaultcore.store import document_types
from vaultcore.store.base import Settlement, SettlementResult
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import LOGGER, Log

pytestmark = pytest.mark.anyio
LEASE = 960.0
QUOTA = Limits(tokens=1_000)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that starts at noon."""
    return FakeClock(NOON)


class Away(MemoryStore):
    """Does nothing while it is told to be away; settling may also be held up."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.away = False
        self.slow: asyncio.Event | None = None

    async def settle(self, settlement: Settlement) -> SettlementResult:
        await asyncio.sleep(0)  # as any other store, it lets others run meanwhile
        if self.slow is not None:
            await self.slow.wait()
        if self.away:
            raise StoreUnavailable("the store is away")
        return await super().settle(settlement)


def troubles(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == LOGGER]


async def test_an_idle_owner_gets_back_what_a_dead_function_held(clock: FakeClock) -> None:
    """Whoever died with a reservation gives it back at every level, also where nobody ever asks again."""
    store = MemoryStore(clock)
    keys = VirtualKeys(store, SECRETS, clock, lambda: None)
    made = (await keys.create(key(QUOTA, owner="acme"), "r0")).key
    caller = Caller(made, policy=LimitPolicy(gateway=QUOTA, owners={"acme": QUOTA}))
    assert [level.account for level in caller.levels] == [account(made.id), "owner:acme", "gateway"]
    await store.reserve(Reservation("dead", caller.levels, Lease(NOON, NOON + LEASE, tokens=1_000)))
    names = (account(made.id), owners_account("acme"), GATEWAY)
    upkeep = Maintenance({"leases": LeaseReclaimer(store, keys).reclaim}, Log())

    clock.time += LEASE - 1
    assert await upkeep.run() == []
    assert [each.tokens_held for each in await store.accounts(*names)] == [1_000] * 3
    clock.time += 1
    assert await upkeep.run() == []
    assert [each.tokens_held for each in await store.accounts(*names)] == [0] * 3


async def test_every_account_is_looked_after(clock: FakeClock) -> None:
    """However many keys there are, revoked and system ones included, none keeps what a lease held."""
    store = MemoryStore(clock)
    keys = VirtualKeys(store, SECRETS, clock, lambda: None)
    made = [(await keys.create(key(QUOTA), f"r{number}")).key for number in range(BATCH + 20)]
    await keys.revoke(made[0].id, "revoking")
    callers = [Caller(), *map(Caller, made)]
    for number, caller in enumerate(callers):
        await store.reserve(Reservation(f"d{number}", caller.levels, Lease(NOON, NOON + 1, tokens=10)))
    clock.time += 1

    assert await LeaseReclaimer(store, keys).reclaim() == len(callers)
    assert await LeaseReclaimer(store, keys).reclaim() == 0


async def test_a_failing_step_stops_no_other(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Each step of each pass runs; the log hears of a trouble once while it lasts, and names no detail."""
    ran: list[str] = []
    wrong: dict[str, Exception] = {
        "one": StoreUnavailable("the store is away"),
        "two": ValueError("sentinel"),
    }

    def step(name: str):  # type: ignore[no-untyped-def]
        async def run() -> None:
            ran.append(name)
            if name in wrong:
                raise wrong[name]

        return run

    upkeep = Maintenance({name: step(name) for name in ("one", "two", "three")}, Log())
    assert [await upkeep.run() for _ in range(3)] == [["one", "two"]] * 3
    assert ran == ["one", "two", "three"] * 3
    del wrong["one"]
    assert await upkeep.run() == ["two"]
    wrong["one"] = StoreUnavailable("the store is away")
    assert await upkeep.run() == ["two", "one"]

    steps = [fact["step"] for fact in troubles(caplog)]
    assert steps == ["one", "two", "one"]
    assert "sentinel" not in json.dumps(troubles(caplog))


async def test_what_is_owed_is_paid_once(clock: FakeClock) -> None:
    """Settlements that the store would not take are paid by whoever comes first, alerts included."""
    store = Away(clock)
    heard: list[object] = []
    door = build_limiter(store, clock, notify=heard.extend)
    caller = Caller(key(QUOTA))
    store.away = True
    for number in range(20):
        await settle_usage(door, clock, caller, f"r{number}", 50)
    store.away = False
    await asyncio.gather(
        *(door.settle_owed() for _ in range(5)), *(settle_usage(door, clock, caller, f"s{n}", 1) for n in "ab")
    )

    (charged,) = await store.accounts("key:key_one")
    assert (charged.tokens, charged.settled) == (1_002, 22)
    assert len(heard) == 2
    assert sorted(document.body["percent"] for document in await stored_alerts(store)) == [80, 100]


async def test_who_is_stopped_while_paying_still_owes(clock: FakeClock) -> None:
    """A settlement that was on its way when its payer was cancelled is paid by the next one."""
    store = Away(clock)
    door = build_limiter(store, clock)
    store.away = True
    for name in ("one", "two"):
        await settle_usage(door, clock, Caller(key(QUOTA)), name, 50)
    store.away, store.slow = False, asyncio.Event()
    paying = asyncio.create_task(door.settle_owed())
    await asyncio.sleep(0)
    paying.cancel()
    await asyncio.gather(paying, return_exceptions=True)
    store.slow = None
    await door.settle_owed()

    (charged,) = await store.accounts("key:key_one")
    assert (charged.tokens, charged.settled) == (100, 2)


async def test_the_gateway_s_own_upkeep(tmp_path: Path, clock: FakeClock) -> None:
    """As it is put together, a pass pays, gives back and seals; a second one finds nothing to do."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
    made = (await services.keys.create(key(QUOTA), "r0")).key
    caller = Caller(made)
    await settle_usage(services.limiter, clock, caller, "request", 900)
    await services.store.reserve(Reservation("dead", caller.levels, Lease(NOON, NOON + 60, tokens=100)))
    clock.time += 120
    failed = [await services.maintenance.run() for _ in range(2)]
    (charged,) = await services.store.accounts(account(made.id))
    seals = await services.store.query(document_types.SEALS)
    (alert,) = await stored_alerts(services.store)  # type: ignore[arg-type]

    assert failed == [[], []]
    assert (charged.tokens, charged.tokens_held, dict(charged.leases)) == (900, 900, {})
    assert len(seals) == 1
    assert alert.body["delivered"] is None  # nobody listens
