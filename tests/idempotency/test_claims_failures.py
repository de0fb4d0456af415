"""Claims if the store fails, and if requests are cancelled."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.idempotency.claims_setup import LEASE, FaultyStore, build_claims, run_pending_tasks
from vaultcore.errors import IdempotencyConflict, StoreUnavailable
from vaultcore.idempotency.claims import Claim, Claims, Replay

pytestmark = pytest.mark.anyio
REQUEST = b"request"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FaultyStore:
    return FaultyStore(clock)


@pytest.fixture
def claims(store: FaultyStore, clock: FakeClock) -> Claims:
    return build_claims(store, clock)


async def begin_claim(claims: Claims) -> Claim:
    claim = await claims.begin("key_1", "k", REQUEST)
    assert isinstance(claim, Claim)
    return claim


async def test_an_unavailable_store_grants_no_claim(claims: Claims, store: FaultyStore) -> None:
    """If the store is unavailable no request is run, since it might be run and charged twice."""
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await begin_claim(claims)
    await run_pending_tasks()

    store.unavailable = False
    await begin_claim(claims)


async def test_a_response_that_cannot_be_stored(claims: Claims, store: FaultyStore, clock: FakeClock) -> None:
    """Finishing a claim does not fail if the store does; after the lease one retry runs."""
    claim = await begin_claim(claims)
    store.unavailable = True
    await claims.finish(claim, 200, {}, b"answer")
    await claims.release(claim)
    store.unavailable = False

    with pytest.raises(IdempotencyConflict):
        await begin_claim(claims)
    clock.time += LEASE
    outcomes = await asyncio.gather(*(begin_claim(claims) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(each, Claim) for each in outcomes) == 1


async def test_a_claim_written_by_a_failed_call_is_released(claims: Claims, store: FaultyStore) -> None:
    """A claim that was written although the call failed is released."""
    store.fails_after_write = True
    with pytest.raises(StoreUnavailable):
        await begin_claim(claims)
    store.fails_after_write = False
    await run_pending_tasks()

    assert (await begin_claim(claims)).version == 3


async def test_another_requests_claim_is_not_released(claims: Claims, store: FaultyStore) -> None:
    """A request that does not know whether it has a claim does not release another's."""
    await begin_claim(claims)
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await begin_claim(claims)
    store.unavailable = False
    await run_pending_tasks()

    with pytest.raises(IdempotencyConflict):
        await begin_claim(claims)


async def test_a_write_repeated_in_transit_is_accepted(claims: Claims, store: FaultyStore) -> None:
    """A write that a client library repeats does not conflict with itself."""
    store.writes_twice = True
    claim = await begin_claim(claims)
    await claims.finish(claim, 200, {}, b"answer")

    assert await claims.begin("key_1", "k", REQUEST) == Replay(200, {}, b"answer")


@pytest.mark.parametrize("end", ["finish", "release"])
async def test_ending_a_claim_survives_a_cancellation(claims: Claims, store: FaultyStore, end: str) -> None:
    """If the request is cancelled while its claim ends, the claim still ends."""
    claim = await begin_claim(claims)
    store.write_gate = asyncio.Event()
    end_task = asyncio.ensure_future(
        claims.finish(claim, 200, {}, b"answer") if end == "finish" else claims.release(claim)
    )
    await run_pending_tasks()
    end_task.cancel()
    await asyncio.wait({end_task})
    store.write_gate.set()
    await run_pending_tasks()

    assert end_task.cancelled()
    outcome = await claims.begin("key_1", "k", REQUEST)
    assert isinstance(outcome, Replay if end == "finish" else Claim)


async def test_a_cancelled_begin_releases_its_claim(claims: Claims, store: FaultyStore) -> None:
    """A request that is cancelled while it claims its key does not block others."""
    store.write_gate = asyncio.Event()
    begin_task = asyncio.ensure_future(begin_claim(claims))
    await run_pending_tasks()
    begin_task.cancel()
    await asyncio.wait({begin_task})
    store.write_gate.set()
    await run_pending_tasks()

    await begin_claim(claims)
