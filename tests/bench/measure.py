"""Measurements of one server, by name, in seconds and megabytes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.bench.driver import Job, Outcome, drive
from tests.bench.process import NICE, Cores, Running, environment, pinned, prioritise, running
from tests.bench.target import Target

Measurements = dict[str, float]
STREAMS = 8  # concurrent streams when chunks are measured
SHAPES = ("100kb", "messages", "tools", "1mb")  # bodies that are measured beside the short one
START_TIMEOUT = 60.0  # seconds from a server's first connection to its first good response


@dataclass(frozen=True, slots=True)
class Server:
    """A running target."""

    target: Target
    process: Running

    def job(self, case: str, *, seconds: float, connections: int = 1, shape: str = "short") -> Job:
        row = self.target.cases[case]
        return Job(
            self.process.url,
            self.target.key,
            row.model,
            connections,
            seconds,
            stream="stream" in case,
            shape=shape,
            headers=row.headers,
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """The cores and folder of the servers, and the seconds per measurement."""

    cores: Cores
    folder: Path
    seconds: float

    def running(self, target: Target) -> AbstractContextManager[Running]:
        log = f"{target.name}.log"
        return running(
            target.command(), target.environ, self.cores.target, self.folder, log, port=target.port
        )

    def start(self, target: Target) -> Measurements:
        """Measure a new process from exec to its first response, and its first request with a failover."""
        target = target.anew() if target.anew else target
        with self.running(target) as process:
            server = Server(target, process)
            send_first(server)
            wall = time.perf_counter() - process.started
            result = {"start_wall": wall, "start_cpu": process.cpu(), "start_memory": process.memory()}
            if "failover" in target.cases:
                outcome = asyncio.run(drive(server.job("failover", seconds=0)))
                result["failover"] = _check(target, outcome).latency[0]
            return result

    def requests(self, server: Server, connections: int) -> Measurements:
        """Measure buffered responses over some connections."""
        outcome, cpu = self._load(server, "plain", connections=connections)
        p50, p95, p99 = outcome.latency
        return {
            f"rate_{connections}": outcome.requests / outcome.seconds,
            f"cpu_{connections}": cpu / outcome.requests,
            f"latency_{connections}": p50,
            f"p95_{connections}": p95,
            f"p99_{connections}": p99,
        }

    def shapes(self, server: Server) -> Measurements:
        """Measure larger bodies over one connection, and the CPU time that each adds to a short one."""
        outcome, cpu = self._load(server, "plain")
        short = cpu / outcome.requests
        result: Measurements = {}
        for shape in SHAPES:
            outcome, cpu = self._load(server, "plain", shape=shape)
            result[f"latency_{shape}"] = outcome.latency[0]
            result[f"added_{shape}"] = cpu / outcome.requests - short
        return result

    def anthropic(self, server: Server) -> Measurements:
        """Measure requests that are translated for an Anthropic provider."""
        outcome, cpu = self._load(server, "anthropic")
        return {"latency_anthropic": outcome.latency[0], "cpu_anthropic": cpu / outcome.requests}

    def first(self, server: Server) -> Measurements:
        """Measure the time to the first byte of streams, one after the other."""
        outcome, _ = self._load(server, "stream")
        return {"first_p50": outcome.first[0], "first_p95": outcome.first[1]}

    def chunks(self, server: Server, case: str) -> Measurements:
        """Measure CPU time per chunk of concurrent long streams."""
        outcome, cpu = self._load(server, case, connections=STREAMS)
        name = "translated_chunk_cpu" if case == "anthropic_stream" else "chunk_cpu"
        return {name: cpu / outcome.chunks, "memory": server.process.memory()}

    def warm(self, server: Server) -> None:
        """Use every path once, so that the first round is like the others. Raise RuntimeError."""
        send_first(server)
        brief = replace(self, seconds=0.3)
        brief.requests(server, 16)
        for case in server.target.cases:
            brief._load(server, case)

    def _load(
        self, server: Server, case: str, *, connections: int = 1, shape: str = "short"
    ) -> tuple[Outcome, float]:
        """Return the outcome of a job, and the CPU seconds of the server."""
        job = server.job(case, connections=connections, seconds=self.seconds, shape=shape)
        before = server.process.cpu()
        with pinned(self.cores.load):
            driver = start_driver(job)
        outcome = Outcome(**json.loads(driver.communicate()[0]))
        return _check(server.target, outcome), server.process.cpu() - before


def send_first(server: Server) -> None:
    """Send requests to a server that has just started until one is answered well; raise RuntimeError."""
    until = time.monotonic() + START_TIMEOUT
    while True:
        outcome = asyncio.run(drive(server.job("plain", seconds=0)))
        if not outcome.failures or time.monotonic() > until:
            break
        time.sleep(0.003)
    _check(server.target, outcome)


def _check(target: Target, outcome: Outcome) -> Outcome:
    if outcome.failures:
        raise RuntimeError(
            f"{target.name}: {outcome.failures} of {outcome.requests} responses were wrong or incomplete"
        )
    return outcome


def start_driver(job: Job, nice: str = NICE) -> subprocess.Popen[bytes]:
    """Start a load driver with a job, on the cores of this process. It writes its outcome to stdout."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.driver"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    prioritise(driver.pid, nice)
    if driver.stdin is None:
        raise ValueError("stdin is not piped")
    driver.stdin.write(json.dumps(asdict(job)).encode())
    driver.stdin.close()
    driver.stdin = None  # otherwise communicate() writes to it
    return driver
