"""What holds of every request to Cohere, whatever conversation it was made from, and of what comes back."""

from __future__ import annotations

import json
from typing import Any

import cohere as sdk
import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter, ValidationError

from tests.fakes.conversations import conversations
from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Model, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import cohere
from vaultcore.simulators import cohere as manners
from vaultcore.simulators.reply import reply
from vaultcore.streams import sse

TARGET = Target(builtin().providers["cohere"], Model("command-a-03-2025"))
HEADERS = {"content-type": "application/json"}
FIELDS: dict[str, TypeAdapter[Any]] = {
    "messages": TypeAdapter(list[sdk.ChatMessageV2]),
    "tools": TypeAdapter(list[sdk.ToolV2]),
    "response_format": TypeAdapter(sdk.ResponseFormatV2),
    "thinking": TypeAdapter(sdk.Thinking),
}
ANSWER = TypeAdapter(sdk.V2ChatResponse)
EVENT = TypeAdapter(sdk.V2ChatStreamResponse)


def rendered(asked: dict[str, Any]) -> dict[str, Any]:
    return cohere.render_request(chat.parse_request(asked), TARGET).body


def valid(body: dict[str, Any]) -> None:
    for name, kind in FIELDS.items():
        if name in body:
            kind.validate_python(body[name])


def test_the_judge_judges() -> None:
    """The SDK's types do refuse what is wrong deep inside a request."""
    with pytest.raises(ValidationError):
        valid({"messages": [{"role": "tool", "content": "no id"}]})


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_c_bodies_are_what_the_sdk_types_say(asked: dict[str, Any]) -> None:
    """Every request is one that Cohere's SDK types allow, is JSON, and breaks no rule of the simulator's."""
    body = rendered(asked)

    valid(body)
    manners.check(HEADERS, json.loads(json.dumps(body, allow_nan=False)))


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_c11_a_stream_says_what_the_buffered_answer_says(asked: dict[str, Any]) -> None:
    """Text, reasoning, calls, finish reason and usage are the same, streamed and not."""
    body = rendered(asked)
    answer = reply(manners.prompt("Cohere", body))
    whole = cohere.parse_completion(json.loads(json.dumps(manners.completion(body, answer))))
    events, decoder = sse.Decoder(), cohere.decoder()
    raw = b"".join(manners.events(body, answer))
    told = [chunk for event in events.feed(raw) for chunk in decoder.feed(event)]
    deltas = [choice["delta"] for chunk in told for choice in chunk["choices"]]
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
    assert told[-1]["usage"] == whole["usage"]
    finishes = [choice["finish_reason"] for chunk in told for choice in chunk["choices"]]
    assert [finish for finish in finishes if finish] == [whole["choices"][0]["finish_reason"]]


def test_the_simulator_answers_as_the_sdk_reads() -> None:
    """What the simulator says is what Cohere's SDK knows as an answer and as events."""
    body = rendered({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
    answer = reply(manners.prompt("Cohere", body))
    events = sse.Decoder().feed(b"".join(manners.events(body, answer)))

    assert ANSWER.validate_python(manners.completion(body, answer)).message.content
    assert [EVENT.validate_python(json.loads(event.data)).type for event in events if event.data != "[DONE]"][
        -1
    ] == "message-end"
