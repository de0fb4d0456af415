"""SIGTERM while requests run: those that outlive the grace period end with an error, and are settled."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import GatewayProcess, run_serve
from vaultcore.cli.listener import ENDING_TIME, GRACE
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

MESSAGE = [{"role": "user", "content": "hi"}]
CHAT = {"messages": MESSAGE, "max_tokens": 20}
RUNNING: dict[str, tuple[str, dict[str, Any]]] = {  # path and body of requests whose provider never ends
    "chat": ("/v1/chat/completions", {**CHAT, "model": "one/m", "stream": True}),
    "messages": ("/v1/messages", {**CHAT, "model": "one/m", "stream": True}),
    "messages, native": ("/v1/messages", {**CHAT, "model": "two/m", "stream": True}),
    "responses": ("/v1/responses", {"input": "hi", "model": "one/m", "stream": True}),
    "not streamed": ("/v1/chat/completions", {**CHAT, "model": "one/hanging"}),
    "not started": ("/v1/chat/completions", {**CHAT, "model": "one/hanging", "stream": True}),
}
SHUTTING_DOWN = "the gateway is shutting down"


def environ(home: Path, provider: FakeProvider) -> dict[str, str]:
    keys = [Credential("one", "sk-one-0123456789"), Credential("two", "sk-two-0123456789")]
    LocalVault(home / ".vaultedge").add(keys)
    row = f'base_url: "{provider.base_url}", local: true'
    rows = f"  one: {{{row}}}\n  two: {{{row}, dialect: anthropic}}\n"
    (home / "providers.yaml").write_text(f"providers:\n{rows}")
    return {"PROVIDERS_FILE": str(home / "providers.yaml")}


def admin(running: GatewayProcess, home: Path, path: str, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {(home / '.vaultedge/admin.key').read_text().strip()}"}
    url, method = f"{running.url}/admin{path}", "POST" if body else "GET"
    response = httpx.request(method, url, json=body or None, headers=headers, trust_env=False)
    response.raise_for_status()
    return response.json()


def send(gateway: GatewayProcess, token: str, path: str, body: dict[str, Any], most: int) -> socket.socket:
    """Send the first `most` bytes of a request's body; return its connection."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    host, port = gateway.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(head.encode() + content[:most])
    return connection


@pytest.fixture
def provider() -> Any:
    with FakeProvider() as running:
        running.script("m", FakeResponse(stall=3))
        running.script("hanging", FakeResponse(hang=True))
        yield running


@pytest.mark.slow
def test_requests_that_outlive_the_grace_period_end_with_an_error(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """Streams end with an error event of their API, others with 503; all are settled, without ERROR lines."""
    environment = environ(tmp_path, provider)
    with run_serve(tmp_path, environ=environment) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", max_parallel=99)
        connections = {
            name: send(gateway, created["key"], path, body, 9_999) for name, (path, body) in RUNNING.items()
        }
        half = send(gateway, created["key"], *RUNNING["chat"], most=9)
        for name in ("chat", "messages", "messages, native", "responses"):
            connections[name].recv(1)  # the stream has started
        while provider.calls("hanging") < 2:
            time.sleep(0.01)  # another process
        started = time.monotonic()
        status = gateway.stop(signal.SIGTERM)
        elapsed = time.monotonic() - started
        received = {name: read(connection) for name, connection in connections.items()}
        half_received = read(half)
        log = gateway.errors.read_text()
    with run_serve(tmp_path, environ=environment) as gateway:
        key = admin(gateway, tmp_path, f"/keys/{created['id']}")

    assert status == 0
    assert GRACE <= elapsed < GRACE + ENDING_TIME
    assert {name: SHUTTING_DOWN in text for name, text in received.items()} == dict.fromkeys(RUNNING, True)
    assert "event: error" in received["messages"]
    assert "event: error" in received["messages, native"]
    assert "event: response.failed" in received["responses"]
    assert received["not streamed"].startswith("HTTP/1.1 503")
    assert half_received.startswith("HTTP/1.1 503")
    assert all(text.endswith("0\r\n\r\n") for text in received.values() if "chunked" in text)
    assert '"ERROR"' not in log
    assert "crash" not in log
    assert log.endswith("vaultedge: stopped\n")
    assert (key["in_flight"], key["usage"]["requests"]) == (0, len(RUNNING))


def read(connection: socket.socket) -> str:
    """Return the rest of what arrives on a connection, and close it."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def test_a_new_connection_may_send_its_first_request_during_a_stop(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """A client that has connected just before SIGTERM, and sends its request after it, gets its response."""
    content = b"GET /health HTTP/1.1\r\nhost: gateway\r\n\r\n"
    with run_serve(tmp_path, environ=environ(tmp_path, provider)) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        time.sleep(0.1)  # another process accepts it
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.25)  # the server looks for a stop every 0.1 s
        connection.sendall(content)
        received = read(connection)
        status = gateway.process.wait(20)

    assert received.startswith("HTTP/1.1 200")
    assert "connection: close" in received
    assert status == 0
