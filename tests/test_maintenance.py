"""Maintenance: expired leases, owed settlements and ledger sealing, and steps that fail."""

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
from vaultcore.maintenance import BATCH, PER_PROCESS, LeaseReclaimer, Maintenance, Step
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


class UnavailableStore(MemoryStore):
    """A store whose settlements fail or wait on request."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.unavailable = False
        self.settle_gate: asyncio.Event | None = None

    async def settle(self, settlement: Settlement) -> SettlementResult:
        await asyncio.sleep(0)  # like other stores, it lets other tasks run
        if self.settle_gate is not None:
            await self.settle_gate.wait()
        if self.unavailable:
            raise StoreUnavailable("the store is unavailable")
        return await super().settle(settlement)


def logged_failures(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == LOGGER]


async def test_expired_leases_of_idle_accounts_are_freed(clock: FakeClock) -> None:
    """The reservation of a call that never ended is freed at every level after its lease."""
    store = MemoryStore(clock)
    keys = VirtualKeys(store, SECRETS, clock, lambda: None)
    virtual_key = (await keys.create(key(QUOTA, owner="acme"), "r0")).key
    caller = Caller(virtual_key, policy=LimitPolicy(gateway=QUOTA, owners={"acme": QUOTA}))
    assert [level.account for level in caller.levels] == [account(virtual_key.id), "owner:acme", "gateway"]
    await store.reserve(Reservation("dead", caller.levels, Lease(NOON, NOON + LEASE, tokens=1_000)))
    names = (account(virtual_key.id), owners_account("acme"), GATEWAY)
    maintenance = Maintenance({"leases": LeaseReclaimer(store, keys).reclaim}, Log())

    clock.time += LEASE - 1
    assert await maintenance.run() == []
    assert [each.tokens_held for each in await store.accounts(*names)] == [1_000] * 3
    clock.time += 1
    assert await maintenance.run() == []
    assert [each.tokens_held for each in await store.accounts(*names)] == [0] * 3


async def test_leases_of_all_keys_are_freed(clock: FakeClock) -> None:
    """However many keys there are, revoked keys and the system key included, all leases are freed."""
    store = MemoryStore(clock)
    keys = VirtualKeys(store, SECRETS, clock, lambda: None)
    virtual_keys = [(await keys.create(key(QUOTA), f"r{number}")).key for number in range(BATCH + 20)]
    await keys.revoke(virtual_keys[0].id, "revoking")
    callers = [Caller(), *map(Caller, virtual_keys)]
    for number, caller in enumerate(callers):
        await store.reserve(Reservation(f"d{number}", caller.levels, Lease(NOON, NOON + 1, tokens=10)))
    clock.time += 1

    assert await LeaseReclaimer(store, keys).reclaim() == len(callers)
    assert await LeaseReclaimer(store, keys).reclaim() == 0


async def test_a_failing_step_does_not_stop_others(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each step runs in each pass; a lasting failure is logged once, without details."""
    runs: list[str] = []
    errors: dict[str, Exception] = {
        "one": StoreUnavailable("the store is unavailable"),
        "two": ValueError("sentinel"),
    }

    def step(name: str):  # type: ignore[no-untyped-def]
        async def run() -> None:
            runs.append(name)
            if name in errors:
                raise errors[name]

        return run

    maintenance = Maintenance({name: step(name) for name in ("one", "two", "three")}, Log())
    assert [await maintenance.run() for _ in range(3)] == [["one", "two"]] * 3
    assert runs == ["one", "two", "three"] * 3
    del errors["one"]
    assert await maintenance.run() == ["two"]
    errors["one"] = StoreUnavailable("the store is unavailable")
    assert await maintenance.run() == ["two", "one"]

    steps = [fields["step"] for fields in logged_failures(caplog)]
    assert steps == ["one", "two", "one"]
    assert "sentinel" not in json.dumps(logged_failures(caplog))


async def test_owed_settlements_are_settled_once(clock: FakeClock) -> None:
    """Settlements that the store did not accept are settled once, and their alerts are written."""
    store = UnavailableStore(clock)
    notifications: list[object] = []
    limiter = build_limiter(store, clock, notify=notifications.extend)
    caller = Caller(key(QUOTA))
    store.unavailable = True
    for number in range(20):
        await settle_usage(limiter, clock, caller, f"r{number}", 50)
    store.unavailable = False
    await asyncio.gather(
        *(limiter.settle_owed() for _ in range(5)),
        *(settle_usage(limiter, clock, caller, f"s{n}", 1) for n in "ab"),
    )

    (account_state,) = await store.accounts("key:key_one")
    assert (account_state.tokens, account_state.settled) == (1_002, 22)
    assert len(notifications) == 2
    assert sorted(document.body["percent"] for document in await stored_alerts(store)) == [80, 100]


async def test_a_cancelled_settlement_stays_owed(clock: FakeClock) -> None:
    """A settlement whose task was cancelled is settled by the next task."""
    store = UnavailableStore(clock)
    limiter = build_limiter(store, clock)
    store.unavailable = True
    for name in ("one", "two"):
        await settle_usage(limiter, clock, Caller(key(QUOTA)), name, 50)
    store.unavailable, store.settle_gate = False, asyncio.Event()
    settling = asyncio.create_task(limiter.settle_owed())
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    store.settle_gate = None
    await limiter.settle_owed()

    (account_state,) = await store.accounts("key:key_one")
    assert (account_state.tokens, account_state.settled) == (100, 2)


async def test_the_gateways_maintenance_steps(tmp_path: Path, clock: FakeClock) -> None:
    """One pass of the composed services settles, frees leases and seals; a second one changes nothing."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
    virtual_key = (await services.keys.create(key(QUOTA), "r0")).key
    caller = Caller(virtual_key)
    await settle_usage(services.admission.limiter, clock, caller, "request", 900)
    await services.store.reserve(Reservation("dead", caller.levels, Lease(NOON, NOON + 60, tokens=100)))
    clock.time += 120
    failed_steps = [await services.maintenance.run() for _ in range(2)]
    (account_state,) = await services.store.accounts(account(virtual_key.id))
    seals = await services.store.query(document_types.SEALS)
    (alert,) = await stored_alerts(services.store)  # type: ignore[arg-type]

    assert failed_steps == [[], []]
    assert (account_state.tokens, account_state.tokens_held, account_state.in_flight) == (900, 900, 0)
    assert len(seals) == 1
    assert alert.body["delivered"] is None  # there are no sinks


async def test_other_workers_run_only_their_own_steps(tmp_path: Path) -> None:
    """A process that is not the maintainer settles what it owes, and runs no other step."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
    maintenance = services.maintenance
    ran: list[str] = []

    def counting(name: str) -> Step:
        async def step() -> None:
            ran.append(name)

        return step

    steps = {name: counting(name) for name in maintenance._steps}
    await Maintenance(steps, services.log).run(PER_PROCESS)
    own = list(ran)
    await Maintenance(steps, services.log).run()

    assert own == ["owed"]
    assert ran[1:] == list(maintenance._steps)
