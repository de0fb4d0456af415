"""Clients that use functions instead of tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest

CALLS = [
    {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    {"index": 1, "id": "b", "type": "function", "function": {"name": "now", "arguments": "{}"}},
]
FUNCTIONS: Any = {"functions": [{"name": "look"}], "stream_options": {"include_usage": True}}
TOOLS: Any = {"tools": []}


def completion(message: dict[str, Any], finish: str) -> Any:
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def encode(request: Any, *deltas: dict[str, Any], finish: str) -> list[dict[str, Any]]:
    """Return the deltas that a client receives, and the finish reason after them."""
    encoder = chat.encoder(request)
    chunks: list[Any] = [
        {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    events = [event for chunk in chunks for event in encoder.feed(chunk)]
    choices = [json.loads(event.data)["choices"][0] for event in events]
    return [*(choice["delta"] for choice in choices), {"finish": choices[-1]["finish_reason"]}]


@pytest.mark.parametrize("message", [{"tool_calls": CALLS}, {"function_call": CALLS[0]["function"]}])
def test_x4_a_call_is_a_function_call(message: dict[str, Any]) -> None:
    """The first tool call becomes the function call, and the finish reason is `function_call`."""
    choice = chat.render_response(completion({"content": None, **message}, "tool_calls"), FUNCTIONS)[
        "choices"
    ][0]

    assert choice["message"] == {"content": None, "function_call": {"name": "look", "arguments": "{}"}}
    assert choice["finish_reason"] == "function_call"


def test_x4_a_streamed_call_is_a_function_call() -> None:
    """In a stream, only fragments of the first tool call become function calls."""
    fragment = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}

    assert encode(
        FUNCTIONS, {"tool_calls": CALLS[:1]}, fragment, {"tool_calls": CALLS[1:]}, finish="tool_calls"
    ) == [
        {"function_call": {"name": "look", "arguments": "{}"}},
        {"function_call": {"arguments": "{}"}},
        {},
        {},
        {"finish": "function_call"},
    ]


def test_x4_text_is_unchanged() -> None:
    """Text is the same with functions and tools, and tool calls stay tool calls with tools."""
    text = completion({"content": "Hi"}, "stop")
    tool_calls = completion({"content": None, "tool_calls": CALLS}, "tool_calls")

    assert chat.render_response(text, FUNCTIONS) == text
    assert chat.render_response(tool_calls, TOOLS) == chat.render_completion(tool_calls)
    assert encode(TOOLS, {"tool_calls": CALLS}, finish="tool_calls")[-1] == {"finish": "tool_calls"}


@pytest.mark.parametrize("field", ["functions", "function_call"])
def test_x4_functions_and_tools_together_are_rejected(field: str) -> None:
    """A request with both the old and the new field is rejected."""
    both: Any = {"functions": [], "tools": [], "function_call": "auto", "tool_choice": "auto"}
    new = {"functions": "tools", "function_call": "tool_choice"}[field]
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        field: both[field],
        new: both[new],
    }

    with pytest.raises(InvalidRequest, match="send only one of them") as caught:
        chat.parse_request(request)

    assert caught.value.param == field
