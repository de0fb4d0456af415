"""Claims: one of many runs, all others wait or are given its answer, and no answer goes astray."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.idempotency.claiming import LEASE, claims, contents
from vaultcore.errors import IdempotencyConflict, IdempotencyKeyReused, StoreUnavailable
from vaultcore.idempotency.claims import MAX_RESPONSE, MAX_RETRY_AFTER, RETENTION, Claim, Claims, Replay
from vaultcore.store.base import Document, DocumentKey, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
ASKED, OTHER = b'{"content":"Kanarienvogel"}', b'{"content":"Amsel"}'
ANSWER = b'{"content":"Der Zeisig singt."}'
HEADERS = {"content-type": "application/json", "x-vaultedge-model": "gpt-fake"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def stores(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[list[Store]]:
    """One store as several processes see it."""
    memory = MemoryStore(clock)
    opened: list[Store] = (
        [memory, memory]
        if request.param == "memory"
        else [SQLiteStore(tmp_path / "state.db", clock), SQLiteStore(tmp_path / "state.db", clock)]
    )
    yield opened
    for store in opened:
        await store.aclose()


@pytest.fixture
def shops(stores: list[Store], clock: FakeClock) -> list[Claims]:
    return [claims(store, clock) for store in stores]


@pytest.fixture
def shop(shops: list[Claims]) -> Claims:
    return shops[0]


async def began(shop: Claims, caller: str = "key_1", key: str = "k", request: bytes = ASKED) -> Claim:
    claim = await shop.begin(caller, key, request)
    assert isinstance(claim, Claim)
    return claim


async def race(shops: list[Claims], many: int) -> list[Claim | Replay | BaseException]:
    asking = (shops[n % len(shops)].begin("key_1", "k", ASKED) for n in range(many))
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_one_of_many_runs(shops: list[Claims]) -> None:
    """Of 50 that come at once, from two processes, one has the claim and all others are told to wait."""
    outcomes = await race(shops, 50)

    assert sum(isinstance(each, Claim) for each in outcomes) == 1
    assert sum(isinstance(each, IdempotencyConflict) for each in outcomes) == 49


async def test_an_answer_is_given_again(shops: list[Claims], clock: FakeClock) -> None:
    """Whoever repeats a finished request has its status, headers and bytes, for a day and no longer."""
    await shops[0].finish(await began(shops[0]), 200, HEADERS, ANSWER)
    clock.time += RETENTION - 1

    assert await race(shops, 5) == [Replay(200, HEADERS, ANSWER)] * 5
    clock.time += 1
    assert isinstance(await shops[1].begin("key_1", "k", OTHER), Claim)


async def test_a_key_is_for_one_request(shop: Claims, clock: FakeClock) -> None:
    """Another request with the same key is refused: while the first runs, after its holder died, later."""
    claim = await began(shop)

    with pytest.raises(IdempotencyKeyReused):
        await shop.begin("key_1", "k", OTHER)
    clock.time += LEASE + 1
    with pytest.raises(IdempotencyKeyReused):
        await shop.begin("key_1", "k", OTHER)
    await shop.finish(claim, 200, HEADERS, ANSWER)
    with pytest.raises(IdempotencyKeyReused) as caught:
        await shop.begin("key_1", "k", OTHER)
    assert (caught.value.status, caught.value.code) == (409, "idempotency_key_reused")


async def test_callers_do_not_meet(shop: Claims) -> None:
    """The same key of another caller is another key, for the same request and for others."""
    await shop.finish(await began(shop), 200, HEADERS, ANSWER)

    assert isinstance(await shop.begin("key_2", "k", ASKED), Claim)
    assert isinstance(await shop.begin("system", "k", OTHER), Claim)


async def test_what_failed_may_run_again(shops: list[Claims]) -> None:
    """A released key is anybody's at once, with this request or another, and again only one has it."""
    await shops[0].release(await began(shops[0]))
    outcomes = await race(shops, 20)

    (claim,) = [each for each in outcomes if isinstance(each, Claim)]
    await shops[0].release(claim)
    assert isinstance(await shops[1].begin("key_1", "k", OTHER), Claim)


async def test_a_dead_holders_claim_passes_on(shops: list[Claims], clock: FakeClock) -> None:
    """After its lease, and not a moment before, one of many takes a claim over; the dead one is too late."""
    dead = await began(shops[0])
    clock.time += LEASE - 0.001
    before = await race(shops, 10)
    clock.time += 0.001
    after = await race(shops, 10)
    (heir,) = [each for each in after if isinstance(each, Claim)]
    await shops[0].release(dead)
    still = await race(shops, 5)
    await shops[1].finish(heir, 200, HEADERS, ANSWER)
    await shops[0].finish(dead, 200, HEADERS, b"late")

    assert all(isinstance(each, IdempotencyConflict) for each in (*before, *still))
    assert sum(isinstance(each, IdempotencyConflict) for each in after) == 9
    assert await shops[0].begin("key_1", "k", ASKED) == Replay(200, HEADERS, ANSWER)


