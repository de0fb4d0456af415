"""Streams of OpenAI-compatible providers that deviate in their calls or in their end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.dialects import openai
from vaultcore.streams.sse import Event

DONE = Event("[DONE]")
TEXT = {"content": "Hi"}


def call(arguments: str, **fields: Any) -> dict[str, Any]:
    """Return a delta with one fragment of a call; `name` is a field of its function."""
    function: dict[str, Any] = {"arguments": arguments}
    if "name" in fields:
        function["name"] = fields.pop("name")
    fragment: dict[str, Any] = {"index": 0, "type": "function", "function": function, **fields}
    return {"tool_calls": [fragment]}


def decode(
    *deltas: dict[str, Any], finish: str | None = None, done: bool = True
) -> tuple[dict[int, Any], Any]:
    """Return the calls by index, each as name and arguments, and the finish reason of the stream."""
    choices: list[Any] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    if finish:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    decoder, chunks = openai.create_decoder(), list[Any]()
    for choice in choices:
        chunks += decoder.feed(Event(json.dumps({"id": "x", "choices": [choice]})))
    chunks += [*(decoder.feed(DONE) if done else ()), *decoder.close()]
    calls: dict[int, Any] = {}
    reason = None
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        reason = choice["finish_reason"] or reason
        for each in choice["delta"].get("tool_calls", ()):
            name, arguments = calls.get(each["index"], ("", ""))
            function = each["function"]
            calls[each["index"]] = (name + function.get("name", ""), arguments + function["arguments"])
    return calls, reason


def test_q32_calls_without_ids_and_with_one_number_are_told_apart() -> None:
    """A named fragment after complete arguments starts another call, although no id or number says so."""
    calls, _ = decode(call('{"q":"a"}', name="look"), call('{"q":"b"}', name="look"), finish="tool_calls")

    assert calls == {0: ("look", '{"q":"a"}'), 1: ("look", '{"q":"b"}')}


@pytest.mark.parametrize(
    "fragments", [('{"q":', '{"r":1}}'), ('{"q":"}', '{"}'), ('{"q":1}', ""), ('{"q":1}', "\n")], ids=repr
)
def test_q32_a_name_in_each_fragment_starts_no_call(fragments: tuple[str, str]) -> None:
    """A repeated name does not end a call whose arguments are incomplete or do not start again."""
    calls, _ = decode(*(call(each, name="look") for each in fragments), finish="tool_calls")

    assert calls == {0: ("look", "".join(fragments))}


@pytest.mark.parametrize(
    ("delta", "reason"),
    [(TEXT, "stop"), (call("{}", name="look", id="c1"), "tool_calls"), (call("", name="look"), "tool_calls")],
)
def test_q35_done_without_a_finish_reason_ends_the_choice(delta: dict[str, Any], reason: str) -> None:
    """`[DONE]` ends a response whose finish reason is missing: agents run the tool only if it says so."""
    calls, actual = decode(delta)

    assert actual == reason
    assert all(arguments == "{}" for _, arguments in calls.values())


@pytest.mark.parametrize(("delta", "done"), [(TEXT, False), ({"role": "assistant", "content": ""}, True)])
def test_q35_nothing_is_invented_for_other_streams(delta: dict[str, Any], done: bool) -> None:
    """A stream that breaks off, or that has no output, gets no finish reason: it is a failed attempt."""
    assert decode(delta, done=done) == ({}, None)
