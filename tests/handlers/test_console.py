"""The console's files from a function: compressed if responses stream, text otherwise."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.handlers.deployment import EVENTS, ROOT, Deployment, serve_deployment
from tests.handlers.emulator import Emulator, run_emulator
from tests.handlers.invoke import FunctionResponse, parse_response
from vaultcore.console_bundle.site import PAGE, SCRIPT, build_assets
from vaultcore.web.console import FILES

COMMANDS = {
    "streamed": [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"],
    "buffered": [sys.executable, "-m", "awslambdaric", "handlers.stream.handler"],
}


@dataclass(frozen=True, slots=True)
class ConsoleFunction:
    """The data-plane function and its surroundings."""

    emulator: Emulator
    deployed: Deployment
    streams: bool

    def request(self, name: str, method: str = "GET") -> FunctionResponse:
        return parse_response(self.emulator.invoke(json.dumps(console_event(name, method)).encode())[1])


@pytest.fixture(scope="module", params=COMMANDS)
def function(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleFunction]:
    folder = tmp_path_factory.mktemp("function")
    with (
        FakeProvider() as provider,
        serve_deployment(folder, provider.base_url) as deployed,
        run_emulator(COMMANDS[request.param], deployed.environ, folder) as emulator,
    ):
        yield ConsoleFunction(emulator, deployed, request.param == "streamed")


def console_event(name: str, method: str) -> Mapping[str, Any]:
    """Return API Gateway's event for a browser's request, behind a stage path."""
    event = json.loads((EVENTS / "console.json").read_text("utf-8"))
    path = f"/console/{name}"
    return {
        **event,
        "path": path,
        "resource": "/console/{proxy+}",
        "httpMethod": method,
        "pathParameters": {"proxy": name} if name else None,
        "requestContext": {**event["requestContext"], "path": f"/prod{path}", "httpMethod": method},
    }


def test_every_file_arrives(function: ConsoleFunction) -> None:
    """The page, its files and the docs arrive complete: gzip in streams, text otherwise."""
    for name, asset in build_assets(FILES).items():
        response = function.request("" if name == PAGE else name)

        assert response.status == 200
        assert response.headers.get("content-encoding") == ("gzip" if function.streams else None)
        assert (gzip.decompress(response.body) if function.streams else response.body) == asset.content
        assert response.is_streamed == function.streams


def test_head_has_no_body(function: ConsoleFunction) -> None:
    """HEAD returns the content type and no body."""
    response = function.request("", "HEAD")

    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-type"].startswith("text/html")


def test_the_console_needs_no_secret(function: ConsoleFunction) -> None:
    """Console files are served while Secrets Manager does not respond."""
    before = len(function.deployed.secrets.requests)
    function.deployed.secrets.gate.clear()
    try:
        page = function.request("")
    finally:
        function.deployed.secrets.gate.set()

    text = gzip.decompress(page.body) if function.streams else page.body
    assert SCRIPT.search(text.decode())
    assert len(function.deployed.secrets.requests) == before
