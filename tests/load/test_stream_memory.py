"""The memory of `vaultedge serve` while it serves streams."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import target
from tests.bench.driver import Job, drive
from tests.bench.process import Cores, running

CONNECTIONS = 64
WARM_UP, STREAMS = 2_000, 1_500  # at first, caches of records and SQLite's pages fill up
GROWTH = 5.0  # megabytes


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_memory_stays_over_streams(tmp_path: Path) -> None:
    """Memory does not grow over 1,500 streams of 50 chunks at 64 connections, and each stream is complete."""
    cores, mock = Cores.split(), target.provider()
    with running(mock.command(), mock.environ, cores.load, tmp_path, "mock.log") as provider:
        gateway = target.limited(provider.url, tmp_path / "home")
        with running(gateway.command(), gateway.environ, cores.target, tmp_path, "gateway.log") as server:
            job = Job(server.url, gateway.key, "bench-long", CONNECTIONS, seconds=0, stream=True)
            outcomes, memory = [], []
            for least in (WARM_UP, STREAMS):
                outcomes.append(asyncio.run(drive(replace(job, least=least))))
                memory.append(server.memory())

    assert sum(each.failures for each in outcomes) == 0
    assert memory[1] - memory[0] <= GROWTH, memory
