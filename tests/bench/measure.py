"""Measurements of one server, by name, in seconds and megabytes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.driver import Job, Outcome, drive
from tests.bench.process import Cores, Running, environment, pinned, running
from tests.bench.target import Target

Measurements = dict[str, float]
STREAMS = 8  # concurrent streams when chunks are measured


@dataclass(frozen=True, slots=True)
class Server:
    """A running target."""

    target: Target
    process: Running

    def job(self, model: str, *, connections: int, seconds: float, stream: bool) -> Job:
        return Job(self.process.url, self.target.key, model, connections, seconds, stream)


@dataclass(frozen=True, slots=True)
class Bench:
    """The cores and folder of the servers, and the seconds per measurement."""

    cores: Cores
    folder: Path
    seconds: float

    def running(self, target: Target) -> AbstractContextManager[Running]:
        return running(target.command(), target.environ, self.cores.target, self.folder)

    def start(self, target: Target) -> Measurements:
        """Measure a new process from exec to its first response."""
        with self.running(target) as process:
            job = Server(target, process).job("bench", connections=1, seconds=0, stream=False)
            _check(target, asyncio.run(drive(job)))
            wall = time.perf_counter() - process.started
            return {"start_wall": wall, "start_cpu": process.cpu(), "start_memory": process.memory()}

    def requests(self, server: Server, connections: int) -> Measurements:
        """Measure buffered responses over some connections."""
        outcome, cpu = self._load(server, "bench", connections, stream=False)
        result = {
            f"rate_{connections}": outcome.requests / outcome.seconds,
            f"cpu_{connections}": cpu / outcome.requests,
        }
        if connections > 1:
            return result
        p50, p95, p99 = outcome.latency
        return {**result, "latency_p50": p50, "latency_p95": p95, "latency_p99": p99}

    def first(self, server: Server) -> Measurements:
        """Measure the time to the first byte of short streams, one after the other."""
        outcome, _ = self._load(server, "bench", 1, stream=True)
        return {"first_p50": outcome.first[0], "first_p95": outcome.first[1]}

    def chunks(self, server: Server) -> Measurements:
        """Measure CPU time per chunk of concurrent long streams."""
        outcome, cpu = self._load(server, "bench-long", STREAMS, stream=True)
        return {"chunk_cpu": cpu / outcome.chunks, "memory": server.process.memory()}

    def warm(self, server: Server) -> None:
        """Use every path once, so that the first round is like the others."""
        brief = Bench(self.cores, self.folder, 0.3)
        brief.requests(server, 16)
        brief.first(server)

    def _load(self, server: Server, model: str, connections: int, *, stream: bool) -> tuple[Outcome, float]:
        """Return the outcome of a job, and the CPU seconds of the server."""
        job = server.job(model, connections=connections, seconds=self.seconds, stream=stream)
        before = server.process.cpu()
        with pinned(self.cores.load):
            driver = subprocess.run(
                [sys.executable, "-m", "tests.bench.driver"],
                input=json.dumps(asdict(job)).encode(),
                env=environment(),
                capture_output=True,
                check=True,
            )
        outcome = Outcome(**json.loads(driver.stdout))
        return _check(server.target, outcome), server.process.cpu() - before


def _check(target: Target, outcome: Outcome) -> Outcome:
    if outcome.failures:
        raise RuntimeError(
            f"{target.name}: {outcome.failures} of {outcome.requests} responses were wrong or incomplete"
        )
    return outcome
