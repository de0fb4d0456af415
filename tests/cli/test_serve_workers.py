"""`vaultedge serve --workers N`: one port, exact limits, and workers that stop, die and are replaced."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.worker_gateway import admin, prepare, send_all, wait_for, workers
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import run_serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HEALTH = b"GET /health HTTP/1.1\r\nhost: gateway\r\n\r\n"


@pytest.fixture
def environment(tmp_path: Path, provider: FakeProvider) -> dict[str, str]:
    return prepare(tmp_path, provider)


def sockets(pid: int) -> int:
    """Return how many sockets a process has."""
    folder = Path(f"/proc/{pid}/fd")
    return sum(str(each.readlink()).startswith("socket:") for each in folder.iterdir() if each.is_symlink())


def test_workers_share_limits_exactly(
    tmp_path: Path, environment: dict[str, str], provider: FakeProvider
) -> None:
    """Of 200 requests to two workers, the 60 that the limit allows succeed, and each has its record."""
    with run_serve(tmp_path, environ=environment) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", rate_limit_rpm=60)
        statuses = send_all(gateway, created["key"], 200)
        status = gateway.stop(signal.SIGTERM)
    with run_serve(tmp_path, environ=environment) as gateway:
        usage = admin(gateway, tmp_path, f"/keys/{created['id']}")["usage"]

    assert (statuses, status) == ({200: 60, 429: 140}, 0)
    assert len(provider.requests) == usage["requests"] == 60
    assert usage["total_tokens"] == 60 * 12


def test_sigterm_completes_the_running_requests_of_all_workers(
    tmp_path: Path, environment: dict[str, str], provider: FakeProvider
) -> None:
    """Requests that run at SIGTERM get their response and their record.

    The signal reaches all processes, as service managers send it, and the workers twice.
    """
    provider.script("gpt-fake", FakeResponse(delay=1.5))
    with run_serve(tmp_path, environ=environment) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", max_parallel=99)
        pids = workers(gateway)
        answers: list[Counter[int]] = []
        asking = threading.Thread(target=lambda: answers.append(send_all(gateway, created["key"], 16)))
        asking.start()
        wait_for(lambda: len(provider.requests) == 16)
        for pid in (*pids, *pids):
            os.kill(pid, signal.SIGTERM)
        status = gateway.stop(signal.SIGTERM)
        asking.join()
        log = gateway.errors.read_text()
    with run_serve(tmp_path, environ=environment) as gateway:
        key = admin(gateway, tmp_path, f"/keys/{created['id']}")

    assert (status, answers) == (0, [{200: 16}])
    assert (key["usage"]["requests"], key["in_flight"]) == (16, 0)
    assert log.endswith("vaultedge: stopped\n")
    assert log.count("stopped") == 1


def test_connections_spread_evenly(tmp_path: Path, environment: dict[str, str]) -> None:
    """Of 16 connections, each of two workers gets at least 5."""
    with run_serve(tmp_path, environ=environment) as gateway:
        wait_for(lambda: len(workers(gateway)) == 2)
        host, port = gateway.url.removeprefix("http://").split(":")
        for _ in range(3):  # the second worker may still start
            time.sleep(1)
            before = [sockets(pid) for pid in workers(gateway)]
            connections = [socket.create_connection((host, int(port)), timeout=10) for _ in range(16)]
            for connection in connections:
                connection.sendall(HEALTH)
                connection.recv(4_096)
            counts = [sockets(pid) - most for pid, most in zip(workers(gateway), before, strict=True)]
            for connection in connections:
                connection.close()
            if min(counts) >= 5:
                break

    assert min(counts) >= 5


def test_sighup_restarts_the_workers_without_a_failed_request(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """SIGHUP replaces all workers; requests on new connections succeed all the time."""
    statuses: Counter[int] = Counter()
    with run_serve(tmp_path, environ=environment, wrapper=("setsid",)) as gateway:
        before, is_over = set(workers(gateway)), threading.Event()

        def ask() -> None:
            while not is_over.is_set():
                statuses.update(send_all(gateway, gateway.key, 3))

        asking = threading.Thread(target=ask)
        asking.start()
        gateway.process.send_signal(signal.SIGHUP)
        try:
            wait_for(lambda: len(after := set(workers(gateway))) == 2 and not after & before)
        finally:
            is_over.set()
            asking.join()
        status, log = gateway.stop(signal.SIGTERM), gateway.errors.read_text()

    assert statuses.keys() == {200}
    assert status == 0
    assert '"ERROR"' not in log


def test_a_worker_that_dies_is_replaced(tmp_path: Path, environment: dict[str, str]) -> None:
    """After SIGKILL to one worker the gateway responds, and has two workers again."""
    with run_serve(tmp_path, environ=environment) as gateway:
        victim = workers(gateway)[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in workers(gateway) and len(workers(gateway)) == 2)
        statuses = send_all(gateway, gateway.key, 8)
        log = gateway.errors.read_text()
        status = gateway.stop()

    assert (statuses, status) == ({200: 8}, 0)
    assert log.count('"event":"worker died"') == 1


def test_workers_that_die_at_once_end_the_gateway(tmp_path: Path, environment: dict[str, str]) -> None:
    """If workers die soon after their start, five times in a row, the gateway exits with 1 and an error."""
    with run_serve(tmp_path, environ=environment) as gateway:
        end = time.monotonic() + 30
        while gateway.process.poll() is None and time.monotonic() < end:
            for pid in workers(gateway)[:1]:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        status, log = gateway.process.poll(), gateway.errors.read_text()

    assert status == 1
    assert "vaultedge: the workers die as soon as they have started" in log


def test_no_worker_outlives_its_parent(tmp_path: Path, environment: dict[str, str]) -> None:
    """Workers stop if their parent is killed."""
    with run_serve(tmp_path, environ=environment) as gateway:
        pids = workers(gateway)
        gateway.stop(signal.SIGKILL)
        wait_for(lambda: not any(is_running(pid) for pid in pids))

    assert len(pids) == 2


def is_running(pid: int) -> bool:
    """Return True if a process exists and is no zombie, which waits for its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_start_is_printed_once(tmp_path: Path, environment: dict[str, str]) -> None:
    """The start is printed once, no command line contains a secret, and the parent has no threads."""
    with run_serve(tmp_path, environ=environment) as gateway:
        threads = list(Path(f"/proc/{gateway.process.pid}/task").iterdir())
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in workers(gateway)]
        gateway.stop()
        assert gateway.process.stdout is not None
        rest = gateway.process.stdout.read()

    assert rest == ""
    assert len(threads) == 1
    assert all(gateway.key.encode() not in each for each in commands)
