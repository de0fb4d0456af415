"""Throughput of two workers on two cores beside one on one core: `python -m tests.bench.workers [ROUNDS]`.

The load needs CPU time too, so it grows with the cores. One worker shares one core with one load driver and
a mock provider. Two workers share two cores with two drivers and a provider that serves twice as much. So the
quotient of both rates is what the second core adds; two separate machines would give 2. Every round measures
all in turn. The best rates of all rounds were disturbed least by other programs.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.bench import target
from tests.bench.driver import Outcome
from tests.bench.measure import Server, start_driver
from tests.bench.process import cpu, machine, pinned, prioritise, running, tree

CONNECTIONS = 16  # per core
SECONDS = 0.7
WARM_UP = 0.5  # seconds
ROUNDS = 15  # many short ones: the best of them was disturbed least
NICE = "-20"  # other programs would flee from the one core and share the two: the quotient would be too low
KEYS = ("system key", "all limits")


@dataclass(frozen=True, slots=True)
class Sample:
    """A measurement: requests per second, CPU seconds per request, p99, and the busiest worker's share."""

    rate: float
    cpu: float
    p99: float
    share: float


def measure(server: Server, cores: frozenset[int], seconds: float) -> Sample:
    """Load a gateway with one driver per core."""
    workers = [pid for pid in tree(server.process.pid) if pid != server.process.pid] or [server.process.pid]
    job = server.job("plain", connections=CONNECTIONS, seconds=seconds)
    before, each_before = server.process.cpu(), [cpu(pid) for pid in workers]
    with pinned(cores):
        drivers = [start_driver(job, NICE) for _ in cores]
    outcomes = [Outcome(**json.loads(driver.communicate()[0])) for driver in drivers]
    spent = [cpu(pid) - earlier for pid, earlier in zip(workers, each_before, strict=True)]
    if any(each.failures for each in outcomes):
        raise RuntimeError(f"{server.target.name}: responses were wrong or incomplete")
    return Sample(
        sum(each.requests / each.seconds for each in outcomes),
        (server.process.cpu() - before) / sum(each.requests for each in outcomes),
        max(each.latency[2] for each in outcomes),
        max(spent) / sum(spent),
    )


def start(stack: ExitStack, folder: Path, cores: frozenset[int], *, limited: bool) -> Server:
    """Start a gateway with one worker per core, and its provider."""
    provider = target.provider()
    process = stack.enter_context(running(provider.command(), provider.environ, cores, folder))
    prioritise(process.pid, NICE)
    name = f"{len(cores)}-{'limited' if limited else 'system'}"
    served = (target.limited if limited else target.vaultedge)(process.url, folder / name)
    served = replace(served, arguments=(*served.arguments, "--workers", str(len(cores))))
    gateway = stack.enter_context(running(served.command(), served.environ, cores, folder, f"{name}.log"))
    prioritise(gateway.pid, NICE)
    while len(tree(gateway.pid)) < (len(cores) + 1 if len(cores) > 1 else 1):
        time.sleep(0.05)
    server = Server(served, gateway)
    measure(server, cores, WARM_UP)
    return server


def lines(rounds: int) -> Iterator[str]:
    """Yield the lines of the table."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    settings = (frozenset({first}), frozenset({first, second}))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {
            (key, cores): start(stack, Path(folder), cores, limited=key == "all limits")
            for key in KEYS
            for cores in settings
        }
        samples: dict[tuple[str, frozenset[int]], list[Sample]] = {each: [] for each in servers}
        for _ in range(rounds):
            for each, server in servers.items():
                samples[each].append(measure(server, each[1], SECONDS))
        yield f"{machine()}; {rounds} rounds of {SECONDS:g} s, {CONNECTIONS} connections per core; medians"
    yield "| key | workers | requests/s | best | CPU µs per request | p99 ms | busiest worker |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for (key, cores), measured in samples.items():
        yield (
            f"| {key} | {len(cores)} | {median(each.rate for each in measured):,.0f} "
            f"| {max(each.rate for each in measured):,.0f} "
            f"| {median(each.cpu for each in measured) * 1e6:,.0f} "
            f"| {median(each.p99 for each in measured) * 1e3:.0f} "
            f"| {median(each.share for each in measured):.0%} |"
        )
    for key in KEYS:
        one, two = (samples[key, cores] for cores in settings)
        best = max(each.rate for each in two) / max(each.rate for each in one)
        yield (
            f"{key}: two workers have {best:.2f} x the best rate of one, median of the rounds "
            f"{median(b.rate / a.rate for a, b in zip(one, two, strict=True)):.2f} x, "
            f"{median(each.cpu for each in two) / median(each.cpu for each in one):.2f} x its CPU per request"
        )


def main() -> int:
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("the benchmark needs Linux and two cores", file=sys.stderr)
        return 1
    print(*lines(int(sys.argv[1]) if sys.argv[1:] else ROUNDS), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
