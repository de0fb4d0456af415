"""Calls and CPU time of one request: `python -m tests.bench.calls [--limits] [--top 40]`.

It counts the calls of the main thread of `vaultedge serve` while one connection sends buffered requests, once
the gateway is warm. The number is nearly the same on every machine, so a test can have a ceiling for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pstats
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import target
from tests.bench.call_counter import started
from tests.bench.driver import Job, drive
from tests.bench.process import Cores, Running, machine, running
from tests.bench.target import Target

WARM_UP, COUNTED, TIMED = 300, 300, 1_500  # requests
TIMEOUT = 10.0  # seconds for the server to react to a signal
SETTLED = 0.05  # seconds after a response in which its settlement ends
BUILT_IN = "~"  # file of a C function in a profile
PLACE = re.compile(r".*/(?:site-packages/|python[\d.]+/|(?=(?:vaultcore|tests)/))")


@dataclass(frozen=True, slots=True)
class Function:
    """One function, per request: its calls, and the microseconds in itself while the calls are counted."""

    calls: float
    micros: float


@dataclass(frozen=True, slots=True)
class Calls:
    """The cost of a request: calls of Python and C functions by name, CPU microseconds without counting."""

    python: Mapping[str, Function]
    native: Mapping[str, Function]
    micros: float

    @property
    def total(self) -> float:
        """Return the calls of Python functions."""
        return sum(each.calls for each in self.python.values())


def measure(*, limits: bool, timed: int = TIMED) -> Calls:
    """Start the mock provider and the gateway; return the calls and the CPU time of one request.

    Without `timed` requests, the CPU time is 0. Raise RuntimeError if a response is wrong.
    """
    cores = Cores.split()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        mock = target.provider()
        upstream = stack.enter_context(running(mock.command(), mock.environ, cores.load, folder, "mock.log"))
        gateway = (target.limited if limits else target.vaultedge)(upstream.url, folder / "home")
        out = folder / "calls"
        counted = replace(gateway, arguments=("-m", "tests.bench.call_counter", str(out), *target.SERVE[2:]))
        server = stack.enter_context(running(counted.command(), counted.environ, cores.target, folder))
        _send(counted, server, WARM_UP)
        micros = _timed(counted, server, timed) if timed else 0.0
        os.kill(server.pid, signal.SIGUSR1)
        _wait_for(started(out))
        _send(counted, server, COUNTED)
        time.sleep(SETTLED)
        os.kill(server.pid, signal.SIGUSR2)
        _wait_for(out)
        return _read(out, micros)


def report(calls: Calls, top: int) -> Iterator[str]:
    """Yield the lines of a report with the functions called most and the packages called most."""
    native = sum(each.calls for each in calls.native.values())
    functions = sum(each.calls >= 0.5 for each in calls.python.values())
    yield f"{calls.total:,.0f} Python calls, {native:,.0f} calls of C functions per request"
    yield f"{functions} different Python functions; {calls.micros:,.0f} µs of CPU per request, 1 connection"
    packages: defaultdict[str, float] = defaultdict(float)
    for name, each in calls.python.items():
        packages[package(name)] += each.calls
    by_count = sorted(packages.items(), key=lambda item: -item[1])
    yield "\ncalls by package"
    yield ", ".join(f"{name} {count:,.1f}" for name, count in by_count if count >= 0.5)
    yield f"\n{'calls':>8}{'own µs':>8}  function (times are longer while calls are counted)"
    for name, each in sorted(calls.python.items(), key=lambda item: -item[1].calls)[:top]:
        yield f"{each.calls:>8.1f}{each.micros:>8.1f}  {name}"


def package(name: str) -> str:
    """Return the package of a function; of this repository, the package and its folder."""
    parts = name.partition(":")[0].removesuffix(".py").split("/")
    return "/".join(parts[:2]) if parts[0] == "vaultcore" else parts[0]


def _timed(counted: Target, server: Running, count: int) -> float:
    before = server.cpu()
    _send(counted, server, count)
    return (server.cpu() - before) / count * 1e6


def _send(gateway: Target, server: Running, count: int) -> None:
    job = Job(server.url, gateway.key, "bench", seconds=0, least=count)
    outcome = asyncio.run(drive(job))
    if outcome.failures:
        raise RuntimeError(f"{outcome.failures} of {outcome.requests} responses were wrong or incomplete")


def _wait_for(file: Path) -> None:
    until = time.monotonic() + TIMEOUT
    while not file.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"the server did not write {file.name}")
        time.sleep(0.005)


def _read(out: Path, micros: float) -> Calls:
    python: dict[str, Function] = {}
    native: dict[str, Function] = {}
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
    stats = pstats.Stats(str(out)).stats  # type: ignore[attr-defined]  # typeshed lacks it
    for (file, line, name), (_, count, own, _, _) in stats.items():
        place = name if file == BUILT_IN else f"{PLACE.sub('', file)}:{line} {name}"
        (native if file == BUILT_IN else python)[place] = Function(count / COUNTED, own / COUNTED * 1e6)
    return Calls(python, native, micros)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calls", description=__doc__)
    parser.add_argument("--limits", action="store_true", help="use a virtual key with every limit")
    parser.add_argument("--top", type=int, default=25, help="number of functions; default 25")
    parser.add_argument("--json", action="store_true", help="print the calls of each Python function")
    args = parser.parse_args(argv)
    if sys.platform != "linux":
        print("the counter reads /proc: it needs Linux", file=sys.stderr)
        return 1
    calls = measure(limits=args.limits)
    if args.json:
        json.dump({name: each.calls for name, each in calls.python.items()}, sys.stdout, indent=1)
        return 0
    print(f"{machine()}; {'all limits' if args.limits else 'system key'}")
    print(*report(calls, args.top), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
