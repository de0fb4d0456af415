"""What SnapStart asks of a gateway: what takes time before the snapshot, secrets and chance after it."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from vaultcore.errors import VaultUnavailable
from vaultcore.services import Services

PATIENCE = 6.0  # seconds to open the vault in; Lambda gives a restore ten


@runtime_checkable
class Warm(Protocol):
    """A collaborator with something to do that takes time and needs no secret and no network."""

    async def warm(self) -> None: ...


class Snapshot:
    """The two hooks, in whichever loop runs them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def before(self) -> None:
        """Make clients and what they read from the disk; nothing of it is secret or random."""
        services = self._services
        for each in (services.secrets, services.store, services.gateway.upstream.http):
            if isinstance(each, Warm):
                await each.warm()

    async def after(self) -> None:
        """Draw other numbers than the snapshot's other copies, and open the vault if that can be done now."""
        random.seed()
        ssl.RAND_add(os.urandom(48), 48.0)
        with suppress(VaultUnavailable, TimeoutError):  # the first request will ask again
            async with asyncio.timeout(PATIENCE):
                await self._services.secrets.current()


def register(snapshot: Snapshot, run: Callable[[Coroutine[Any, Any, None]], object]) -> None:
    """Have the managed runtime call the hooks. Where it is not, there are no snapshots either."""
    try:
        from snapshot_restore_py import (  # type: ignore[import-untyped]  # noqa: PLC0415
            register_after_restore,
            register_before_snapshot,
        )
    except ImportError:
        return
    register_before_snapshot(lambda: run(snapshot.before()))
    register_after_restore(lambda: run(snapshot.after()))
