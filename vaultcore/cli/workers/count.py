"""How many worker processes `vaultedge serve` starts."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of CPU time and of their period


def worker_count(settings: Settings) -> int:
    """Return the number of workers. Raise ConfigError if several are set and impossible.

    The setting 0 is one per core; it is one in all where workers cannot share the store, and outside Linux.
    """
    shares_store = not settings.store.startswith("memory:")
    if settings.workers == 0:
        return available_cores() if shares_store and sys.platform == "linux" else 1
    if settings.workers > 1 and not shares_store:
        raise ConfigError("must be 1 with the store memory:, which processes cannot share", key="--workers")
    if settings.workers > 1 and sys.platform == "win32":
        raise ConfigError("must be 1 on Windows", key="--workers")
    return settings.workers


def available_cores(quota: Path = QUOTA) -> int:
    """Return how many cores this process may use: those it is bound to, at most the container's quota."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no quota, or "max" in its place
        allowed, period = map(int, quota.read_text().split())
        cores = min(cores, -(-allowed // period))
    return max(1, cores)
