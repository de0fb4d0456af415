"""What `vaultedge doctor` makes of a gateway's answers: of statuses, of buffering, of models' prices."""

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

from vaultcore.cli.doctor.findings import Finding, State
from vaultcore.cli.doctor.gateway import CURES, OTHERWISE, Visit, cheapest
from vaultcore.vault.hidden import Hidden

KEY = "ve-CANARY-of-the-system"
MODEL = {"id": "m", "type": "text", "providers": ["p"], "pricing": {"output": "1"}}
ROWS: list[dict[str, Any]] = [
    {**MODEL, "id": "dear", "pricing": {"output": "9"}},
    {**MODEL, "id": "dead", "providers": ["q"], "pricing": {"output": "0.1"}},
    {**MODEL, "id": "cheap"},
    {**MODEL, "id": "picture", "type": "image", "pricing": {"output": "0"}},
    {**MODEL, "id": "unpriced", "pricing": None},
]


@dataclass
class Script:
    """What the three routes answer with, and which keys were sent."""

    health: tuple[int, Any] = (200, {"status": "ok"})
    models: tuple[int, Any] = (200, {"data": [MODEL]})
    stream: Sequence[str] = ("one", "two", "three")
    pauses: float = 0.02
    status: int = 200
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def gateway(script: Script) -> Iterator[str]:
    pausing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.keys.append(self.headers.get("authorization"))
            status, body = script.health if self.path == "/prod/health" else script.models
            self._whole(status, body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if script.status != 200:
                self._whole(script.status, {"error": {"message": KEY}})
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for text in script.stream:
                chunk = (
                    json.loads(text) if text.startswith("{") else {"choices": [{"delta": {"content": text}}]}
                )
                self.wfile.write(f": quiet\n\ndata: {json.dumps(chunk)}\n\n".encode())
                pausing.wait(script.pauses)
            self.wfile.write(b"data: [DONE]\n\n")

        def _whole(self, status: int, body: Any) -> None:
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


def visit(script: Script, *, live: bool = True, model: str | None = None) -> dict[str, Finding]:
    with gateway(script) as base:
        asked = Visit(base, Hidden(KEY), "vaultedge").look(live=live, model=model, working=frozenset({"p"}))
        found = asyncio.run(asked)
    assert "CANARY" not in repr(found)
    return {each.check: each for each in found}


def test_the_key_goes_to_the_api_alone() -> None:
    """The open route is asked without a key, the API with the system key."""
    script = Script()
    found = visit(script)

    assert {each.state for each in found.values()} == {State.OK}
    assert script.keys == [None, f"Bearer {KEY}"]


@pytest.mark.parametrize("pauses", [0.0, 0.02])
def test_a_stream_that_comes_in_one_piece_is_told(pauses: float) -> None:
    """First and last token at the same moment are no stream, and the cure names the template."""
    found = visit(Script(pauses=pauses))["stream"]

    assert (found.state is State.OK) is (pauses > 0)
    if found.state is State.FAILED:
        assert "RESPONSE_STREAM" in str(found.cure)


@pytest.mark.parametrize(
    "script",
    [
        Script(stream=("one",)),
        Script(stream=("one", '{"error": {"message": "CANARY"}}')),
        Script(stream=()),
        Script(status=503),
    ],
)
def test_a_stream_that_says_nothing_breaks_off_or_is_refused(script: Script) -> None:
    """Each is told with a cure, and nothing is quoted."""
    found = visit(script)["stream"]

    assert found.state is State.FAILED
    assert found.cure


@pytest.mark.parametrize("status", [*CURES, 500])
def test_each_status_has_its_cure(status: int) -> None:
    """A status is told with what it means in front of a deployed gateway."""
    found = visit(Script(models=(status, {"error": {"message": "CANARY"}})))["models"]

    assert str(status) in found.told
    assert found.cure == CURES.get(status, OTHERWISE).format(stack="vaultedge")


@pytest.mark.parametrize("body", [b"<html>", [], {"status": "up"}])
def test_what_is_no_gateway_is_told(body: Any) -> None:
    """Something else that answers with 200 is not taken for one."""
    assert visit(Script(health=(200, body)))["url"].state is State.FAILED


@pytest.mark.parametrize("body", [{"data": []}, {"data": "no"}, {}])
def test_no_models_are_told(body: Any) -> None:
    """A gateway that serves nothing is wrong, and there is nothing to stream."""
    found = visit(Script(models=(200, body)))

    assert (found["models"].state, found["stream"].state) == (State.FAILED, State.SKIPPED)


def test_the_cheapest_is_one_that_can_be_asked() -> None:
    """Of the text models whose provider has a working key, that of which a token costs least."""
    assert cheapest(ROWS, frozenset({"p"})) == "cheap"
    assert cheapest(ROWS, frozenset({"q"})) == "dead"
    assert cheapest(ROWS, frozenset()) is None
    assert cheapest(ROWS[4:], frozenset({"p"})) == "unpriced"
