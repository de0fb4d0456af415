"""The official SDKs for Node over every kind of provider: @anthropic-ai/sdk, openai and @google/genai."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import ROOT, GatewayProcess

REASONING = "The question is clear"  # its beginning, of every simulated provider
MODULES = ROOT / "build/node-clients"
SCRIPTS = Path(__file__).parent / "node"
APIS = {"messages": "anthropic.mjs", "chat": "openai.mjs", "responses": "openai.mjs", "gemini": "google.mjs"}
MODELS = {  # name of the target -> model
    "openai": "openai/gpt-4o-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-3-flash-preview",
    "bedrock": "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral/mistral-large-latest",
    "cohere": "cohere/command-a-03-2025",
    "compatible": "groq/openai/gpt-oss-120b",  # it returns reasoning, unlike OpenAI's own chat completions
}
REASONING_MODELS = MODELS | {
    "openai": "openai/gpt-5.5",
    "mistral": "mistral/magistral-medium-latest",
    "cohere": "cohere/command-a-reasoning-08-2025",
}
# Cohere gets no reasoning back, which the translation reports: dialects/golden/cohere/c06_c15_turns.
STATE = {  # name of the target -> what its second request contains of the first response's reasoning
    "openai": "encrypted_content",
    "anthropic": '"signature"',
    "gemini": "thoughtSignature",
    "bedrock": '"signature"',
    "mistral": f'"thinking": [{{"type": "text", "text": "{REASONING}',
    "compatible": f'"reasoning": "{REASONING}',
}

every_target = pytest.mark.parametrize("target", MODELS)
buffered_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])


@dataclass(frozen=True, slots=True)
class NodeSdk:
    """An SDK in a Node process of its own."""

    process: subprocess.Popen[str]
    api: str
    url: str
    key: str

    def run(self, **scenario: Any) -> Any:
        """Return the outcome of a scenario, see `node/scenario.mjs`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        fields = {"url": self.url, "key": self.key, "api": self.api, **scenario}
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module", params=APIS)
def sdk(request: pytest.FixtureRequest, gateway_process: GatewayProcess) -> Iterator[NodeSdk]:
    """Return the SDK of each client API."""
    api = request.param
    process = subprocess.Popen(
        ["node", str(SCRIPTS / APIS[api]), str(MODULES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield NodeSdk(process, api, gateway_process.url.removesuffix("/v1"), gateway_process.key)
    finally:
        process.communicate(timeout=30)


@every_target
@buffered_and_streamed
def test_a_tool_loop(sdk: NodeSdk, target: str, stream: bool) -> None:
    """The model calls a tool, gets its result, and answers with it."""
    result = sdk.run(model=MODELS[target], prompt="call weather", stream=stream)

    assert "error" not in result, result
    assert result["calls"] == [[["weather", {"city": "a city"}]]]
    assert "sunny in a city" in result["text"]
    assert result["fragments"] > 1 or not stream


@every_target
@buffered_and_streamed
def test_parallel_calls(sdk: NodeSdk, target: str, stream: bool) -> None:
    """Two calls of one turn keep their arguments, and both results reach the model."""
    result = sdk.run(model=MODELS[target], prompt="call weather, then now", stream=stream)

    assert "error" not in result, result
    assert result["calls"] == [[["weather", {"city": "a city"}], ["now", {}]]]
    assert "sunny in a city" in result["text"]
    assert "noon" in result["text"]


@every_target
@buffered_and_streamed
def test_reasoning_returns(sdk: NodeSdk, target: str, stream: bool, gateway: GatewayProcess) -> None:
    """The client sees the reasoning, and its issuer gets it back with the result of the tool if it can."""
    model = REASONING_MODELS[target]
    result = sdk.run(model=model, prompt="call weather", stream=stream, reasoning=True)
    assert "error" not in result, result
    second = json.dumps(gateway.take_requests()[-1]["body"])

    assert REASONING in result["reasoning"]
    assert "sunny in a city" in result["text"]
    if target in STATE:
        assert STATE[target] in second
    else:
        assert REASONING not in second


@pytest.mark.parametrize("sdk", ["messages", "chat", "gemini"], indirect=True)
@every_target
@buffered_and_streamed
def test_the_sdk_runs_tools(sdk: NodeSdk, target: str, stream: bool) -> None:
    """The SDK's own loop ends with the answer; Google's passes streamed calls one by one."""
    scenario = {"model": MODELS[target], "prompt": "call weather, then now", "runner": True}
    result = sdk.run(stream=stream, **scenario)

    assert "error" not in result, result
    assert list(chain(*result["calls"])) == [["weather", {"city": "a city"}], ["now", {}]]
    assert "sunny in a city" in result["text"]


ERRORS = {  # API -> class of the SDK, and the fields of an unknown model and a wrong key
    "messages": (("NotFoundError", {"type": "not_found_error"}), ("AuthenticationError", {})),
    "chat": (
        ("NotFoundError", {"code": "model_not_found"}),
        ("AuthenticationError", {"code": "invalid_api_key"}),
    ),
    "responses": (
        ("NotFoundError", {"code": "model_not_found"}),
        ("AuthenticationError", {"code": "invalid_api_key"}),
    ),
    "gemini": (("ApiError", {}), ("ApiError", {})),
}


@buffered_and_streamed
def test_errors_have_the_sdks_class(sdk: NodeSdk, stream: bool) -> None:
    """An unknown model and a wrong key are errors of the SDK's own classes, with its fields."""
    unknown, wrong = ERRORS[sdk.api]
    scenario = {"prompt": "hello", "stream": stream}
    for (name, fields), status, changes in (
        (unknown, 404, {"model": "no-such-model"}),
        (wrong, 401, {"model": MODELS["openai"], "key": "ve-wrong"}),
    ):
        error = sdk.run(**scenario, **changes)["error"]

        assert (error["class"], error["status"]) == (name, status)
        assert error.items() >= fields.items()
