"""A client that speaks of functions is answered in its own words."""

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
OLD: Any = {"functions": [{"name": "look"}], "stream_options": {"include_usage": True}}
NEW: Any = {"tools": []}


def completion(message: dict[str, Any], finish: str) -> Any:
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def streamed(request: Any, *deltas: dict[str, Any], finish: str) -> list[dict[str, Any]]:
    """The deltas that a client sees, and the reason to finish behind them."""
    machine = chat.encoder(request)
    chunks: list[Any] = [
        {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    events = [event for chunk in chunks for event in machine.feed(chunk)]
    choices = [json.loads(event.data)["choices"][0] for event in events]
    return [*(choice["delta"] for choice in choices), {"finish": choices[-1]["finish_reason"]}]


@pytest.mark.parametrize("message", [{"tool_calls": CALLS}, {"function_call": CALLS[0]["function"]}])
def test_x4_a_call_is_a_function_call(message: dict[str, Any]) -> None:
    """However the provider called, the first call is told as a function call, and so is the reason."""
    choice = chat.render_answer(completion({"content": None, **message}, "tool_calls"), OLD)["choices"][0]

    assert choice["message"] == {"content": None, "function_call": {"name": "look", "arguments": "{}"}}
    assert choice["finish_reason"] == "function_call"


def test_x4_a_streamed_call_is_a_function_call() -> None:
    """The same of a stream: the fragments of the first call, and none of another."""
    part = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}

    assert streamed(OLD, {"tool_calls": CALLS[:1]}, part, {"tool_calls": CALLS[1:]}, finish="tool_calls") == [
        {"function_call": {"name": "look", "arguments": "{}"}},
        {"function_call": {"arguments": "{}"}},
        {},
        {},
        {"finish": "function_call"},
    ]


def test_x4_words_are_words() -> None:
    """An answer that calls nothing is the same in either form, and so is one to a client of today."""
    told = completion({"content": "Hi"}, "stop")
    called = completion({"content": None, "tool_calls": CALLS}, "tool_calls")

    assert chat.render_answer(told, OLD) == told
    assert chat.render_answer(called, NEW) == chat.render_completion(called)
    assert streamed(NEW, {"tool_calls": CALLS}, finish="tool_calls")[-1] == {"finish": "tool_calls"}


@pytest.mark.parametrize("field", ["functions", "function_call"])
def test_x4_both_words_at_once_are_refused(field: str) -> None:
    """A request speaks of functions or of tools."""
    both: Any = {"functions": [], "tools": [], "function_call": "auto", "tool_choice": "auto"}
    new = {"functions": "tools", "function_call": "tool_choice"}[field]
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], field: both[field], new: both[new]}

    with pytest.raises(InvalidRequest, match="write one or the other") as caught:
        chat.parse_request(asked)

    assert caught.value.param == field
