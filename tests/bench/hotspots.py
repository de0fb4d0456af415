"""Profiles: the cost of imports, and the hot functions of a serving process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.bench.measure import Bench, Measurements, Server
from tests.bench.process import pinned, running
from tests.bench.target import Target

TOP = 10
OURS = tuple(
    f"vaultcore/{part}"
    for part in (
        "web",
        "gateway",
        "routing",
        "upstream",
        "dialects",
        "streams",
        "client_apis",
        "catalog",
        "admission",
        "telemetry",
        "tracing",
        "vault",
        "usage",
        "secrets",
    )
)
TIMEOUT = 10.0  # seconds for the sampler to write its file
HEAVY = ("fastapi", "pydantic", "boto3", "sqlite3", "yaml")
LOADED = f"import sys, vaultcore.app; print(*sorted({set(HEAVY)!r} & sys.modules.keys()))"


def lines(bench: Bench, target: Target) -> Iterator[str]:
    """Yield a report: imports of the app, imports of a whole start, hot functions under three loads."""
    alone = replace(target, arguments=("-c", LOADED))
    loaded, imports = _profile_app(bench, alone)
    yield f"of {', '.join(HEAVY)}, vaultcore.app imports {loaded or 'none'}"
    yield from slowest("vaultcore.app", imports)
    yield from slowest("serve, to its first response", _profile_start(bench, target))
    yield from _loads(bench, target)


def _profile_app(bench: Bench, target: Target) -> tuple[str, str]:
    with pinned(bench.cores.target):
        done = subprocess.run(
            target.command("-X", "importtime"),
            env=dict(target.environ),
            cwd=bench.folder,
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout.strip(), done.stderr


def _profile_start(bench: Bench, target: Target) -> str:
    """Return the import times of a server until its first response."""
    command, log = target.command("-X", "importtime"), "imports.log"
    with running(command, target.environ, bench.cores.target, bench.folder, log) as process:
        bench.warm(Server(target, process))
    return (bench.folder / log).read_text()


def slowest(what: str, log: str) -> Iterator[str]:
    """Yield the slowest imports, by own time and by time including their imports."""
    rows = [
        (int(own), int(whole), name)
        for own, whole, name in re.findall(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", log, re.MULTILINE)
    ]
    yield f"\nimports of {what}: {len(rows)} modules, {sum(own for own, _, _ in rows) / 1e3:,.0f} ms"
    yield f"{'itself, ms':>12}  {'':<34}{'with its own, ms':>18}"
    by_own = sorted(rows, reverse=True)[:TOP]
    by_whole = sorted(rows, key=lambda row: -row[1])[:TOP]
    for (own, _, one), (_, whole, other) in zip(by_own, by_whole, strict=True):
        yield f"{own / 1e3:>12.1f}  {one:<34}{whole / 1e3:>18.1f}  {other}"


def _loads(bench: Bench, target: Target) -> Iterator[str]:
    out = bench.folder / "samples.json"
    sampled = replace(target, arguments=("-m", "tests.bench.sampler", str(out), *target.arguments[2:]))
    with ExitStack() as stack:
        server = Server(sampled, stack.enter_context(bench.running(sampled)))
        bench.warm(server)
        loads: dict[str, Callable[[], Measurements]] = {
            "buffered responses, 16 connections": lambda: bench.requests(server, 16),
            "short streams": lambda: bench.first(server),
            "long streams": lambda: bench.chunks(server, "stream"),
        }
        for what, load in loads.items():
            os.kill(server.process.pid, signal.SIGUSR1)
            load()
            os.kill(server.process.pid, signal.SIGUSR2)
            yield from _hottest(what, _read_samples(out))


def _read_samples(out: Path) -> str:
    until = time.monotonic() + TIMEOUT
    while not out.exists() and time.monotonic() < until:
        time.sleep(0.02)
    text = out.read_text()
    out.unlink()
    return text


def _hottest(what: str, text: str) -> Iterator[str]:
    samples = json.loads(text)
    count = samples["looks"]
    yield f"\n{what}: {count} samples; % in the function itself, and % in the function or its callees"
    yield from _top(samples["own"].items(), count, "itself")
    yield from _top(
        ((name, hits) for name, hits in samples["within"].items() if name.startswith(OURS)),
        count,
        "within",
    )


def _top(counted: Iterable[tuple[str, int]], looks: int, kind: str) -> Iterator[str]:
    for name, count in sorted(counted, key=lambda item: -item[1])[: TOP * 2]:
        yield f"{100 * count / max(looks, 1):>6.1f} {kind}  {name}"
