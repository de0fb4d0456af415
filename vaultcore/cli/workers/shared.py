"""The memory that workers share: the health of providers, and the signal of changes.

The parent creates the memory before the first worker; it has no name, and ends with the last process. The
number of a worker in it is its row of the table of connections, plus one.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from vaultcore.catalog.catalog import Catalog
from vaultcore.routing.health_table import NOBODY, HealthTable, Names
from vaultcore.routing.plan import credentials
from vaultcore.services import Services
from vaultcore.vault.keyring import Keyring

SIGNAL = 8  # bytes


class SharedState:
    """The memory and its lock. Create it before the workers are forked."""

    def __init__(self, names: Names) -> None:
        self._names, self._lock = names, ProcessLock()
        memory = memoryview(mmap.mmap(-1, SIGNAL + names.size))
        self._signal, self._health = memory[:SIGNAL].cast("Q"), memory[SIGNAL:]

    def join(self, services: Services, row: int) -> None:
        """Let the services of a worker use the memory."""
        services.routes.changes.share(self._signal)
        services.health.share(self._table(row + 1))

    def end_worker(self, row: int) -> None:
        """Free what a worker that has ended was probing."""
        self._table(NOBODY).end_worker(row + 1)

    def _table(self, worker: int) -> HealthTable:
        return HealthTable(self._names, self._health, self._lock, worker=worker)


class ProcessLock(AbstractContextManager[None]):
    """A lock between processes that inherit it. The system releases it if its owner dies."""

    def __init__(self) -> None:
        if sys.platform == "linux":  # needs no directory that can be written
            self._descriptor = os.memfd_create("vaultedge-lock", os.MFD_CLOEXEC)
        else:
            self._descriptor, path = tempfile.mkstemp()
            Path(path).unlink()

    def __enter__(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)  # of the process; that of flock() would be inherited

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


def names_of(catalog: Catalog, keyring: Keyring) -> Names:
    """Return the names that the health table needs rows for: those of a vault that does not change."""
    providers = tuple(catalog.providers.values())
    keys = dict.fromkeys(key.id for provider in providers for key in credentials(provider, keyring))
    return Names(tuple(keys), tuple(provider.name for provider in providers))
