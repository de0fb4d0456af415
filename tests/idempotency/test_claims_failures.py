"""Claims where the store is in trouble, and where requests are cancelled."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.idempotency.claiming import LEASE, TroubledStore, claims, settled
from vaultcore.errors import IdempotencyConflict, StoreUnavailable
from vaultcore.idempotency.claims import Claim, Claims, Replay

pytestmark = pytest.mark.anyio
ASKED = b"asked"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> TroubledStore:
    return TroubledStore(clock)


@pytest.fixture
def shop(store: TroubledStore, clock: FakeClock) -> Claims:
    return claims(store, clock)


async def began(shop: Claims) -> Claim:
    claim = await shop.begin("key_1", "k", ASKED)
    assert isinstance(claim, Claim)
    return claim


async def test_no_claim_without_a_store(shop: Claims, store: TroubledStore) -> None:
    """Where the store is away nobody has a claim: running twice would be charging twice."""
    store.away = True
    with pytest.raises(StoreUnavailable):
        await began(shop)
    await settled()

    store.away = False
    await began(shop)


async def test_an_answer_that_could_not_be_kept(shop: Claims, store: TroubledStore, clock: FakeClock) -> None:
    """A store that goes away before the answer is kept fails nobody; after the lease one retry runs."""
    claim = await began(shop)
    store.away = True
    await shop.finish(claim, 200, {}, b"answer")
    await shop.release(claim)
    store.away = False

    with pytest.raises(IdempotencyConflict):
        await began(shop)
    clock.time += LEASE
    outcomes = await asyncio.gather(*(began(shop) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(each, Claim) for each in outcomes) == 1


async def test_a_claim_that_nobody_was_told_of(shop: Claims, store: TroubledStore) -> None:
    """A claim that was written although the store did not answer is given back, for nobody holds it."""
    store.mute = True
    with pytest.raises(StoreUnavailable):
        await began(shop)
    store.mute = False
    await settled()

    assert (await began(shop)).version == 3


async def test_somebody_elses_claim_is_not_given_back(shop: Claims, store: TroubledStore) -> None:
    """Who does not know whether it has a claim leaves another's alone."""
    await began(shop)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await began(shop)
    store.away = False
    await settled()

    with pytest.raises(IdempotencyConflict):
        await began(shop)


async def test_a_claim_sent_twice_is_ones_own(shop: Claims, store: TroubledStore) -> None:
    """A write that a client library repeats does not lock its own sender out."""
    store.doubled = True
    claim = await began(shop)
    await shop.finish(claim, 200, {}, b"answer")

    assert await shop.begin("key_1", "k", ASKED) == Replay(200, {}, b"answer")


@pytest.mark.parametrize("end", ["finish", "release"])
async def test_an_end_is_written_to_its_end(shop: Claims, store: TroubledStore, end: str) -> None:
    """A request that is cancelled while its claim ends is cancelled, and its claim ends."""
    claim = await began(shop)
    store.slow = asyncio.Event()
    ending = asyncio.ensure_future(
        shop.finish(claim, 200, {}, b"answer") if end == "finish" else shop.release(claim)
    )
    await settled()
    ending.cancel()
    await asyncio.wait({ending})
    store.slow.set()
    await settled()

    assert ending.cancelled()
    outcome = await shop.begin("key_1", "k", ASKED)
    assert isinstance(outcome, Replay if end == "finish" else Claim)


async def test_a_claim_cancelled_in_the_making(shop: Claims, store: TroubledStore) -> None:
    """A request that is cancelled while it claims its key holds nobody up."""
    store.slow = asyncio.Event()
    beginning = asyncio.ensure_future(began(shop))
    await settled()
    beginning.cancel()
    await asyncio.wait({beginning})
    store.slow.set()
    await settled()

    await began(shop)
