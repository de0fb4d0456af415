"""Processes under measurement: start on some cores, read their usage from /proc, and stop."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

START_TIMEOUT = 60.0  # seconds for a server to end if it does not print its URL
NICE = "-8"  # of measured processes and drivers, so that other work on the machine disturbs them less
POLL = 0.003  # seconds between attempts to connect to a starting server
TICK = os.sysconf("SC_CLK_TCK")  # per second


@dataclass(frozen=True, slots=True)
class Cores:
    """The target runs alone on the first core; load drivers and fakes run on the others."""

    target: frozenset[int]
    load: frozenset[int]

    @classmethod
    def split(cls) -> Cores:
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), frozenset(rest or {first}))


@dataclass(slots=True)
class Running:
    """A running server."""

    pid: int
    url: str
    started: float  # perf_counter at exec

    def cpu(self) -> float:
        """Return the CPU seconds of its process tree."""
        return sum(map(cpu, tree(self.pid)))

    def memory(self) -> float:
        """Return the resident megabytes of its process tree."""
        return sum(map(_resident, tree(self.pid))) / 1e6


@contextmanager
def running(
    command: Sequence[str],
    environ: Mapping[str, str],
    cores: frozenset[int],
    folder: Path,
    stderr: str = "stderr.log",
    port: int | None = None,
) -> Iterator[Running]:
    """Run a server while the context is open; yield it once it prints `base url …` or listens on its port."""
    with (folder / stderr).open("w+b") as log:
        start = time.perf_counter()
        with pinned(cores):
            process = subprocess.Popen(
                command,
                env=environ,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if port is None else log,
                stderr=log,
                start_new_session=True,
            )
        prioritise(process.pid)
        try:
            url = _read_url(process, log) if port is None else _listening(process, log, port)
            yield Running(process.pid, url, start)
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
    """Run children that start in this context on these cores; they inherit the affinity."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def prioritise(leader: int, nice: str = NICE) -> None:
    """Prefer the session of a process to others, as far as permitted: Linux schedules sessions as groups."""
    with suppress(OSError):
        Path(f"/proc/{leader}/autogroup").write_text(nice)


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process; 0 if it has ended."""
    # The per-process clock has nanoseconds; /proc/PID/stat has hundredths of a second.
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)
    return 0.0


def used(root: int) -> float:
    """Return the CPU seconds of a process tree, including children that have ended."""
    return sum(cpu(pid) + _reaped(pid) for pid in tree(root))


def peak(root: int) -> float:
    """Return the sum of the peak resident memory of a process tree, in MiB."""
    return sum(_peak(pid) for pid in tree(root)) / 1024


def environment(**more: str) -> dict[str, str]:
    """Return a minimal environment for a child, in which this repository can be imported."""
    root = Path(__file__).parents[2]
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root), "LC_ALL": "C.UTF-8", **more}


def tree(root: int) -> list[int]:
    """Return the ids of a process and its descendants."""
    pids, pending = [], [root]
    while pending:
        pid = pending.pop()
        pids.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                pending += map(int, children.read_text().split())
    return pids


def busy() -> float:
    """Return the CPU seconds that the machine has used since it started."""
    user, nice, system, _idle, _wait, irq, soft = map(int, _line("/proc/stat").split()[1:8])
    return (user + nice + system + irq + soft) / TICK


def machine() -> str:
    """Return Python version and number of cores, for display."""
    cores = len(os.sched_getaffinity(0))
    shared = "" if cores == 1 else "s"
    return f"Python {sys.version.split()[0]}, {cores} core{shared}"


def _reaped(pid: int) -> float:
    with suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(after_name[13]) + int(after_name[14])) / TICK  # cutime and cstime
    return 0.0


def _peak(pid: int) -> int:
    """Return the peak resident memory in KiB."""
    with suppress(OSError):
        if match := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
            return int(match[1])
    return 0


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(_line(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _line(file: str) -> str:
    return Path(file).read_text().partition("\n")[0]


def _read_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """Return the URL that a server prints once it listens; raise RuntimeError with its stderr if it ends."""
    lines = process.stdout
    if lines is None:
        raise ValueError("stdout is not piped")
    for line in lines:
        if match := re.match(rb"base url +(\S+)", line):
            return match[1].decode()
    process.wait(START_TIMEOUT)
    raise _ended(process, log)


def _listening(process: subprocess.Popen[bytes], log: IO[bytes], port: int) -> str:
    """Return the URL of a server once it accepts connections; raise RuntimeError with its log if it ends."""
    until = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return f"http://127.0.0.1:{port}/v1"
        time.sleep(POLL)
    raise _ended(process, log)


def _ended(process: subprocess.Popen[bytes], log: IO[bytes]) -> RuntimeError:
    log.seek(0)
    state = "did not start" if process.returncode is None else f"ended with {process.returncode}"
    return RuntimeError(f"the server {state}: {log.read().decode(errors='replace')}")
