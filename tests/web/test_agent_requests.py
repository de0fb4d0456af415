"""Requests of coding agents x providers of every dialect: no 400, tools arrive, calls come back.

The files in agent_requests/ are written after requests of the real programs, which `make test-agents` runs.
`{model}` in a path is the model; `tools` are ends of names, since a provider may need other names.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM
from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.settings import Settings
from vaultcore.simulators.reply import Prompt, Reply, ReplyToolCall, stable_id
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential, Keyring

FOLDER = Path(__file__).parent / "agent_requests"
REQUESTS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
MODELS = {  # provider -> model; `house` is OpenAI-compatible without Responses
    "openai": "gpt-5.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash-preview",
    "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral-large-latest",
    "cohere": "command-a-03-2025",
    "house": "house-1",
}
DIALECTS = {name: name for name in MODELS} | {"house": "openai"}
ENVIRON = {"AWS_REGION": "us-east-1"}
DONE = "the work is done"


class CallingModel:
    """A model that calls the tools of a request once, and then says that it is done."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}  # of agent_requests/
        self.tools: list[str] = []  # that the provider received last

    def __call__(self, body: dict[str, Any], prompt: Prompt) -> Reply:
        self.tools = [tool.name for tool in prompt.tools]
        if "result-two" in json.dumps(body) or not self.request["calls"]:
            return Reply(DONE)
        return Reply("", tuple(self._calls()))

    def _calls(self) -> Iterator[ReplyToolCall]:
        for number, call in enumerate(self.request["calls"]):
            [name] = [name for name in self.tools if name.endswith(call["tool"])]
            yield ReplyToolCall(stable_id("", number), name, call["arguments"])


class AgentGateway:
    """A gateway over a simulator of each dialect, all with one model."""

    def __init__(self, folder: Path, simulators: dict[str, Simulator], model: CallingModel) -> None:
        self.folder, self.simulators, self.model = folder, simulators, model
        rows: dict[str, Any] = {
            name: {"base_url": each.base_url, "local": True} for name, each in simulators.items()
        }
        rows["house"]["static_models"] = [MODELS["house"]]
        self.overlay = folder / "providers.yaml"
        self.overlay.write_text(json.dumps({"providers": rows}))

    def post(self, request: dict[str, Any], provider: str, history: list[Any]) -> httpx.Response:
        """Return the response to a request with more turns."""
        model = f"{provider}/{MODELS[provider]}"
        self.model.request, body = request, request["body"]
        turns = next(name for name in ("messages", "input", "contents") if name in body)
        body = {**body, turns: [*body[turns], *history]}
        body |= {} if "{model}" in request["path"] else {"model": model}
        return asyncio.run(self._post(request["path"].replace("{model}", model), body, request["headers"]))

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        keyring = Keyring(Credential(each.name, each.key) for each in self.simulators.values())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN)))
        settings = Settings(providers_file=self.overlay, home=self.folder, backoff=0.0, environ=ENVIRON)
        services = compose(settings, secrets)
        key = "x-goog-api-key" if path.startswith("/v1beta") else "authorization"
        value = SYSTEM if path.startswith("/v1beta") else f"Bearer {SYSTEM}"
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            try:
                return await client.post(path, json=body, headers={**headers, key: value})
            finally:
                await services.gateway.upstream.aclose()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentGateway]:
    model = CallingModel()
    with simulated(DIALECTS, model=model) as simulators:
        yield AgentGateway(tmp_path_factory.mktemp("gateway"), simulators, model)


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("agent", REQUESTS)
def test_tools_arrive_and_calls_come_back(gateway: AgentGateway, agent: str, provider: str) -> None:
    """The provider receives every tool of the client, and the client its calls under the client's names."""
    request = REQUESTS[agent]
    response = gateway.post(request, provider, [])

    assert response.status_code == 200, response.text
    missing = [
        name for name in request["tools"] if not any(tool.endswith(name) for tool in gateway.model.tools)
    ]
    assert missing == []
    objects = list(objects_in(response.text))
    absent = [each for each in request["returned"] if not any(each.items() <= one.items() for one in objects)]
    assert absent == []


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("agent", REQUESTS)
def test_results_arrive(gateway: AgentGateway, agent: str, provider: str) -> None:
    """The provider receives the results of both calls, and the client the model's last words."""
    request = REQUESTS[agent]
    before = len(gateway.simulators[provider].script.requests)
    response = gateway.post(request, provider, request["history"])

    assert response.status_code == 200, response.text
    [received] = gateway.simulators[provider].script.requests[before:]
    assert [each for each in ("result-one", "result-two") if each not in json.dumps(received.body)] == []
    texts = "".join(text_in(response.text))
    assert DONE in texts


def events(stream: str) -> Iterator[Any]:
    for line in stream.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def objects_in(stream: str) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in the events of a stream, nested ones too."""
    open_values = list(events(stream))
    while open_values:
        match open_values.pop():
            case dict() as value:
                yield value
                open_values += value.values()
            case list() as value:
                open_values += value


def text_in(stream: str) -> Iterator[str]:
    """Yield the text deltas of a stream of any client API."""
    for event in events(stream):
        match event:
            case {"type": "content_block_delta", "delta": {"text": str() as text}}:
                yield text
            case {"type": "response.output_text.delta", "delta": str() as text}:
                yield text
            case {"choices": [{"delta": {"content": str() as text}}]}:
                yield text
            case {"candidates": [{"content": {"parts": [{"text": str() as text}]}}]}:
                yield text
