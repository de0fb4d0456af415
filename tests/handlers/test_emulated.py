"""The entry points under AWS's runtime emulator, with every event in events/."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.handlers.deployment import EVENTS, PASSWORD, PROVIDER_KEY, ROOT, SYSTEM_KEY, serve_deployment
from tests.handlers.emulator import Emulator, run_emulator

NULS = b"\0" * 8
STATUS = {
    "health": 200,
    "models": 200,
    "model": 200,
    "chat": 200,
    "chat_stream": 200,
    "chat_base64": 200,
    "chat_custom_domain": 200,
    "messages": 200,
    "responses": 200,
    "http_api_models": 200,
    "http_api_chat": 200,
    "function_url_chat": 200,
    "function_url_chat_stream": 200,
    "invalid_json": 400,
    "unauthorized": 401,
    "admin_health": 401,  # the data plane has no admin key
    "admin_keys": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "console": 307,
}
PINGS = ("warm_up", "stream_completed", "upkeep")
COMMANDS = {
    "buffered": [sys.executable, "-m", "awslambdaric", "handlers.api.handler"],
    "fallback": [sys.executable, "-m", "awslambdaric", "handlers.stream.handler"],
    "streamed": [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"],
}


@dataclass
class EmulatedFunction:
    """One entry point under the emulator, and its provider."""

    emulator: Emulator
    provider: FakeProvider

    def invoke(self, name: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, streamed or buffered."""
        status, answer = self.emulator.invoke((EVENTS / f"{name}.json").read_bytes())
        assert status == 200
        if NULS in answer:
            head, _, body = answer.partition(NULS)
            payload = json.loads(head)
            return payload["statusCode"], payload["headers"], body
        payload = json.loads(answer)
        body = base64.b64decode(payload["body"]) if payload["isBase64Encoded"] else payload["body"].encode()
        return payload["statusCode"], payload["headers"], body


@pytest.fixture(scope="module", params=COMMANDS)
def function(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmulatedFunction]:
    folder = tmp_path_factory.mktemp("function")
    command = COMMANDS[request.param]
    with FakeProvider() as provider, serve_deployment(folder, provider.base_url) as deployed:
        provider.script("gpt-4o-mini", FakeResponse(text="Hello Zoë."))
        with run_emulator(command, deployed.environ, folder) as emulator:
            yield EmulatedFunction(emulator, provider)


def test_every_event_file_is_tested() -> None:
    """A new file in events/ needs a line in the table above."""
    assert {path.stem for path in EVENTS.glob("*.json")} == {*STATUS, *PINGS}


@pytest.mark.parametrize("name", STATUS)
def test_events(name: str, function: EmulatedFunction) -> None:
    """Every event in events/ gets its status and a body of its kind under AWS's runtime emulator."""
    status, headers, body = function.invoke(name)

    assert status == STATUS[name]
    if status >= 400:
        assert json.loads(body)["error"].keys() >= {"message", "type", "code"}
    elif name.endswith("_stream"):
        assert headers["content-type"].startswith("text/event-stream")
        assert _streamed(body) == "Hello Zoë."
    elif "chat" in name:
        assert json.loads(body)["choices"][0]["message"]["content"] == "Hello Zoë."
    elif name == "models":
        assert "gpt-4o-mini" in {model["id"] for model in json.loads(body)["data"]}


@pytest.mark.parametrize("name", PINGS)
def test_pings(name: str, function: EmulatedFunction) -> None:
    """An event that is not a request gets `{}`."""
    assert function.emulator.invoke((EVENTS / f"{name}.json").read_bytes()) == (200, b"{}")


def test_the_vault_is_opened_and_nothing_secret_is_printed(function: EmulatedFunction) -> None:
    """The provider gets the key from the sealed vault; at DEBUG the log has no secret and no prompt."""
    function.invoke("chat")
    printed = function.emulator.output.read_text("utf-8")

    assert function.provider.requests[-1].key == PROVIDER_KEY
    assert not [
        payload
        for payload in (PASSWORD, PROVIDER_KEY, SYSTEM_KEY, SYSTEM_KEY[3:], "Zoë")
        if payload in printed
    ]


def _streamed(body: bytes) -> str:
    lines = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks: list[dict[str, Any]] = [json.loads(line) for line in lines[:-1]]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
