"""`vaultedge serve` on raw sockets: unusual requests, and clients that disconnect."""

from __future__ import annotations

import json
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.simulators.server import simulated


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    home = tmp_path_factory.mktemp("home")
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = prepare_home(home, simulators)
        with run_serve(home, "--providers", str(overlay)) as running:
            yield running


def connect(gateway: GatewayProcess) -> socket.socket:
    host, port = gateway.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(connection: socket.socket) -> tuple[int, bytes]:
    """Return status and body of a response that ends with the connection."""
    received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head, "the connection was closed without a response"
    return int(head.split(b" ", 2)[1]), body


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("host: a\r\nhost: b\r\n", "host"),
        ("", "host"),
        ("host: a\r\nauthorization: Bearer x\r\nAuthorization: Bearer y\r\n", "authorization"),
    ],
    ids=["host twice", "no host", "authorization twice"],
)
def test_ambiguous_header_fields_are_rejected(gateway: GatewayProcess, fields: str, name: str) -> None:
    """Repeated fields and a missing Host get status 400 and an error body over a real connection."""
    with connect(gateway) as connection:
        connection.sendall(f"GET /v1/models HTTP/1.1\r\n{fields}connection: close\r\n\r\n".encode())
        status, body = read_all(connection)

    assert status == 400
    assert json.loads(body)["error"]["param"] == name


@pytest.mark.parametrize("size", [100_000, 300_000])
def test_a_split_head_before_a_large_body_is_accepted(gateway: GatewayProcess, size: int) -> None:
    """A head that arrives in two reads, the second with more body than a head may have, is served."""
    question = {"model": "fast-llm", "messages": [{"role": "user", "content": "a" * size}], "max_tokens": 9}
    body = json.dumps(question).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {gateway.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode()

    with connect(gateway) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head[:60])
        time.sleep(0.3)  # the server reads the first part alone
        connection.sendall(head[60:] + body)
        status, _ = read_all(connection)

    assert status == 200


def test_a_disconnect_during_the_body_is_no_error(gateway: GatewayProcess) -> None:
    """A client that disconnects before its body is complete is logged with status 499, not as a crash."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {gateway.key}\r\n"
        "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"
    )

    with connect(gateway) as connection:
        connection.sendall(head.encode())
        time.sleep(0.2)  # the server starts to read the body
    log = wait_for_log(gateway, '"status":499')

    assert '"ERROR"' not in log


@pytest.mark.parametrize("has_started", [False, True], ids=["before the stream", "in the stream"])
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_hang_up_is_no_error(tmp_path: Path, has_started: bool, reset: bool) -> None:
    """A client that hangs up before or during its stream is logged with status 499, not as a crash."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}, pace=0.3) as simulators:
        overlay = prepare_home(tmp_path, simulators)
        with run_serve(tmp_path, "--providers", str(overlay)) as running:
            with connect(running) as connection:
                connection.sendall(streamed_request(running.key))
                if has_started:
                    connection.recv(1)
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            log = wait_for_log(running, '"status":499')
            status = running.stop(signal.SIGTERM)

    assert status == 0
    assert '"ERROR"' not in log
    assert "crash" not in log


def test_a_stop_with_an_open_stream_logs_no_error(tmp_path: Path) -> None:
    """SIGTERM lets a running stream end, closes the store and logs no error."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}, pace=0.1) as simulators:
        overlay = prepare_home(tmp_path, simulators)
        with run_serve(tmp_path, "--providers", str(overlay)) as running, connect(running) as connection:
            connection.sendall(streamed_request(running.key))
            connection.recv(1)  # the stream has started
            status = running.stop(signal.SIGTERM)
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
            log = running.errors.read_text()

    assert status == 0
    assert b"data: [DONE]" in received
    assert '"ERROR"' not in log
    assert log.endswith("vaultedge: stopped\n")


def streamed_request(key: str) -> bytes:
    question = {"model": "fast-llm", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    body = json.dumps(question).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def wait_for_log(gateway: GatewayProcess, text: str) -> str:
    """Return the gateway's log once it contains `text`."""
    deadline = time.monotonic() + 10
    while text not in (log := gateway.errors.read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.02)  # another process
    return log
