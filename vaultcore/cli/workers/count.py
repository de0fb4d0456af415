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
    """Return the number of workers; the setting 0 is one per core. Raise ConfigError if it is impossible."""
    if settings.workers == 1:
        return 1
    if settings.store.startswith("memory:"):
        raise ConfigError("must be 1 with the store memory:, which processes cannot share", key="--workers")
    if sys.platform == "win32":
        raise ConfigError("must be 1 on Windows", key="--workers")
    return settings.workers or available_cores()


def available_cores(quota: Path = QUOTA) -> int:
    """Return how many cores this process may use: those it is bound to, at most the container's quota."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no quota, or "max" in its place
        allowed, period = map(int, quota.read_text().split())
        cores = min(cores, -(-allowed // period))
    return max(1, cores)
