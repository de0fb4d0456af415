"""Settlements that no response waits for, and those whose client has gone: each is applied once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.admission.limiter_setup import build_limiter, key, settle_usage
from tests.fakes.clock import NOON, FakeClock
from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.call import Call
from vaultcore.limits.account import Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.store.base import Store
from vaultcore.store.error_counting_store import CountedStore
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.usage.request_estimate import RequestEstimate

pytestmark = pytest.mark.anyio
LIMITED = Caller(key(Limits(rpm=10)))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture(params=["memory", "sqlite", "counted"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    store: Store = MemoryStore(clock)
    if request.param != "memory":
        store = SQLiteStore(tmp_path / "state.db", clock)
        await store.accounts("key:one")  # opens the file
    yield CountedStore(store, lambda _: None) if request.param == "counted" else store
    await store.aclose()


def grant(caller: Caller) -> Grant:
    lease = Lease(NOON, NOON + 960.0)
    return Grant(caller, RequestEstimate(0, 0, 0), caller.levels, lease, is_reserved=caller.has_limit)


def call(id: str) -> Call:
    return Call(id, {"model": "m", "messages": []}, NOON, RetryPolicy())


@pytest.mark.parametrize(
    ("caller", "is_awaited"),
    [
        (Caller(), False),
        (Caller(key(Limits())), False),
        (LIMITED, True),
        (Caller(key(Limits(), owner="acme"), policy=LimitPolicy(owners={"acme": Limits(tpm=9)})), True),
        (Caller(policy=LimitPolicy(gateway=Limits(parallel=9))), True),
    ],
)
def test_only_what_nothing_limits_is_settled_behind(
    clock: FakeClock, caller: Caller, is_awaited: bool
) -> None:
    """A limit at any level lets the response wait; so does a deployment that may end at any time."""
    limiter = build_limiter(MemoryStore(clock), clock)
    assert limiter.is_awaited(grant(caller))

    limiter.settles_behind = True
    assert limiter.is_awaited(grant(caller)) is is_awaited


async def test_a_flush_waits_for_what_was_begun(store: Store, clock: FakeClock) -> None:
    """After a flush, every settlement that was begun has its record and its charge."""
    limiter = build_limiter(store, clock)
    limiter.settles_behind = True
    pending = [limiter.begin_settlement(grant(Caller()), call(f"{n}"), 200) for n in range(20)]

    await limiter.owed.flush()

    assert all(each.is_done for each in pending)
    (account,) = await store.accounts("key:system")
    assert account.settled == 20


async def test_a_client_that_has_gone_is_charged(store: Store, clock: FakeClock) -> None:
    """A task that is cancelled while it waits leaves its settlement running; another one can wait for it."""
    limiter = build_limiter(store, clock)
    pending = limiter.begin_settlement(grant(LIMITED), call("one"), 200)
    waiting = asyncio.create_task(pending.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})

    await pending.wait()

    (account,) = await store.accounts("key:key_one")
    assert account.settled == 1


async def test_a_closed_store_owes(tmp_path: Path, clock: FakeClock) -> None:
    """A settlement that the store does not accept is owed, as one that a response waits for."""
    store = SQLiteStore(tmp_path / "state.db", clock)
    limiter = build_limiter(store, clock)
    limiter.settles_behind = True
    await settle_usage(limiter, clock, LIMITED, "before", 1)
    await store.aclose()

    limiter.begin_settlement(grant(Caller()), call("one"), 200)
    await limiter.owed.flush()

    assert [each.id for each in limiter.owed._owed] == ["one"]
