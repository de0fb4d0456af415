"""Claims: one of many requests runs, the others wait or get its response."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.idempotency.claims_setup import LEASE, build_claims, store_contents
from vaultcore.errors import IdempotencyConflict, IdempotencyKeyReused, StoreUnavailable
from vaultcore.idempotency.claims import MAX_RESPONSE, MAX_RETRY_AFTER, RETENTION, Claim, Claims, Replay
from vaultcore.store.base import Document, DocumentKey, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
REQUEST, OTHER = b'{"content":"Kanarienvogel"}', b'{"content":"Amsel"}'
ANSWER = b'{"content":"Der Zeisig singt."}'
HEADERS = {"content-type": "application/json", "x-vaultedge-model": "gpt-fake"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def stores(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[list[Store]]:
    """Return one store as two processes open it."""
    memory = MemoryStore(clock)
    stores: list[Store] = (
        [memory, memory]
        if request.param == "memory"
        else [SQLiteStore(tmp_path / "state.db", clock), SQLiteStore(tmp_path / "state.db", clock)]
    )
    yield stores
    for store in stores:
        await store.aclose()


@pytest.fixture
def claims_per_process(stores: list[Store], clock: FakeClock) -> list[Claims]:
    return [build_claims(store, clock) for store in stores]


@pytest.fixture
def claims(claims_per_process: list[Claims]) -> Claims:
    return claims_per_process[0]


async def begin_claim(
    claims: Claims, caller: str = "key_1", key: str = "k", request: bytes = REQUEST
) -> Claim:
    claim = await claims.begin(caller, key, request)
    assert isinstance(claim, Claim)
    return claim


async def race(claims_per_process: list[Claims], count: int) -> list[Claim | Replay | BaseException]:
    attempts = (
        claims_per_process[n % len(claims_per_process)].begin("key_1", "k", REQUEST) for n in range(count)
    )
    return await asyncio.gather(*attempts, return_exceptions=True)


async def test_one_of_many_requests_gets_the_claim(claims_per_process: list[Claims]) -> None:
    """Of 50 concurrent requests in two processes one gets the claim, all others a conflict."""
    outcomes = await race(claims_per_process, 50)

    assert sum(isinstance(each, Claim) for each in outcomes) == 1
    assert sum(isinstance(each, IdempotencyConflict) for each in outcomes) == 49


async def test_a_repeated_request_gets_the_stored_response(
    claims_per_process: list[Claims], clock: FakeClock
) -> None:
    """A repeated request gets the stored status, headers and bytes for a day, and no longer."""
    await claims_per_process[0].finish(await begin_claim(claims_per_process[0]), 200, HEADERS, ANSWER)
    clock.time += RETENTION - 1

    assert await race(claims_per_process, 5) == [Replay(200, HEADERS, ANSWER)] * 5
    clock.time += 1
    assert isinstance(await claims_per_process[1].begin("key_1", "k", OTHER), Claim)


async def test_a_key_is_rejected_for_another_request(claims: Claims, clock: FakeClock) -> None:
    """Another request with the same key is rejected: while the first runs, after its lease, and later."""
    claim = await begin_claim(claims)

    with pytest.raises(IdempotencyKeyReused):
        await claims.begin("key_1", "k", OTHER)
    clock.time += LEASE + 1
    with pytest.raises(IdempotencyKeyReused):
        await claims.begin("key_1", "k", OTHER)
    await claims.finish(claim, 200, HEADERS, ANSWER)
    with pytest.raises(IdempotencyKeyReused) as caught:
        await claims.begin("key_1", "k", OTHER)
    assert (caught.value.status, caught.value.code) == (409, "idempotency_key_reused")


async def test_keys_of_different_callers_are_independent(claims: Claims) -> None:
    """The same idempotency key of another caller is another key."""
    await claims.finish(await begin_claim(claims), 200, HEADERS, ANSWER)

    assert isinstance(await claims.begin("key_2", "k", REQUEST), Claim)
    assert isinstance(await claims.begin("system", "k", OTHER), Claim)


async def test_a_released_key_can_be_claimed_again(claims_per_process: list[Claims]) -> None:
    """A released key can be claimed at once, for the same request or another, by one caller at a time."""
    await claims_per_process[0].release(await begin_claim(claims_per_process[0]))
    outcomes = await race(claims_per_process, 20)

    (claim,) = [each for each in outcomes if isinstance(each, Claim)]
    await claims_per_process[0].release(claim)
    assert isinstance(await claims_per_process[1].begin("key_1", "k", OTHER), Claim)


async def test_an_expired_claim_is_taken_over(claims_per_process: list[Claims], clock: FakeClock) -> None:
    """After its lease one request takes a claim over, and the old claim can write nothing."""
    expired = await begin_claim(claims_per_process[0])
    clock.time += LEASE - 0.001
    before = await race(claims_per_process, 10)
    clock.time += 0.001
    after = await race(claims_per_process, 10)
    (successor,) = [each for each in after if isinstance(each, Claim)]
    await claims_per_process[0].release(expired)
    during_takeover = await race(claims_per_process, 5)
    await claims_per_process[1].finish(successor, 200, HEADERS, ANSWER)
    await claims_per_process[0].finish(expired, 200, HEADERS, b"late")

    assert all(isinstance(each, IdempotencyConflict) for each in (*before, *during_takeover))
    assert sum(isinstance(each, IdempotencyConflict) for each in after) == 9
    assert await claims_per_process[0].begin("key_1", "k", REQUEST) == Replay(200, HEADERS, ANSWER)


async def test_a_conflict_has_a_retry_after(claims: Claims, clock: FakeClock) -> None:
    """The wait is as long as the request has run: at least one second, never beyond the lease."""
    await begin_claim(claims)
    waits = []
    for at in (0.0, 5.0, 300.0, LEASE - 2):
        clock.time = 1_000.0 + at
        with pytest.raises(IdempotencyConflict) as caught:
            await claims.begin("key_1", "k", REQUEST)
        waits.append(caught.value.retry_after)

    assert waits == [1.0, 5.0, MAX_RETRY_AFTER, 2.0]


@pytest.mark.parametrize("kind", ["words", "base64"])
async def test_responses_up_to_the_maximum_are_stored(claims: Claims, kind: str) -> None:
    """Responses of up to MAX_RESPONSE bytes are stored; a repeat of a larger one is rejected, not run."""
    text = b"word " * MAX_RESPONSE if kind == "words" else base64.b64encode(os.urandom(MAX_RESPONSE))
    await claims.finish(await begin_claim(claims), 200, HEADERS, text[:MAX_RESPONSE])
    await claims.finish(await begin_claim(claims, key="l"), 200, HEADERS, text[: MAX_RESPONSE + 1])

    assert await claims.begin("key_1", "k", REQUEST) == Replay(200, HEADERS, text[:MAX_RESPONSE])
    with pytest.raises(IdempotencyKeyReused) as caught:
        await claims.begin("key_1", "l", REQUEST)
    assert caught.value.code == "idempotency_answer_too_large"


async def test_an_incompressible_response_is_too_large(claims: Claims, stores: list[Store]) -> None:
    """No document exceeds the size of a DynamoDB item, whatever the response contains."""
    claim = await begin_claim(claims)
    await claims.finish(claim, 200, HEADERS, os.urandom(MAX_RESPONSE))

    with pytest.raises(IdempotencyKeyReused):
        await claims.begin("key_1", "k", REQUEST)
    assert len(repr(await stores[0].get(claim.key))) < 2_000


@pytest.mark.parametrize("finished", [False, True])
async def test_the_store_reveals_no_content(
    claims: Claims, stores: list[Store], tmp_path: Path, finished: bool
) -> None:
    """The store contains neither the key nor the request nor the response in plain text."""
    claim = await begin_claim(claims, key="Blaumeise-17")
    if finished:
        await claims.finish(claim, 200, {"x-name": "Rotkehlchen"}, ANSWER)
    stored = store_contents(stores[0]).encode() if isinstance(stores[0], MemoryStore) else b""
    stored += file_contents(tmp_path)

    assert claim.fingerprint.encode() in stored
    for secret in (b"Kanarienvogel", b"Zeisig", b"Blaumeise", b"Rotkehlchen"):
        assert secret not in stored
    assert "Kanarienvogel" not in repr(claim)
    assert "Zeisig" not in repr(Replay(200, HEADERS, ANSWER))


async def test_a_response_copied_to_another_document_is_rejected(claims: Claims, stores: list[Store]) -> None:
    """A stored response cannot be decrypted for another caller or under another key."""
    claim = await begin_claim(claims)
    await claims.finish(claim, 200, HEADERS, ANSWER)
    own_claim, other_claim = await begin_claim(claims, key="mine"), await begin_claim(claims, caller="key_2")
    for name, fingerprint in (
        (own_claim.key, own_claim.fingerprint),
        (other_claim.key, other_claim.fingerprint),
    ):
        await stores[0].write(Put(name, {**await body(stores[0], claim.key), "asked": fingerprint}))

    for caller, key in (("key_1", "mine"), ("key_2", "k")):
        with pytest.raises(StoreUnavailable):
            await claims.begin(caller, key, REQUEST)


def file_contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def body(store: Store, name: DocumentKey) -> dict[str, object]:
    (document,) = await store.get(name)
    assert isinstance(document, Document)
    return document.body


async def test_claims_need_a_pepper(stores: list[Store], clock: FakeClock) -> None:
    """Without a pepper nothing can be encrypted: the request is a 503 that names the pepper."""
    with pytest.raises(StoreUnavailable, match="pepper") as caught:
        await build_claims(stores[0], clock, pepper=None).begin("key_1", "k", REQUEST)

    assert caught.value.status == 503


async def test_a_claim_from_before_the_retention_changes_nothing(claims: Claims, clock: FakeClock) -> None:
    """A claim whose document has expired does not overwrite a new document of the same version."""
    expired = await begin_claim(claims)
    clock.time += RETENTION
    current = await begin_claim(claims)
    await claims.release(expired)

    assert current.version == expired.version
    with pytest.raises(IdempotencyConflict):
        await claims.begin("key_1", "k", REQUEST)
