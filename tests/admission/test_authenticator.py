"""Which keys are accepted, how long lookups are cached, and how often the store is read."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

import pytest

from tests.admission.limiter_setup import build_authenticator
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import PEPPER
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import Unauthorized
from vaultcore.limits import virtual_key
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store.base import Document, DocumentKey
from vaultcore.store.memory import MemoryStore
from vaultcore.vault.keyring import Keyring

SECRETS = FixedSecrets(Secrets(Keyring([]), pepper=PEPPER))
DRAFT = VirtualKey("", "a key", 0.0, ())


class CountingStore(MemoryStore):
    """Counts its reads."""

    reads = 0

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        self.reads += 1
        await asyncio.sleep(0)
        return await super().get(*keys, prefetch=prefetch)


def test_a_revoked_key_is_rejected_everywhere_within_five_seconds() -> None:
    """The process that revoked a key rejects it at once, every other process within five seconds."""
    clock = FakeClock()
    store = MemoryStore(clock)
    local, *others = (build_authenticator(store, clock, SECRETS) for _ in range(5))
    keys = VirtualKeys(store, SECRETS, clock, local.forget)

    async def scenario() -> None:
        issued = await keys.create(DRAFT, "r1")
        for authenticator in (local, *others):
            assert (await authenticator.authenticate(issued.token, None)).id == issued.key.id
        await keys.revoke(issued.key.id, "r2")
        with pytest.raises(Unauthorized):
            await local.authenticate(issued.token, None)
        clock.time += 4.99
        for authenticator in others:
            with pytest.raises(Unauthorized):
                await authenticator.authenticate(issued.token, None)

    asyncio.run(scenario())


def test_an_expired_key_is_rejected_at_once() -> None:
    """An expiry applies to cached keys too, without a read of the store."""
    clock = FakeClock()
    store = MemoryStore(clock)
    authenticator = build_authenticator(store, clock, SECRETS)
    keys = VirtualKeys(store, SECRETS, clock, authenticator.forget)

    async def scenario() -> None:
        draft = VirtualKey("", "a key", 0.0, (), expires=clock.now() + 2)
        token = (await keys.create(draft, "r")).token
        await authenticator.authenticate(token, None)
        clock.time += 2
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)

    asyncio.run(scenario())


def test_lookups_are_cached() -> None:
    """Lookups are cached, and the cache is bounded.

    200 concurrent requests make one read, and so does a key used for four seconds. An unknown key is read
    once in thirty seconds.
    """
    clock = FakeClock()
    store = CountingStore(clock)
    authenticator = build_authenticator(store, clock, SECRETS)
    keys = VirtualKeys(store, SECRETS, clock, authenticator.forget)

    async def reject(token: str) -> None:
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)

    async def scenario() -> tuple[int, int, int]:
        token = (await keys.create(DRAFT, "r")).token
        store.reads = 0
        await asyncio.gather(*(authenticator.authenticate(token, None) for _ in range(200)))
        for _ in range(39):
            clock.time += 0.1
            await authenticator.authenticate(token, None)
        reads_of_known = store.reads
        unknown_token, store.reads = virtual_key.issue(secrets.token_bytes), 0
        for _ in range(30):
            await reject(unknown_token)
            clock.time += 0.9
        reads_of_unknown, store.reads = store.reads, 0
        tokens = [virtual_key.issue(secrets.token_bytes) for _ in range(5_000)]
        for each in tokens:
            await reject(each)
        return reads_of_known, reads_of_unknown, len(authenticator._cache)

    reads_of_known, reads_of_unknown, cached = asyncio.run(scenario())

    assert (reads_of_known, reads_of_unknown) == (1, 1)
    assert cached <= 4_096


def test_no_token_is_cached() -> None:
    """The cache contains digests, not tokens."""
    clock = FakeClock()
    store = MemoryStore(clock)
    authenticator = build_authenticator(store, clock, SECRETS)

    async def scenario() -> str:
        token = virtual_key.issue(secrets.token_bytes)
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)
        return token

    token = asyncio.run(scenario())

    assert token not in repr(authenticator._cache)
