"""`vaultedge serve` and a key at its limit: refused before its body arrives; the connection stays correct."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.simulators.server import simulated

PATH = "/v1/chat/completions"
QUESTION = {"model": "fast-llm", "messages": [{"role": "user", "content": "hello"}]}
SIZE = 5_000_000  # bytes of the body


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A running gateway with a key that is at its limit."""

    gateway: GatewayProcess
    token: str

    def connect(self) -> socket.socket:
        parts = urlsplit(self.gateway.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=10)

    def head(self, *fields: str) -> bytes:
        lines = (
            f"POST {PATH} HTTP/1.1",
            "host: gateway",
            f"authorization: Bearer {self.token}",
            "content-type: application/json",
            f"content-length: {SIZE}",
            *fields,
        )
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()

    def admin(self, method: str, path: str, **more: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.gateway.printed['admin key']}"}
        url = f"{self.gateway.url}/admin{path}"
        return httpx.request(method, url, headers=headers, trust_env=False, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RefusedKey]:
    home = tmp_path_factory.mktemp("home")
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = str(prepare_home(home, simulators))
        with run_serve(home, "--providers", overlay) as gateway:
            unlimited = RefusedKey(gateway, "")
            limits = {"name": "a", "rate_limit_rpm": 1}
            token = str(unlimited.admin("POST", "/keys", json=limits).json()["key"])
            yield RefusedKey(gateway, token)


def exhaust(key: RefusedKey) -> None:
    """Send small requests until one is refused."""
    headers = {"authorization": f"Bearer {key.token}"}
    url = f"{key.gateway.url}{PATH}"
    statuses = [
        httpx.post(url, json=QUESTION, headers=headers, trust_env=False).status_code for _ in range(2)
    ]
    assert statuses[1] == 429


def read_response(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return the head and the body of the next response."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        assert chunk, data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    assert len(body) == length
    return head, body


@pytest.mark.parametrize("fields", [(), ("expect: 100-continue",)])
def test_the_refusal_arrives_before_the_body(refused: RefusedKey, fields: tuple[str, ...]) -> None:
    """The client gets 429 with the time to wait although it has sent only the head. If it sends the body
    nevertheless, the body is dropped, and the next request on the connection gets its own response."""
    exhaust(refused)

    with closing(refused.connect()) as connection:
        connection.sendall(refused.head(*fields))
        head, body = read_response(connection)
        assert head.startswith(b"HTTP/1.1 429")
        assert b"\r\nretry-after: " in head
        assert b"Rate limit reached: 1 request per minute of this key; 0 left." in body

        connection.sendall(b" " * SIZE)
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: gateway\r\n\r\n")
        head, body = read_response(connection)
        assert head.startswith(b"HTTP/1.1 200")
        assert body == b'{"status":"ok"}'


def test_refusals_survive_a_stop(refused: RefusedKey) -> None:
    """`serve` writes the refusals that are not written yet when it stops."""
    exhaust(refused)
    (key,) = refused.admin("GET", "/keys").json()["data"]
    last = httpx.post(
        f"{refused.gateway.url}{PATH}",
        json=QUESTION,
        headers={"authorization": f"Bearer {refused.token}"},
        trust_env=False,
    )
    assert last.status_code == 429

    home = refused.gateway.errors.parent
    assert refused.gateway.stop() == 0
    with run_serve(home, "--providers", str(home / "providers.yaml")) as again:
        admin = RefusedKey(GatewayProcess(again.process, refused.gateway.printed | again.printed, home), "")
        (row,) = admin.admin("GET", f"/refusals?key={key['id']}").json()["data"]
        rows = admin.admin("GET", f"/logs?id={last.headers['x-request-id']}").json()["data"]
    assert row["last_request_ids"][-1] == last.headers["x-request-id"]
    assert [each["refused"] for each in rows] == [True]
