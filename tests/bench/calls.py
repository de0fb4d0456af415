"""Calls and CPU time of one request: `python -m tests.bench.calls [--limits] [--stream] [--top 40]`.

It counts the calls of the main thread of `vaultedge serve` while one connection sends requests, once the
gateway is warm. The number is nearly the same on every machine, so a test can have a ceiling for it.
`--stream` counts the calls of one further chunk of a stream, read alone; `--case` is its case of target.py.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import target
from tests.bench.call_counter import started
from tests.bench.driver import Job, drive
from tests.bench.process import Cores, Running, machine, running
from tests.bench.target import Target
from tests.bench.upstream_responses import LONG, SHORT

WARM_UP, COUNTED, TIMED = 300, 300, 1_500  # requests
STREAMS = 10  # counted streams of each length
TIMEOUT = 10.0  # seconds for the server to react to a signal
SETTLED = 0.05  # seconds after a response in which its settlement ends
BUILT_IN = "~"  # file of a C function in a profile
PLACE = re.compile(r".*/(?:site-packages/|python[\d.]+/|(?=(?:vaultcore|tests)/))")


@dataclass(frozen=True, slots=True)
class Function:
    """One function, per request: its calls, and the microseconds in itself while the calls are counted."""

    calls: float
    micros: float


Counts = tuple[dict[str, Function], dict[str, Function]]  # of Python functions, of C functions


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


@dataclass(frozen=True, slots=True)
class CountedServer:
    """A running gateway that can count its calls."""

    target: Target
    process: Running
    out: Path  # where the counter writes

    def send(self, count: int, model: str = "bench", *, stream: bool = False) -> None:
        """Send requests one after the other. Raise RuntimeError if a response is wrong."""
        job = Job(self.process.url, self.target.key, model, seconds=0, least=count, stream=stream)
        outcome = asyncio.run(drive(job))
        if outcome.failures:
            raise RuntimeError(f"{outcome.failures} of {outcome.requests} responses were wrong or incomplete")

    def count(self, requests: int, model: str = "bench", *, stream: bool = False) -> Counts:
        """Return the calls of some requests, per request."""
        self.out.unlink(missing_ok=True)
        os.kill(self.process.pid, signal.SIGUSR1)
        _wait_for(started(self.out))
        self.send(requests, model, stream=stream)
        time.sleep(SETTLED)
        os.kill(self.process.pid, signal.SIGUSR2)
        _wait_for(self.out)
        return _read(self.out, requests)


@contextmanager
def counting(*, limits: bool) -> Iterator[CountedServer]:
    """Run the mock provider and a gateway that counts its calls."""
    cores = Cores.split()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        mock = target.provider()
        upstream = stack.enter_context(running(mock.command(), mock.environ, cores.load, folder, "mock.log"))
        gateway = (target.limited if limits else target.vaultedge)(upstream.url, folder / "home")
        out = folder / "calls"
        counted = replace(gateway, arguments=("-m", "tests.bench.call_counter", str(out), *target.SERVE[2:]))
        server = stack.enter_context(running(counted.command(), counted.environ, cores.target, folder))
        yield CountedServer(counted, server, out)


def measure(*, limits: bool, timed: int = TIMED) -> Calls:
    """Start the mock provider and the gateway; return the calls and the CPU time of one request.

    Without `timed` requests, the CPU time is 0. Raise RuntimeError if a response is wrong.
    """
    with counting(limits=limits) as server:
        server.send(WARM_UP)
        micros = _timed(server, timed) if timed else 0.0
        return Calls(*server.count(COUNTED), micros)


def measure_chunk(case: str) -> Calls:
    """Return the calls of one further chunk: the difference of long and short streams per chunk between them.

    A short stream arrives in one read, and each chunk of a long one in its own.
    """
    with counting(limits=False) as server:
        model = server.target.cases[case].model
        models = (model.removesuffix("-long"), model)
        for each in models:
            server.send(STREAMS, each, stream=True)
        short, long = (server.count(STREAMS, each, stream=True) for each in models)
    python, native = (_difference(*counts) for counts in zip(short, long, strict=True))
    return Calls(python, native, 0.0)


def _difference(short: Mapping[str, Function], long: Mapping[str, Function]) -> dict[str, Function]:
    """Return what a further chunk takes, of streams with LONG and SHORT chunks."""
    none, chunks = Function(0.0, 0.0), LONG - SHORT
    rows = {name: (short.get(name, none), long.get(name, none)) for name in {**short, **long}}
    return {
        name: Function((more.calls - less.calls) / chunks, (more.micros - less.micros) / chunks)
        for name, (less, more) in rows.items()
    }


def report(calls: Calls, top: int, unit: str = "request") -> Iterator[str]:
    """Yield the lines of a report with the functions called most and the packages called most."""
    native = sum(each.calls for each in calls.native.values())
    functions = sum(each.calls >= 0.5 for each in calls.python.values())
    yield f"{calls.total:,.0f} Python calls, {native:,.0f} calls of C functions per {unit}"
    micros = f"; {calls.micros:,.0f} µs of CPU per {unit}, 1 connection" if calls.micros else ""
    yield f"{functions} different Python functions{micros}"
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


def _timed(server: CountedServer, count: int) -> float:
    before = server.process.cpu()
    server.send(count)
    return (server.process.cpu() - before) / count * 1e6


def _wait_for(file: Path) -> None:
    until = time.monotonic() + TIMEOUT
    while not file.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"the server did not write {file.name}")
        time.sleep(0.005)


def _read(out: Path, requests: int) -> Counts:
    python: dict[str, Function] = {}
    native: dict[str, Function] = {}
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
    stats = pstats.Stats(str(out)).stats  # type: ignore[attr-defined]  # typeshed lacks it
    for (file, line, name), (_, count, own, _, _) in stats.items():
        place = name if file == BUILT_IN else f"{PLACE.sub('', file)}:{line} {name}"
        (native if file == BUILT_IN else python)[place] = Function(count / requests, own / requests * 1e6)
    return python, native


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calls", description=__doc__)
    parser.add_argument("--limits", action="store_true", help="use a virtual key with every limit")
    parser.add_argument("--stream", action="store_true", help="count per further chunk of a stream")
    parser.add_argument("--case", default="stream", choices=("stream", "anthropic_stream"))
    parser.add_argument("--top", type=int, default=25, help="number of functions; default 25")
    parser.add_argument("--json", action="store_true", help="print the calls of each Python function")
    args = parser.parse_args(argv)
    if sys.platform != "linux":
        print("the counter reads /proc: it needs Linux", file=sys.stderr)
        return 1
    unit = "chunk" if args.stream else "request"
    calls = measure_chunk(args.case) if args.stream else measure(limits=args.limits)
    if args.json:
        json.dump({name: each.calls for name, each in calls.python.items()}, sys.stdout, indent=1)
        return 0
    print(f"{machine()}; {'all limits' if args.limits else 'system key'}")
    print(*report(calls, args.top, unit), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
