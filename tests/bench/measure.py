"""The measurements: each asks one server one thing and says what it saw, by name. Seconds, megabytes."""

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

Seen = dict[str, float]
STREAMS = 8  # at a time, where their chunks are counted


@dataclass(frozen=True, slots=True)
class Server:
    """A target that runs."""

    target: Target
    process: Running

    def job(self, model: str, *, connections: int, seconds: float, stream: bool) -> Job:
        name = self.target.prefix + model
        return Job(self.process.url, self.target.key, name, connections, seconds, stream)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where servers run, and how long each measurement of one takes."""

    cores: Cores
    folder: Path
    seconds: float

    def running(self, target: Target) -> AbstractContextManager[Running]:
        return running(target.command(), target.environ, self.cores.target, self.folder)

    def start(self, target: Target) -> Seen:
        """A fresh process, from exec to its first good answer."""
        with self.running(target) as process:
            job = Server(target, process).job("bench", connections=1, seconds=0, stream=False)
            _checked(target, asyncio.run(drive(job)))
            wall = time.perf_counter() - process.began
            return {"start_wall": wall, "start_cpu": process.cpu(), "start_memory": process.memory()}

    def requests(self, server: Server, connections: int) -> Seen:
        """Buffered answers over so many connections."""
        outcome, cpu = self._load(server, "bench", connections, stream=False)
        seen = {
            f"rate_{connections}": outcome.requests / outcome.seconds,
            f"cpu_{connections}": cpu / outcome.requests,
        }
        if connections > 1:
            return seen
        p50, p95, p99 = outcome.latency
        return {**seen, "latency_p50": p50, "latency_p95": p95, "latency_p99": p99}

    def first(self, server: Server) -> Seen:
        """Short streams one after the other: to the first byte of each."""
        outcome, _ = self._load(server, "bench", 1, stream=True)
        return {"first_p50": outcome.first[0], "first_p95": outcome.first[1]}

    def chunks(self, server: Server) -> Seen:
        """Long streams side by side, their chunks coming one at a time."""
        outcome, cpu = self._load(server, "bench-long", STREAMS, stream=True)
        return {"chunk_cpu": cpu / outcome.chunks, "memory": server.process.memory()}

    def warm(self, server: Server) -> None:
        """Every path once, so that the first round is like the others."""
        brief = Bench(self.cores, self.folder, 0.3)
        brief.requests(server, 16)
        brief.first(server)

    def _load(self, server: Server, model: str, connections: int, *, stream: bool) -> tuple[Outcome, float]:
        """What a driver saw, and the CPU seconds it cost the server."""
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
        return _checked(server.target, outcome), server.process.cpu() - before


def _checked(target: Target, outcome: Outcome) -> Outcome:
    if outcome.failures:
        raise RuntimeError(f"{target.name}: {outcome.failures} of {outcome.requests} answers were not good")
    return outcome
