"""A simulated Bedrock: formats by boto3, rules, and calls through the gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.settings import Settings
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential, Keyring

MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
SYSTEM = "ve-" + "5" * 40
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "now"}},
]


@pytest.fixture(scope="module")
def bedrock() -> Iterator[Simulator]:
    with simulated({"bedrock": "bedrock"}) as running:
        yield running["bedrock"]


@pytest.fixture
def client(bedrock: Simulator) -> Iterator[Any]:
    config = Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED)
    runtime = boto3.client(
        "bedrock-runtime", region_name="eu-west-1", endpoint_url=bedrock.base_url, config=config
    )
    # boto3 sends no bearer token over plain http, so this sets the header.
    runtime.meta.events.register(
        "before-send.bedrock-runtime",
        lambda request, **_: request.headers.update(authorization=f"Bearer {bedrock.key}"),
    )
    yield runtime
    runtime.close()


def user_message(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def ask(folder: Path, provider: Simulator, *bodies: dict[str, Any], key: str = "") -> list[httpx.Response]:
    """Return the gateway's response to each body."""
    file = folder / "providers.yaml"
    file.write_text(
        f'providers: {{bedrock: {{base_url: "{provider.base_url}", local: true, '
        "auth: {scheme: sigv4, service: bedrock, region: eu-west-1}}}"
    )
    keyring = Keyring([Credential("bedrock", key or provider.key)])
    settings = Settings(providers_file=file, home=folder, max_retries=0)
    services = compose(
        settings, FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key("va-" + "6" * 40)))
    )

    async def run() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as http:
            try:
                return [await http.post("/v1/chat/completions", json=body) for body in bodies]
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())


def chunks(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_boto3_reads_responses(client: Any) -> None:
    """boto3 reads buffered and streamed responses, with equal text and usage."""
    body = {"modelId": MODEL, "messages": user_message("why is the sky blue?")}
    buffered = client.converse(**body)
    events = list(client.converse_stream(**body)["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]

    assert "why is the sky blue?" in buffered["output"]["message"]["content"][0]["text"]
    assert "".join(delta["text"] for delta in deltas) == buffered["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["usage"] == buffered["usage"]


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "assistant", "content": [{"text": "a"}]}]},
        {"messages": user_message(" ")},
        {"messages": [*user_message("a"), *user_message("b")]},
        {"messages": [{"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]}]},
        {"messages": [{"role": "user", "content": [{"document": {"name": "a", "source": {"text": "b"}}}]}]},
        {"messages": user_message("a"), "toolConfig": {"tools": [], "toolChoice": {"none": {}}}},
        {"messages": user_message("a"), "inferenceConfig": {"temperature": 1.5}},
        {"messages": user_message("a"), "system": [{"text": " "}]},
        {"messages": user_message("a"), "temperature": 1},
        {"messages": user_message("a"), "requestMetadata": {"a": "ü"}},
    ],
)
def test_rules_are_enforced(bedrock: Simulator, body: dict[str, Any]) -> None:
    """A request against Bedrock's rules is rejected, with the error's name in a header."""
    headers = {"authorization": f"Bearer {bedrock.key}"}
    response = httpx.post(f"{bedrock.base_url}/model/m/converse", json=body, headers=headers)

    assert response.status_code == 400
    assert response.headers["x-amzn-errortype"].startswith("ValidationException:")


def test_b29_boto3_reads_errors(bedrock: Simulator, client: Any) -> None:
    """boto3 reads the names of errors."""
    bedrock.script.queue(MODEL, InjectedFault(status=429))

    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, messages=user_message("hi"))

    assert caught.value.response["Error"]["Code"] == "ThrottlingException"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_with_reasoning(bedrock: Simulator, tmp_path: Path, stream: bool) -> None:
    """Reasoning and tool calls return to Bedrock over two requests, buffered or streamed."""
    body: dict[str, Any] = {
        "model": f"bedrock/{MODEL}",
        "messages": [{"role": "user", "content": "call weather, then now"}],
        "tools": TOOLS,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    [first] = ask(tmp_path, bedrock, body)
    assert first.status_code == 200, first.text
    message = first.json()["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in message["tool_calls"]
    ]
    second = {**body, "messages": [*body["messages"], message, *results], "stream": stream}
    [response] = ask(tmp_path, bedrock, second)

    assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather", "now"]
    assert message["reasoning_content"]
    assert response.status_code == 200
    if stream:
        deltas = [choice["delta"] for chunk in chunks(response) for choice in chunk["choices"]]
        text = "".join(delta.get("content") or "" for delta in deltas)
    else:
        text = response.json()["choices"][0]["message"]["content"]
    assert text.startswith("The tool answered: rain; rain.")


def test_a_stream_equals_the_buffered_response(bedrock: Simulator, tmp_path: Path) -> None:
    """A stream in AWS's framing has the tool calls and usage of the buffered response."""
    body: dict[str, Any] = {
        "model": f"bedrock/{MODEL}",
        "messages": [{"role": "user", "content": "call weather, then now"}],
        "tools": TOOLS,
    }
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    buffered, parts = ask(tmp_path, bedrock, body, streamed)
    deltas = [choice["delta"] for chunk in chunks(parts) for choice in chunk["choices"]]
    arguments = {0: "", 1: ""}
    for call in (call for delta in deltas for call in delta.get("tool_calls") or ()):
        arguments[call["index"]] += call["function"].get("arguments") or ""
    calls = buffered.json()["choices"][0]["message"]["tool_calls"]

    assert [json.loads(arguments[i]) for i in (0, 1)] == [
        json.loads(call["function"]["arguments"]) for call in calls
    ]
    assert chunks(parts)[-1]["usage"] == buffered.json()["usage"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (InjectedFault(status=400), 400),
        (InjectedFault(status=403), 502),
        (InjectedFault(status=404), 404),
        (InjectedFault(status=424), 502),
        (InjectedFault(status=429), 429),
        (InjectedFault(cut_after=0), 502),
    ],
)
def test_b29_error_statuses(bedrock: Simulator, tmp_path: Path, fault: InjectedFault, status: int) -> None:
    """Only errors that the request caused get a 4xx status from the gateway."""
    bedrock.script.clear()
    bedrock.script.queue(MODEL, *[fault] * 5)
    body = {"model": f"bedrock/{MODEL}", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    [response] = ask(tmp_path, bedrock, body)
    bedrock.script.clear()

    assert response.status_code == status


def test_a_broken_stream_ends_with_an_error(bedrock: Simulator, tmp_path: Path) -> None:
    """A stream that breaks after its first chunk ends with one error event."""
    bedrock.script.queue(MODEL, InjectedFault(cut_after=4))
    body = {"model": f"bedrock/{MODEL}", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    [response] = ask(tmp_path, bedrock, body)
    last = [line for line in response.text.splitlines() if line][-1]

    assert response.status_code == 200
    assert "error" in json.loads(last.removeprefix("data: "))


def test_b01_an_arn_is_a_model(bedrock: Simulator, tmp_path: Path) -> None:
    """An ARN with colons and slashes reaches Bedrock as one model id."""
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2"
    [response] = ask(
        tmp_path, bedrock, {"model": f"bedrock/{arn}", "messages": [{"role": "user", "content": "Hi"}]}
    )

    assert response.status_code == 200
    assert bedrock.script.requests[-1].model == arn
