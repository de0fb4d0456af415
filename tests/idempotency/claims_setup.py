"""Claims over a given store, and a store that fails on request."""

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


def build_claims(
    store: Store, clock: Clock, *, pepper: bytes | None = PEPPER, lease: float = LEASE
) -> Claims:
    """Return claims over a store."""
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=pepper))
    return Claims(store, secrets, clock, Log(), lease=lease)


class FaultyStore(MemoryStore):
    """A store in memory that fails on request."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.unavailable = False  # every call fails, and nothing is written
        self.fails_after_write = False  # a write succeeds, and then its call fails
        self.writes_twice = False  # a write is repeated in transit
        self.write_gate: asyncio.Event | None = None  # writes wait for it
        self.writes = 0

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        if self.unavailable:
            raise StoreUnavailable("the store is unavailable")
        return await super().get(*keys, prefetch=prefetch)

    async def write(self, *writes: Put | Delete | Add) -> None:
        self.writes += 1
        if self.write_gate is not None:
            await self.write_gate.wait()
        if self.unavailable:
            raise StoreUnavailable("the store is unavailable")
        await super().write(*writes)
        if self.fails_after_write:
            raise StoreUnavailable("the store did not answer in time")
        if self.writes_twice:
            await super().write(*writes)


def store_contents(store: MemoryStore) -> str:
    """Return everything in a store in memory, as text."""
    return repr(vars(store))


async def run_pending_tasks() -> None:
    """Let other tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)
