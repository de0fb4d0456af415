"""Properties of every request to Cohere and of its responses."""

from __future__ import annotations

import json
from typing import Any

import cohere as sdk
import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter, ValidationError

from tests.fakes.conversations import conversations
from tests.fakes.rendering import render_body
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Model, Target
from vaultcore.dialects import cohere
from vaultcore.simulators import cohere as simulator
from vaultcore.simulators.reply import generate_reply
from vaultcore.streams import sse

TARGET = Target(load_builtin().providers["cohere"], Model("command-a-03-2025"))
HEADERS = {"content-type": "application/json"}
FIELDS: dict[str, TypeAdapter[Any]] = {
    "messages": TypeAdapter(list[sdk.ChatMessageV2]),
    "tools": TypeAdapter(list[sdk.ToolV2]),
    "response_format": TypeAdapter(sdk.ResponseFormatV2),
    "thinking": TypeAdapter(sdk.Thinking),
}
RESPONSE = TypeAdapter(sdk.V2ChatResponse)
EVENT = TypeAdapter(sdk.V2ChatStreamResponse)


def rendered(request: dict[str, Any]) -> dict[str, Any]:
    return render_body(cohere, request, TARGET)


def validate(body: dict[str, Any]) -> None:
    for name, kind in FIELDS.items():
        if name in body:
            kind.validate_python(body[name])


def test_the_sdk_types_reject_errors() -> None:
    """The SDK's types reject an error deep inside a request."""
    with pytest.raises(ValidationError):
        validate({"messages": [{"role": "tool", "content": "no id"}]})


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_c_bodies_match_the_sdk_types(request: dict[str, Any]) -> None:
    """Every request is valid JSON, matches the SDK's types and passes the simulator's rules."""
    body = rendered(request)

    validate(body)
    simulator.validate_request(HEADERS, json.loads(json.dumps(body, allow_nan=False)))


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_c11_streamed_and_buffered_responses_agree(request: dict[str, Any]) -> None:
    """Text, reasoning, calls, finish reason and usage agree."""
    body = rendered(request)
    answer = generate_reply(simulator.parse_prompt("Cohere", body))
    whole = cohere.parse_response(json.loads(json.dumps(simulator.render_completion(body, answer))))
    events, decoder = sse.Decoder(), cohere.create_decoder()
    raw = b"".join(simulator.render_events(body, answer))
    chunks = [chunk for event in events.feed(raw) for chunk in decoder.feed(event)]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    message, calls = whole["choices"][0]["message"], dict[int, list[str]]()
    for delta in deltas:
        for call in delta.get("tool_calls", ()):
            function = call["function"]
            calls.setdefault(call["index"], []).append(function.get("name", "") + function["arguments"])

    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message.get(
        "reasoning_content", ""
    )
    assert ["".join(pieces) for pieces in calls.values()] == [
        call["function"]["name"] + call["function"]["arguments"] for call in message.get("tool_calls", ())
    ]
    assert chunks[-1]["usage"] == whole["usage"]
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [finish for finish in finishes if finish] == [whole["choices"][0]["finish_reason"]]


def test_the_sdk_parses_the_simulators_responses() -> None:
    """The simulator's response and events match the types of Cohere's SDK."""
    body = rendered({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
    answer = generate_reply(simulator.parse_prompt("Cohere", body))
    events = sse.Decoder().feed(b"".join(simulator.render_events(body, answer)))

    assert RESPONSE.validate_python(simulator.render_completion(body, answer)).message.content
    assert [EVENT.validate_python(json.loads(event.data)).type for event in events if event.data != "[DONE]"][
        -1
    ] == "message-end"