async def test_who_waits_is_told_for_how_long(shop: Claims, clock: FakeClock) -> None:
    """The wait is as long as the request has run already: one second at least, never beyond the lease."""
    await began(shop)
    waits = []
    for at in (0.0, 5.0, 300.0, LEASE - 2):
        clock.time = 1_000.0 + at
        with pytest.raises(IdempotencyConflict) as caught:
            await shop.begin("key_1", "k", ASKED)
        waits.append(caught.value.retry_after)

    assert waits == [1.0, 5.0, MAX_RETRY_AFTER, 2.0]


@pytest.mark.parametrize("made", ["words", "base64"])
async def test_the_largest_answers_are_kept(shop: Claims, made: str) -> None:
    """Texts and pictures of 350 kB are given again, and what is a byte longer is refused, not run again."""
    text = b"word " * MAX_RESPONSE if made == "words" else base64.b64encode(os.urandom(MAX_RESPONSE))
    await shop.finish(await began(shop), 200, HEADERS, text[:MAX_RESPONSE])
    await shop.finish(await began(shop, key="l"), 200, HEADERS, text[: MAX_RESPONSE + 1])

    assert await shop.begin("key_1", "k", ASKED) == Replay(200, HEADERS, text[:MAX_RESPONSE])
    with pytest.raises(IdempotencyKeyReused) as caught:
        await shop.begin("key_1", "l", ASKED)
    assert caught.value.code == "idempotency_answer_too_large"


async def test_what_cannot_be_packed_is_too_large(shop: Claims, stores: list[Store]) -> None:
    """No document outgrows what a DynamoDB item holds, whatever an answer is made of."""
    claim = await began(shop)
    await shop.finish(claim, 200, HEADERS, os.urandom(MAX_RESPONSE))

    with pytest.raises(IdempotencyKeyReused):
        await shop.begin("key_1", "k", ASKED)
    assert len(repr(await stores[0].get(claim.key))) < 2_000


@pytest.mark.parametrize("finished", [False, True])
async def test_nothing_can_be_read_in_the_store(
    shop: Claims, stores: list[Store], tmp_path: Path, finished: bool
) -> None:
    """Whoever has all of the store finds nothing of the key, the request or the answer in it."""
    claim = await began(shop, key="Blaumeise-17")
    if finished:
        await shop.finish(claim, 200, {"x-name": "Rotkehlchen"}, ANSWER)
    held = contents(stores[0]).encode() if isinstance(stores[0], MemoryStore) else b""
    held += written(tmp_path)

    assert claim.fingerprint.encode() in held
    for told in (b"Kanarienvogel", b"Zeisig", b"Blaumeise", b"Rotkehlchen"):
        assert told not in held
    assert "Kanarienvogel" not in repr(claim)
    assert "Zeisig" not in repr(Replay(200, HEADERS, ANSWER))


async def test_an_answer_moved_elsewhere_does_not_open(shop: Claims, stores: list[Store]) -> None:
    """Whoever may write to the store cannot give a caller another's answer, nor one of another key's."""
    claim = await began(shop)
    await shop.finish(claim, 200, HEADERS, ANSWER)
    own, foreign = await began(shop, key="mine"), await began(shop, caller="key_2")
    for name, asked in ((own.key, own.fingerprint), (foreign.key, foreign.fingerprint)):
        await stores[0].write(Put(name, {**await body(stores[0], claim.key), "asked": asked}))

    for caller, key in (("key_1", "mine"), ("key_2", "k")):
        with pytest.raises(StoreUnavailable):
            await shop.begin(caller, key, ASKED)


def written(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def body(store: Store, name: DocumentKey) -> dict[str, object]:
    (found,) = await store.get(name)
    assert isinstance(found, Document)
    return found.body


async def test_without_a_pepper_there_are_no_claims(stores: list[Store], clock: FakeClock) -> None:
    """Where nothing can be encrypted nothing is kept: the caller is told what is missing."""
    with pytest.raises(StoreUnavailable, match="pepper") as caught:
        await claims(stores[0], clock, pepper=None).begin("key_1", "k", ASKED)

    assert caught.value.status == 503


async def test_a_holder_of_another_day_changes_nothing(shop: Claims, clock: FakeClock) -> None:
    """One that comes back after its document is gone leaves alone what has the same version by chance."""
    old = await began(shop)
    clock.time += RETENTION
    new = await began(shop)
    await shop.release(old)

    assert new.version == old.version
    with pytest.raises(IdempotencyConflict):
        await shop.begin("key_1", "k", ASKED)
