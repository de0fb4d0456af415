"""`vaultedge serve` with thousands of silent and slow connections, at the default limit of descriptors."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.cli.connections import HEAD_TIME, MAX_CONNECTIONS, RESERVED_DESCRIPTORS, connection_limit
from vaultcore.simulators.server import Simulator, simulated

IDLE, SLOW = 2_000, 300  # connections
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
QUESTION = {"model": "fast-llm", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, Simulator]]:
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as running:
        yield running


@contextmanager
def run_limited(
    home: Path, simulators: dict[str, Simulator], limit: str, **environ: str
) -> Iterator[GatewayProcess]:
    """Run `serve` after `ulimit` with these arguments."""
    overlay = prepare_home(home, simulators)
    wrapper = ("sh", "-c", f'ulimit {limit}; exec "$@"', "sh")
    with run_serve(home, "--providers", str(overlay), wrapper=wrapper, environ=environ) as running:
        yield running


@contextmanager
def many_descriptors(count: int) -> Iterator[None]:
    """Let this process open `count` descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"needs {count} file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(gateway: GatewayProcess, first: bytes = b"") -> socket.socket:
    host, port = gateway.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(first)
    return connection


def ask(gateway: GatewayProcess) -> tuple[int, float]:
    """Return the status of a good request on a new connection, and its seconds."""
    started = time.monotonic()
    headers = {"authorization": f"Bearer {gateway.key}"}
    url = f"{gateway.url}/v1/chat/completions"
    status = httpx.post(url, json=QUESTION, headers=headers, trust_env=False, timeout=20).status_code
    return status, time.monotonic() - started


@pytest.mark.parametrize("limit", ["-Sn 1024", "-n 1024"], ids=["soft limit 1024", "hard limit 1024"])
def test_idle_and_slow_connections_delay_nobody(
    tmp_path: Path, simulators: dict[str, Simulator], limit: str
) -> None:
    """With 2,000 silent and 300 slow connections, good requests take under a second; the log is small."""
    with (
        many_descriptors(IDLE + SLOW + 200),
        run_limited(tmp_path, simulators, limit) as gateway,
        ExitStack() as stack,
    ):
        authorization = b"authorization: Bearer " + gateway.key.encode() + b"\r\n"
        slow_body = HEAD + authorization + b"content-length: 5000\r\n\r\n{"
        for _ in range(IDLE):
            stack.enter_context(connect(gateway))
        during = ask(gateway)
        for number in range(SLOW):
            stack.enter_context(connect(gateway, slow_body if number % 2 else HEAD))
        answers = [during]
        for _ in range(10):
            answers.append(ask(gateway))
            time.sleep(0.1)  # real sockets of another process
        log = gateway.errors.read_text()

    assert [status for status, _ in answers] == [200] * len(answers)
    assert max(seconds for _, seconds in answers) < 1
    assert len(log) < 50_000
    assert "accept" not in log


@pytest.mark.slow
def test_a_silent_connection_is_closed(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """A connection without a request is closed after HEAD_TIME, and so is half a head, which gets 408.

    One that drips bytes is closed at the same time. A kept-alive connection is not.
    """
    with run_limited(tmp_path, simulators, "-Sn 1024") as gateway, ExitStack() as stack:
        silent, half, dripping, kept_alive = (
            stack.enter_context(connect(gateway, first))
            for first in (b"", HEAD, b"GET / HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        )
        started = time.monotonic()
        dripping.settimeout(0.5)
        received = None
        while received is None:
            dripping.sendall(b"a: b\r\n")
            try:
                received = dripping.recv(99)
            except TimeoutError:
                assert time.monotonic() < started + HEAD_TIME + 3
        elapsed = time.monotonic() - started
        answers = [silent.recv(99), half.recv(99), received]
        kept_alive.recv(9_999)
        kept_alive.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        again = kept_alive.recv(9_999)
        log = gateway.errors.read_text()

    assert HEAD_TIME - 0.5 < elapsed < HEAD_TIME + 3
    assert answers[0] == b""
    assert [answer.split(b" ")[1] for answer in answers[1:]] == [b"408", b"408"]
    assert again.startswith(b"HTTP/1.1 200")
    assert log.count('"connections closed"') == 1


def test_garbage_does_not_fill_the_log(tmp_path: Path, simulators: dict[str, Simulator]) -> None:
    """200 connections that speak no HTTP get 400 and at most one log line per second."""
    with run_limited(tmp_path, simulators, "-Sn 1024") as gateway:
        started = time.monotonic()
        for _ in range(200):
            with connect(gateway, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n") as connection:
                assert connection.recv(99).startswith(b"HTTP/1.1 400")
        elapsed = time.monotonic() - started
        assert ask(gateway)[0] == 200
        lines = gateway.errors.read_text().splitlines()

    assert len([line for line in lines if '"request"' not in line]) <= elapsed + 1


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(64, 16), (1_024, (1_024 - RESERVED_DESCRIPTORS) // 2), (20_000, MAX_CONNECTIONS), (1 << 20, 8_192)],
)
def test_the_limit_of_connections_follows_from_descriptors(descriptors: int, connections: int) -> None:
    """Each connection may need a second descriptor for its provider; some are for the store and the log."""
    assert connection_limit(descriptors) == connections
