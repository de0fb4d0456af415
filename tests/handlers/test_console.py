"""The console's files out of a function: compressed where answers stream, text where they do not."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.handlers.deployment import EVENTS, ROOT, Deployment, deployment
from tests.handlers.emulator import Emulator, emulated
from tests.handlers.invoke import Told, told
from vaultcore.console_bundle.site import PAGE, SCRIPT, site
from vaultcore.web.console import FILES

COMMANDS = {
    "streamed": [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"],
    "buffered": [sys.executable, "-m", "awslambdaric", "handlers.stream.handler"],
}


@dataclass(frozen=True, slots=True)
class Function:
    """The data plane's function, and what is around it."""

    emulator: Emulator
    deployed: Deployment
    streams: bool

    def ask(self, name: str, method: str = "GET") -> Told:
        return told(self.emulator.invoke(json.dumps(asked(name, method)).encode())[1])


@pytest.fixture(scope="module", params=COMMANDS)
def function(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    folder = tmp_path_factory.mktemp("function")
    with (
        FakeProvider() as provider,
        deployment(folder, provider.base_url) as deployed,
        emulated(COMMANDS[request.param], deployed.environ, folder) as emulator,
    ):
        yield Function(emulator, deployed, request.param == "streamed")


def asked(name: str, method: str) -> Mapping[str, Any]:
    """What API Gateway makes of a browser's request, behind a stage's path."""
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


def test_every_file_arrives(function: Function) -> None:
    """The page, what it names and the docs come through whole; as gzip where bytes pass, else as text."""
    for name, held in site(FILES).items():
        answer = function.ask("" if name == PAGE else name)

        assert answer.status == 200
        assert answer.headers.get("content-encoding") == ("gzip" if function.streams else None)
        assert (gzip.decompress(answer.body) if function.streams else answer.body) == held.content
        assert answer.streamed == function.streams


def test_head_has_no_body(function: Function) -> None:
    """HEAD tells the kind of a file, and sends nothing of it."""
    answer = function.ask("", "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"].startswith("text/html")


def test_it_needs_no_secret(function: Function) -> None:
    """No file waits for the vault or for a key: while Secrets Manager answers nobody, all of them come."""
    before = len(function.deployed.secrets.asked)
    function.deployed.secrets.gate.clear()
    try:
        page = function.ask("")
    finally:
        function.deployed.secrets.gate.set()

    text = gzip.decompress(page.body) if function.streams else page.body
    assert SCRIPT.search(text.decode())
    assert len(function.deployed.secrets.asked) == before
