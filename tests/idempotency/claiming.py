"""What tests of idempotency keys share: stores that fail where they are told to, and claims over a store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.idempotency.claims import Claims
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store.base import Add, Delete, Document, DocumentKey, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Log
from vaultcore.vault.keyring import Keyring

LEASE = 960.0  # seconds
PEPPER = b"vp-" + b"7" * 40


def claims(store: Store, clock: Clock, *, pepper: bytes | None = PEPPER, lease: float = LEASE) -> Claims:
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=pepper))
    return Claims(store, secrets, clock, Log(), lease=lease)


class TroubledStore(MemoryStore):
    """In memory, and in trouble as long as it is told so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.away = False  # nothing is done
        self.mute = False  # what is written is written, and nobody is told
        self.doubled = False  # what is written is sent twice on its way
        self.slow: asyncio.Event | None = None  # writing waits for it
        self.writes = 0

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        if self.away:
            raise StoreUnavailable("the store is away")
        return await super().get(*keys, prefetch=prefetch)

    async def write(self, *writes: Put | Delete | Add) -> None:
        self.writes += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.away:
            raise StoreUnavailable("the store is away")
        await super().write(*writes)
        if self.mute:
            raise StoreUnavailable("the store did not answer in time")
        if self.doubled:
            await super().write(*writes)


def contents(store: MemoryStore) -> str:
    """All that a store in memory holds."""
    return repr(vars(store))


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)
