"""`vaultedge doctor`'s checks of a gateway: statuses, buffering and model prices."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from vaultcore.cli.doctor.gateway import DEFAULT_FIX, FIXES, GatewayChecks, cheapest
from vaultcore.cli.doctor.results import CheckResult, CheckStatus
from vaultcore.vault.secret_text import SecretText

KEY = "ve-CANARY-of-the-system"
MODEL = {"id": "m", "type": "text", "providers": ["p"], "pricing": {"output": "1"}}
ROWS: list[dict[str, Any]] = [
    {**MODEL, "id": "expensive", "pricing": {"output": "9"}},
    {**MODEL, "id": "unreachable", "providers": ["q"], "pricing": {"output": "0.1"}},
    {**MODEL, "id": "cheap"},
    {**MODEL, "id": "picture", "type": "image", "pricing": {"output": "0"}},
    {**MODEL, "id": "unpriced", "pricing": None},
]


@dataclass
class FakeResponses:
    """The responses of the three routes, and the keys that were sent."""

    health: tuple[int, Any] = (200, {"status": "ok"})
    models: tuple[int, Any] = (200, {"data": [MODEL]})
    stream: Sequence[str] = ("one", "two", "three")
    pauses: float = 0.02
    status: int = 200
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def gateway(responses: FakeResponses) -> Iterator[str]:
    never = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            responses.keys.append(self.headers.get("authorization"))
            status, body = responses.health if self.path == "/prod/health" else responses.models
            self._send(status, body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if responses.status != 200:
                self._send(responses.status, {"error": {"message": KEY}})
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for text in responses.stream:
                chunk = (
                    json.loads(text) if text.startswith("{") else {"choices": [{"delta": {"content": text}}]}
                )
                self.wfile.write(f": quiet\n\ndata: {json.dumps(chunk)}\n\n".encode())
                never.wait(responses.pauses)
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, status: int, body: Any) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/prod/v1"
        finally:
            server.shutdown()
            thread.join()


def check_gateway(
    responses: FakeResponses, *, live: bool = True, model: str | None = None
) -> dict[str, CheckResult]:
    with gateway(responses) as base:
        checks = GatewayChecks(base, SecretText(KEY), "vaultedge").run(
            live=live, model=model, working=frozenset({"p"})
        )
        results = asyncio.run(checks)
    assert "CANARY" not in repr(results)
    return {each.check: each for each in results}


def test_only_the_api_gets_the_key() -> None:
    """The health route is called without a key, the API with the system key."""
    responses = FakeResponses()
    results = check_gateway(responses)

    assert {each.state for each in results.values()} == {CheckStatus.OK}
    assert responses.keys == [None, f"Bearer {KEY}"]


@pytest.mark.parametrize("pauses", [0.0, 0.02])
def test_a_buffered_stream_fails(pauses: float) -> None:
    """If the first and the last token arrive together, the check fails and the fix names the template."""
    results = check_gateway(FakeResponses(pauses=pauses))["stream"]

    assert (results.state is CheckStatus.OK) is (pauses > 0)
    if results.state is CheckStatus.FAILED:
        assert "RESPONSE_STREAM" in str(results.fix)


@pytest.mark.parametrize(
    "responses",
    [
        FakeResponses(stream=("one",)),
        FakeResponses(stream=("one", '{"error": {"message": "CANARY"}}')),
        FakeResponses(stream=()),
        FakeResponses(status=503),
    ],
)
def test_an_empty_broken_or_rejected_stream_fails(responses: FakeResponses) -> None:
    """Each of these streams fails with a fix, and no text is quoted."""
    results = check_gateway(responses)["stream"]

    assert results.state is CheckStatus.FAILED
    assert results.fix


@pytest.mark.parametrize("status", [*FIXES, 500])
def test_each_status_has_a_fix(status: int) -> None:
    """A status is reported with a fix for a deployed gateway."""
    results = check_gateway(FakeResponses(models=(status, {"error": {"message": "CANARY"}})))["models"]

    assert str(status) in results.message
    assert results.fix == FIXES.get(status, DEFAULT_FIX).format(stack="vaultedge")


@pytest.mark.parametrize("body", [b"<html>", [], {"status": "up"}])
def test_another_server_fails(body: Any) -> None:
    """A 200 response of another server fails the check."""
    assert check_gateway(FakeResponses(health=(200, body)))["url"].state is CheckStatus.FAILED


@pytest.mark.parametrize("body", [{"data": []}, {"data": "no"}, {}])
def test_no_models_fail(body: Any) -> None:
    """A gateway without models fails, and the stream check is skipped."""
    results = check_gateway(FakeResponses(models=(200, body)))

    assert (results["models"].state, results["stream"].state) == (CheckStatus.FAILED, CheckStatus.SKIPPED)


def test_the_cheapest_model_has_a_working_provider() -> None:
    """The cheapest text model of a provider with a working key is chosen."""
    assert cheapest(ROWS, frozenset({"p"})) == "cheap"
    assert cheapest(ROWS, frozenset({"q"})) == "unreachable"
    assert cheapest(ROWS, frozenset()) is None
    assert cheapest(ROWS[4:], frozenset({"p"})) == "unpriced"
