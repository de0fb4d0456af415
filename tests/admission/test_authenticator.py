"""Who is let in, how long that is remembered, and what it costs to find out."""

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

SOURCE = FixedSecrets(Secrets(Keyring([]), pepper=PEPPER))
DRAFT = VirtualKey("", "a key", 0.0, ())


class Counted(MemoryStore):
    """Counts its reads."""

    reads = 0

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        self.reads += 1
        await asyncio.sleep(0)
        return await super().get(*keys, prefetch=prefetch)


def test_a_revoked_key_is_dead_everywhere_within_five_seconds() -> None:
    """The instance that revoked it refuses at once; every other one before five seconds are over."""
    clock = FakeClock()
    store = MemoryStore(clock)
    here, *others = (build_authenticator(store, clock, SOURCE) for _ in range(5))
    keys = VirtualKeys(store, SOURCE, clock, here.forget)

    async def story() -> None:
        made = await keys.create(DRAFT, "r1")
        for authenticator in (here, *others):
            assert (await authenticator.authenticate(made.token, None)).id == made.key.id
        await keys.revoke(made.key.id, "r2")
        with pytest.raises(Unauthorized):
            await here.authenticate(made.token, None)
        clock.time += 4.99
        for authenticator in others:
            with pytest.raises(Unauthorized):
                await authenticator.authenticate(made.token, None)

    asyncio.run(story())


def test_an_expired_key_is_dead_that_moment() -> None:
    """An expiry needs no look at the store: it holds for a remembered key too."""
    clock = FakeClock()
    store = MemoryStore(clock)
    authenticator = build_authenticator(store, clock, SOURCE)
    keys = VirtualKeys(store, SOURCE, clock, authenticator.forget)

    async def story() -> None:
        draft = VirtualKey("", "a key", 0.0, (), expires=clock.now() + 2)
        token = (await keys.create(draft, "r")).token
        await authenticator.authenticate(token, None)
        clock.time += 2
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)

    asyncio.run(story())


def test_the_store_is_asked_once_in_a_while() -> None:
    """200 who come at once make one look, and so does a key that comes for four seconds; one that nobody has
    is looked for every thirty, and what is remembered is bounded."""
    clock = FakeClock()
    store = Counted(clock)
    authenticator = build_authenticator(store, clock, SOURCE)
    keys = VirtualKeys(store, SOURCE, clock, authenticator.forget)

    async def unknown(token: str) -> None:
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)

    async def story() -> tuple[int, int, int]:
        token = (await keys.create(DRAFT, "r")).token
        store.reads = 0
        await asyncio.gather(*(authenticator.authenticate(token, None) for _ in range(200)))
        for _ in range(39):
            clock.time += 0.1
            await authenticator.authenticate(token, None)
        known = store.reads
        stranger, store.reads = virtual_key.issue(secrets.token_bytes), 0
        for _ in range(30):
            await unknown(stranger)
            clock.time += 0.9
        strange, store.reads = store.reads, 0
        many = [virtual_key.issue(secrets.token_bytes) for _ in range(5_000)]
        for each in many:
            await unknown(each)
        return known, strange, len(authenticator._cache)

    known, strange, held = asyncio.run(story())

    assert (known, strange) == (1, 1)
    assert held <= 4_096


def test_no_token_is_remembered() -> None:
    """What is remembered of who came bears digests, never what was sent."""
    clock = FakeClock()
    store = MemoryStore(clock)
    authenticator = build_authenticator(store, clock, SOURCE)

    async def story() -> str:
        token = virtual_key.issue(secrets.token_bytes)
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(token, None)
        return token

    token = asyncio.run(story())

    assert token not in repr(authenticator._cache)
