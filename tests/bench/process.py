"""Processes under measurement: started on a core, asked what they have used, and ended. Reads /proc."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PATIENCE = 60.0  # seconds a server may take to say where it listens
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the target alone on the first core, all that loads it on the others."""

    target: frozenset[int]
    load: frozenset[int]

    @classmethod
    def split(cls) -> Cores:
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), frozenset(rest or {first}))


@dataclass(slots=True)
class Running:
    """A server that listens."""

    pid: int
    url: str
    began: float  # perf_counter at exec

    def cpu(self) -> float:
        """CPU seconds that its whole process tree has used."""
        return sum(map(_cpu, tree(self.pid)))

    def memory(self) -> float:
        """Resident megabytes of its whole process tree."""
        return sum(map(_resident, tree(self.pid))) / 1e6


@contextmanager
def running(
    command: Sequence[str],
    environ: Mapping[str, str],
    cores: frozenset[int],
    folder: Path,
    stderr: str = "stderr.log",
) -> Iterator[Running]:
    """A server from exec until it has ended, once it has said `base url …` on stdout."""
    with (folder / stderr).open("w+b") as log:
        began = time.perf_counter()
        with pinned(cores):
            process = subprocess.Popen(
                command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        try:
            yield Running(process.pid, _said(process, log), began)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Children made meanwhile run on these cores from their first instruction: they inherit the affinity."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def used(root: int) -> float:
    """CPU seconds of a process tree, of its children that have ended too."""
    return sum(_cpu(pid) + _reaped(pid) for pid in tree(root))


def peak(root: int) -> float:
    """The most mebibytes that each process of a tree has had resident, together."""
    return sum(_peak(pid) for pid in tree(root)) / 1024


def environment(**more: str) -> dict[str, str]:
    """A bare environment for a child: this repository importable, byte code written and used as usual."""
    root = Path(__file__).parents[2]
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root), "LC_ALL": "C.UTF-8", **more}


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                waiting += map(int, children.read_text().split())
    return found


def busy() -> float:
    """CPU seconds the whole machine has used since it started."""
    user, nice, system, _idle, _wait, irq, soft = map(int, _line("/proc/stat").split()[1:8])
    return (user + nice + system + irq + soft) / TICK


def machine() -> str:
    """What this runs on, in a few words."""
    cores = len(os.sched_getaffinity(0))
    shared = "" if cores == 1 else "s"
    return f"Python {sys.version.split()[0]}, {cores} core{shared}"


def _cpu(pid: int) -> float:
    # The kernel's per-process clock, to the nanosecond: /proc/PID/stat has it in hundredths of a second.
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)
    return 0.0


def _reaped(pid: int) -> float:
    with suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(after_name[13]) + int(after_name[14])) / TICK  # cutime and cstime
    return 0.0


def _peak(pid: int) -> int:
    """Kibibytes."""
    with suppress(OSError):
        if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
            return int(found[1])
    return 0


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(_line(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _line(file: str) -> str:
    return Path(file).read_text().partition("\n")[0]


def _said(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """The URL in the line a server says once it listens; what it wrote to stderr where it says none."""
    lines = process.stdout
    if lines is None:
        raise ValueError("stdout is not piped")
    for line in lines:
        if found := re.match(rb"base url +(\S+)", line):
            return found[1].decode()
    process.wait(PATIENCE)
    log.seek(0)
    raise RuntimeError(f"the server ended with {process.returncode}: {log.read().decode(errors='replace')}")
