"""One run: targets take turns in each round, so that other load on the machine affects all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench.measure import Bench, Measurements, Server
from tests.bench.process import busy
from tests.bench.target import Target

Part = Callable[[Bench, Server], Measurements]
PARTS: Mapping[str, tuple[str, Part]] = {  # name: the case that a target needs, and the measurement
    "start": ("plain", lambda bench, server: bench.start(server.target)),
    "1": ("plain", lambda bench, server: bench.requests(server, 1)),
    "16": ("plain", lambda bench, server: bench.requests(server, 16)),
    "64": ("plain", lambda bench, server: bench.requests(server, 64)),
    "anthropic": ("anthropic", lambda bench, server: bench.anthropic(server)),
    "first": ("stream", lambda bench, server: bench.first(server)),
    "chunks": ("stream", lambda bench, server: bench.chunks(server, "stream")),
    "translated": ("anthropic_stream", lambda bench, server: bench.chunks(server, "anthropic_stream")),
    "shapes": ("plain", lambda bench, server: bench.shapes(server)),
}
DIRECT = ("1", "first", "shapes")  # parts that also measure the provider directly


@dataclass(slots=True)
class Run:
    """The results of a run: target -> measurement -> one value per round."""

    results: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    others: float = 0.0  # cores that other processes used
    failures: list[str] = field(default_factory=list)  # targets that do not work, with the reason

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
        servers = [each for each in (_started(bench, target, stack, result) for target in targets) if each]
        for server in servers if "start" in parts else ():
            bench.start(server.target)  # fills the file cache
        start, spent, own = time.monotonic(), busy(), _own_cpu(servers, direct)
        for turn in range(rounds):
            shift = turn % len(servers)
            order = [*servers[shift:], *servers[:shift]]
            for part in parts:
                case, measurement = PARTS[part]
                for server in [direct, *order] if part in DIRECT else order:
                    if case in server.target.cases:
                        result.add(server.target, measurement(bench, server))
        spent, own = busy() - spent, _own_cpu(servers, direct) - own
        result.others = max(0.0, spent - own) / (time.monotonic() - start)
    return result


def _started(bench: Bench, target: Target, stack: ExitStack, run: Run) -> Server | None:
    """Return the running and warm server of a target; None, and a line in the run, if it does not work."""
    try:
        server = Server(target, stack.enter_context(bench.running(target)))
        bench.warm(server)
    except (RuntimeError, OSError) as error:
        run.failures.append(f"{target.name} is not measured: {str(error)[-300:]}")
        return None
    return server


def _own_cpu(servers: Sequence[Server], direct: Server) -> float:
    """Return the CPU seconds of this run: its servers, the finished drivers, and this process."""
    used = os.times()
    ended = used.user + used.system + used.children_user + used.children_system
    return ended + sum(server.process.cpu() for server in (*servers, direct))
