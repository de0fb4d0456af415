"""One run: rounds in which the targets take turns, so that whatever else the machine does meets them all."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench.measure import Bench, Seen, Server
from tests.bench.process import busy
from tests.bench.target import Target

PARTS = ("start", "1", "16", "64", "first", "chunks")
DIRECT = ("1", "first")  # parts in which the provider is asked directly too


@dataclass(slots=True)
class Run:
    """What a run has seen: by target, by figure, one value per round."""

    kept: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    others: float = 0.0  # cores that other work took meanwhile

    def keep(self, target: Target, seen: Seen) -> None:
        figures = self.kept.setdefault(target.name, {})
        for name, value in seen.items():
            figures.setdefault(name, []).append(value)


def run(
    bench: Bench, direct: Server, targets: Sequence[Target], *, rounds: int, parts: Collection[str]
) -> Run:
    """Measure each target in each part, once a round; every round begins with another one."""
    made = Run()
    with ExitStack() as stack:
        servers = [Server(each, stack.enter_context(bench.running(each))) for each in targets]
        for server in (direct, *servers):
            bench.warm(server)
        for target in targets if "start" in parts else ():
            bench.start(target)  # fills the file cache, which the servers above may have left half warm
        began, spent, own = time.monotonic(), busy(), _own(servers, direct)
        for turn in range(rounds):
            shift = turn % len(servers)
            order = [*servers[shift:], *servers[:shift]]
            for part in parts:
                for server in [direct, *order] if part in DIRECT else order:
                    made.keep(server.target, _seen(bench, server, part))
        spent, own = busy() - spent, _own(servers, direct) - own
        made.others = max(0.0, spent - own) / (time.monotonic() - began)
    return made


def _seen(bench: Bench, server: Server, part: str) -> Seen:
    match part:
        case "start":
            return bench.start(server.target)
        case "first":
            return bench.first(server)
        case "chunks":
            return bench.chunks(server)
        case connections:
            return bench.requests(server, int(connections))


def _own(servers: Sequence[Server], direct: Server) -> float:
    """CPU seconds of this run: its servers', the drivers' that have ended, and its own."""
    used = os.times()
    ended = used.user + used.system + used.children_user + used.children_system
    return ended + sum(server.process.cpu() for server in (*servers, direct))
