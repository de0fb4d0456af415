"""SnapStart hooks: slow work without secrets before the snapshot; secrets and random seeds after the restore.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

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

VAULT_TIMEOUT = 6.0  # seconds to open the vault; Lambda allows 10 for a restore


@runtime_checkable
class Warmable(Protocol):
    """A component with slow start-up work that needs no secret and no network."""

    async def warm(self) -> None: ...


class SnapStartHooks:
    """The hooks of one gateway, as coroutines."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def before(self) -> None:
        """Create clients and load their files from disk. Nothing here is secret or random."""
        services = self._services
        for component in (services.secrets, services.store, services.gateway.upstream.http):
            if isinstance(component, Warmable):
                await component.warm()

    async def after(self) -> None:
        """Reseed the random generators, which all copies of a snapshot share, and try to open the vault."""
        random.seed()
        ssl.RAND_add(os.urandom(48), 48.0)
        with suppress(VaultUnavailable, TimeoutError):  # the first request tries again
            async with asyncio.timeout(VAULT_TIMEOUT):
                await self._services.secrets.current()


def register_hooks(snapshot: SnapStartHooks, run: Callable[[Coroutine[Any, Any, None]], object]) -> None:
    """Register the hooks with the managed runtime. Outside it there are no snapshots, so do nothing."""
    try:
        from snapshot_restore_py import (  # type: ignore[import-untyped]  # noqa: PLC0415
            register_after_restore,
            register_before_snapshot,
        )
    except ImportError:
        return
    register_before_snapshot(lambda: run(snapshot.before()))
    register_after_restore(lambda: run(snapshot.after()))
