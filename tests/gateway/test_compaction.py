"""Compaction at a provider without it: the model writes a summary, and goes on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_gateway, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.money import from_usd

TALK = [
    {"role": "user", "content": "An old question. " * 50},
    {"role": "assistant", "content": "An old answer."},
    {"role": "user", "content": "Go on."},
]
EDIT = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 100}}
COMPACT = {"context_management": {"edits": [EDIT]}}
PAUSE = {"context_management": {"edits": [{**EDIT, "pause_after_compaction": True}]}}
SUMMARIZE = {"compaction": {"type": "summarize", "instructions": "Summarize in a haiku."}}


def answer(text: str, prompt: int, completion: int) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


def script(provider: FakeProvider, *, stream: bool) -> None:
    """The first answer is the summary, the second one the answer from it."""
    summary, second = answer("They asked.", 300, 20), answer("Here it is.", 40, 5)
    if not stream:
        second_response = FakeResponse(body=json.dumps(second).encode())
    else:
        delta = {**second, "object": "chat.completion.chunk"}
        delta["choices"] = [{"index": 0, "delta": second["choices"][0]["message"], "finish_reason": "stop"}]
        body = f"data: {json.dumps(delta)}\n\ndata: [DONE]\n\n".encode()
        second_response = FakeResponse(body=body, content_type="text/event-stream")
    provider.script("gpt-fake", FakeResponse(body=json.dumps(summary).encode()), second_response)


def message_of(response: httpx.Response, *, stream: bool) -> dict[str, Any]:
    """Return the message, put together from the events if it was streamed."""
    if not stream:
        return dict(response.json())
    events = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
    blocks: list[dict[str, Any]] = []
    end: dict[str, Any] = {}
    for event in events:
        match event["type"]:
            case "content_block_start":
                blocks.append(dict(event["content_block"]))
            case "content_block_delta":
                delta = {name: value for name, value in event["delta"].items() if name != "type"}
                for name, value in delta.items():
                    blocks[-1][name] = (blocks[-1].get(name) or "") + value
            case "message_delta":
                end = {**event["delta"], "usage": event["usage"]}
    return {"content": blocks, **end}


def post(folder: Path, provider: FakeProvider, **fields: Any) -> httpx.Response:
    body = {"model": "one/gpt-fake", "max_tokens": 64, "messages": TALK, **fields}

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/messages", json=body)

    return run_gateway(folder, provider, scenario)


@pytest.mark.parametrize("stream", [False, True])
def test_r29_the_model_summarizes_and_goes_on(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """Above the trigger, the response has a compaction block and the answer from the summary."""
    script(provider, stream=stream)
    response = post(tmp_path, provider, stream=stream, system="Be brief.", **COMPACT)
    message = message_of(response, stream=stream)
    first, second = (request.body["messages"] for request in provider.requests)

    assert message["content"] == [
        {"type": "compaction", "content": "They asked."},
        {"type": "text", "text": "Here it is."},
    ]
    assert message["stop_reason"] == "end_turn"
    assert first[:-1] == [{"role": "system", "content": "Be brief."}, *TALK]
    assert "old question" not in json.dumps(second)
    assert "They asked." in second[-1]["content"]
    assert second[0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields", [PAUSE, SUMMARIZE], ids=["pause", "summarize"])
def test_r29_the_summary_can_be_the_whole_response(
    tmp_path: Path, provider: FakeProvider, fields: dict[str, Any], stream: bool
) -> None:
    """With a pause, or with `compaction`, the response is the block alone: one call."""
    script(provider, stream=stream)
    message = message_of(post(tmp_path, provider, stream=stream, **fields), stream=stream)

    assert message["content"] == [{"type": "compaction", "content": "They asked."}]
    assert message["stop_reason"] == "compaction"
    assert len(provider.requests) == 1
    if fields is SUMMARIZE:
        assert provider.requests[0].body["messages"][-1]["content"] == "Summarize in a haiku."


@pytest.mark.parametrize("stream", [False, True])
def test_r29_both_calls_are_charged(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """The key pays for summary and answer; the client's usage lists the summary as an iteration."""
    script(provider, stream=stream)
    services = build_services(tmp_path, provider)

    async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response, Any]:
        token = await issue_key(services, credits=from_usd("1"))
        body = {"model": "one/gpt-fake", "max_tokens": 64, "messages": TALK, "stream": stream, **COMPACT}
        response = await client.post("/v1/messages", json=body, headers=bearer(token))
        usage = await client.get("/v1/usage", headers=bearer(token))
        return response, usage.json()

    response, usage = run_with_client(services, scenario)
    message = message_of(response, stream=stream)

    assert message["usage"]["input_tokens"] == 40
    assert message["usage"]["output_tokens"] == 5
    kinds = [(each["type"], each["input_tokens"]) for each in message["usage"]["iterations"]]
    assert kinds == [("compaction", 300), ("message", 40)]
    text = json.dumps(usage)
    assert '"prompt_tokens": 340' in text
    assert '"completion_tokens": 25' in text


def test_r29_nothing_is_compacted_below_the_trigger(tmp_path: Path, provider: FakeProvider) -> None:
    """By default, a conversation has 150,000 tokens before it is summarized."""
    edits = {"edits": [{"type": "compact_20260112"}]}
    response = post(tmp_path, provider, context_management=edits)

    assert [block["type"] for block in response.json()["content"]] == ["text"]
    assert len(provider.requests) == 1
