"""A simulated Bedrock: boto3 can talk to it, it refuses what Bedrock does, and the gateway breaks no rule."""

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
from vaultcore.secrets import FixedSecrets, Secrets, digest
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
    made = boto3.client(
        "bedrock-runtime", region_name="eu-west-1", endpoint_url=bedrock.base_url, config=config
    )
    # It sends no bearer token over plain http, so the key is put in where the signature would be.
    made.meta.events.register(
        "before-send.bedrock-runtime",
        lambda request, **_: request.headers.update(authorization=f"Bearer {bedrock.key}"),
    )
    yield made
    made.close()


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def ask(folder: Path, provider: Simulator, *bodies: dict[str, Any], key: str = "") -> list[httpx.Response]:
    """What the gateway answers to each body, asked in turn."""
    file = folder / "providers.yaml"
    file.write_text(
        f'providers: {{bedrock: {{base_url: "{provider.base_url}", local: true, '
        "auth: {scheme: sigv4, service: bedrock, region: eu-west-1}}}"
    )
    keyring = Keyring([Credential("bedrock", key or provider.key)])
    settings = Settings(providers_file=file, home=folder, max_retries=0)
    services = compose(settings, FixedSecrets(Secrets(keyring, digest(SYSTEM), digest("va-" + "6" * 40))))

    async def story() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers) as http:
            try:
                return [await http.post("/v1/chat/completions", json=body) for body in bodies]
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(story())


def chunks(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_boto3_reads_the_answers(client: Any) -> None:
    """AWS's own client reads what the simulator answers, streamed in real event-stream messages or not."""
    asked = {"modelId": MODEL, "messages": said("why is the sky blue?")}
    whole = client.converse(**asked)
    events = list(client.converse_stream(**asked)["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]

    assert "why is the sky blue?" in whole["output"]["message"]["content"][0]["text"]
    assert "".join(delta["text"] for delta in deltas) == whole["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": "assistant", "content": [{"text": "a"}]}]},
        {"messages": said(" ")},
        {"messages": [*said("a"), *said("b")]},
        {"messages": [{"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]}]},
        {"messages": [{"role": "user", "content": [{"document": {"name": "a", "source": {"text": "b"}}}]}]},
        {"messages": said("a"), "toolConfig": {"tools": [], "toolChoice": {"none": {}}}},
        {"messages": said("a"), "inferenceConfig": {"temperature": 1.5}},
        {"messages": said("a"), "system": [{"text": " "}]},
        {"messages": said("a"), "temperature": 1},
        {"messages": said("a"), "requestMetadata": {"a": "ü"}},
    ],
)
def test_it_refuses_what_bedrock_refuses(bedrock: Simulator, wrong: dict[str, Any]) -> None:
    """A request against the rules is refused, and the refusal is named in a header."""
    headers = {"authorization": f"Bearer {bedrock.key}"}
    answer = httpx.post(f"{bedrock.base_url}/model/m/converse", json=wrong, headers=headers)

    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"].startswith("ValidationException:")


def test_b29_boto3_knows_the_errors(bedrock: Simulator, client: Any) -> None:
    """Errors have the names that AWS's own client knows them by."""
    bedrock.script.queue(MODEL, InjectedFault(status=429))

    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, messages=said("hi"))

    assert caught.value.response["Error"]["Code"] == "ThrottlingException"


@pytest.mark.parametrize("stream", [False, True])
def test_two_turns_with_tools_and_thoughts(bedrock: Simulator, tmp_path: Path, stream: bool) -> None:
    """Thoughts and calls come back to Bedrock as it wants them, over two turns, streamed or not."""
    asked: dict[str, Any] = {
        "model": f"bedrock/{MODEL}",
        "messages": [{"role": "user", "content": "call weather, then now"}],
        "tools": TOOLS,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    [first] = ask(tmp_path, bedrock, asked)
    assert first.status_code == 200, first.text
    message = first.json()["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in message["tool_calls"]
    ]
    second = {**asked, "messages": [*asked["messages"], message, *results], "stream": stream}
    [answer] = ask(tmp_path, bedrock, second)

    assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather", "now"]
    assert message["reasoning_content"]
    assert answer.status_code == 200
    if stream:
        deltas = [choice["delta"] for chunk in chunks(answer) for choice in chunk["choices"]]
        text = "".join(delta.get("content") or "" for delta in deltas)
    else:
        text = answer.json()["choices"][0]["message"]["content"]
    assert text.startswith("The tool answered: rain; rain.")


def test_the_stream_says_what_the_answer_says(bedrock: Simulator, tmp_path: Path) -> None:
    """A stream in AWS's framing has the same calls and usage as the answer in one piece."""
    asked: dict[str, Any] = {
        "model": f"bedrock/{MODEL}",
        "messages": [{"role": "user", "content": "call weather, then now"}],
        "tools": TOOLS,
    }
    streamed = {**asked, "stream": True, "stream_options": {"include_usage": True}}
    whole, parts = ask(tmp_path, bedrock, asked, streamed)
    deltas = [choice["delta"] for chunk in chunks(parts) for choice in chunk["choices"]]
    arguments = {0: "", 1: ""}
    for call in (call for delta in deltas for call in delta.get("tool_calls") or ()):
        arguments[call["index"]] += call["function"].get("arguments") or ""
    calls = whole.json()["choices"][0]["message"]["tool_calls"]

    assert [json.loads(arguments[i]) for i in (0, 1)] == [
        json.loads(call["function"]["arguments"]) for call in calls
    ]
    assert chunks(parts)[-1]["usage"] == whole.json()["usage"]


@pytest.mark.parametrize(
    ("mishap", "status"),
    [
        (InjectedFault(status=400), 400),
        (InjectedFault(status=403), 502),
        (InjectedFault(status=404), 404),
        (InjectedFault(status=424), 502),
        (InjectedFault(status=429), 429),
        (InjectedFault(cut_after=0), 502),
    ],
)
def test_b29_faults_are_told_as_what_they_are(
    bedrock: Simulator, tmp_path: Path, mishap: InjectedFault, status: int
) -> None:
    """Only what the request is at fault for comes back as the client's."""
    bedrock.script.clear()
    bedrock.script.queue(MODEL, *[mishap] * 5)
    asked = {"model": f"bedrock/{MODEL}", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    [answer] = ask(tmp_path, bedrock, asked)
    bedrock.script.clear()

    assert answer.status_code == status


def test_a_stream_that_is_cut_ends_in_an_error(bedrock: Simulator, tmp_path: Path) -> None:
    """After the first piece, a connection that breaks is one error event, and no end."""
    bedrock.script.queue(MODEL, InjectedFault(cut_after=4))
    asked = {"model": f"bedrock/{MODEL}", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    [answer] = ask(tmp_path, bedrock, asked)
    last = [line for line in answer.text.splitlines() if line][-1]

    assert answer.status_code == 200
    assert "error" in json.loads(last.removeprefix("data: "))


def test_b01_an_arn_reaches_its_model(bedrock: Simulator, tmp_path: Path) -> None:
    """An ARN, with all its colons and slashes, arrives as the one id it is."""
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2"
    [answer] = ask(
        tmp_path, bedrock, {"model": f"bedrock/{arn}", "messages": [{"role": "user", "content": "Hi"}]}
    )

    assert answer.status_code == 200
    assert bedrock.script.asked[-1].model == arn
