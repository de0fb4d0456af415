"""One run: targets take turns in each round, so that other load on the machine affects all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench.measure import Bench, Measurements, Server
from tests.bench.process import busy
from tests.bench.target import Target

PARTS = ("start", "1", "16", "64", "first", "chunks")
DIRECT = ("1", "first")  # parts that also measure the provider directly


@dataclass(slots=True)
class Run:
    """The results of a run: target -> measurement -> one value per round."""

    results: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    others: float = 0.0  # cores that other processes used

    def add(self, target: Target, measurements: Measurements) -> None:
        values = self.results.setdefault(target.name, {})
        for name, value in measurements.items():
            values.setdefault(name, []).append(value)


def run(
    bench: Bench, direct: Server, targets: Sequence[Target], *, rounds: int, parts: Collection[str]
) -> Run:
    """Measure each part of each target once per round. Each round starts with another target."""
    result = Run()
    with ExitStack() as stack:
        servers = [Server(each, stack.enter_context(bench.running(each))) for each in targets]
        for server in (direct, *servers):
            bench.warm(server)
        for target in targets if "start" in parts else ():
            bench.start(target)  # fills the file cache
        start, spent, own = time.monotonic(), busy(), _own_cpu(servers, direct)
        for turn in range(rounds):
            shift = turn % len(servers)
            order = [*servers[shift:], *servers[:shift]]
            for part in parts:
                for server in [direct, *order] if part in DIRECT else order:
                    result.add(server.target, _measure(bench, server, part))
        spent, own = busy() - spent, _own_cpu(servers, direct) - own
        result.others = max(0.0, spent - own) / (time.monotonic() - start)
    return result


def _measure(bench: Bench, server: Server, part: str) -> Measurements:
    match part:
        case "start":
            return bench.start(server.target)
        case "first":
            return bench.first(server)
        case "chunks":
            return bench.chunks(server)
        case connections:
            return bench.requests(server, int(connections))


def _own_cpu(servers: Sequence[Server], direct: Server) -> float:
    """Return the CPU seconds of this run: its servers, the finished drivers, and this process."""
    used = os.times()
    ended = used.user + used.system + used.children_user + used.children_system
    return ended + sum(server.process.cpu() for server in (*servers, direct))
