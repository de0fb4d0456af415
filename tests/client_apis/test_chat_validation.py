"""Validation of chat requests, and the exact parameter in its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest

HI = [{"role": "user", "content": "Hi"}]
TOOL_CALL = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": HI, **fields}


def with_messages(*messages: object) -> dict[str, Any]:
    return body(messages=list(messages))


def tool(name: object = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


VALID = {
    "minimal": body(),
    "unknown fields": body(next_month={"x": [1]}, seed=4),
    "x26 nulls": body(temperature=None, tools=None, stop=None, max_tokens=None, stream=None, functions=None),
    "parts": with_messages(
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "input_audio", "x": 1}]}
    ),
    "every role": with_messages(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "content": ""},
        TOOL_CALL,
        {"role": "tool", "tool_call_id": "1", "content": "r"},
        {"role": "assistant", "content": None},
    ),
    "tools": body(tools=[tool(), tool("g", description="", parameters={}), {"type": "web_search_20250305"}]),
    "choices": body(tools=[tool()], tool_choice={"type": "function", "function": {"name": "f"}}),
    "format": body(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
    "numbers": body(temperature=1, top_p=0.5, n=1, max_tokens=1, max_completion_tokens=9),
    "stops": body(stop=["a"] * 16),
    "longest model": body(model="m" * 512),
    "a whole character": with_messages({"role": "user", "content": "\U0001f30d"}),
}

INVALID = {
    "null": (None, None, "invalid_value"),
    "a list": ([], None, "invalid_value"),
    "no model": ({"messages": HI}, "model", "missing_required_parameter"),
    "model of a wrong type": (body(model=5), "model", "invalid_type"),
    "empty model": (body(model=" "), "model", "invalid_value"),
    "long model": (body(model="m" * 513), "model", "invalid_value"),
    "no messages": ({"model": "m"}, "messages", "missing_required_parameter"),
    "messages of a wrong type": (body(messages="Hi"), "messages", "invalid_type"),
    "empty messages": (with_messages(), "messages", "empty_array"),
    "20,000 messages": (with_messages(*HI * 20_000), "messages", "array_above_max_length"),
    "message of a wrong type": (with_messages(HI[0], "Hi"), "messages[1]", "invalid_type"),
    "no role": (with_messages({"content": "Hi"}), "messages[0].role", "invalid_value"),
    "unknown role": (with_messages({"role": "robot", "content": ""}), "messages[0].role", "invalid_value"),
    "role of a wrong type": (with_messages({"role": {}, "content": ""}), "messages[0].role", "invalid_value"),
    "content of a wrong type": (
        with_messages(*HI * 2, {"role": "user", "content": 5}),
        "messages[2].content",
        "invalid_type",
    ),
    "no content": (with_messages({"role": "user"}), "messages[0].content", "invalid_value"),
    "part of a wrong type": (
        with_messages({"role": "user", "content": ["Hi"]}),
        "messages[0].content[0]",
        "invalid_type",
    ),
    "part without a type": (
        with_messages({"role": "user", "content": [{}]}),
        "messages[0].content[0].type",
        "invalid_type",
    ),
    "text of a wrong type": (
        with_messages({"role": "user", "content": [{"type": "text", "text": None}]}),
        "messages[0].content[0].text",
        "invalid_type",
    ),
    "calls of a wrong type": (
        with_messages({"role": "assistant", "tool_calls": {}}),
        "messages[0].tool_calls",
        "invalid_type",
    ),
    "call without a function": (
        with_messages({"role": "assistant", "tool_calls": [{"id": "1"}]}),
        "messages[0].tool_calls[0].function",
        "invalid_type",
    ),
    "arguments of a wrong type": (
        with_messages(
            {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}]}
        ),
        "messages[0].tool_calls[0].function.arguments",
        "invalid_type",
    ),
    "result with a wrong id": (
        with_messages(TOOL_CALL, {"role": "tool", "tool_call_id": 5, "content": ""}),
        "messages[1].tool_call_id",
        "invalid_type",
    ),
    "legacy call": (
        with_messages({"role": "assistant", "function_call": {"name": "f"}}),
        "messages[0].function_call.arguments",
        "invalid_type",
    ),
    "legacy result": (with_messages({"role": "function", "content": ""}), "messages[0].name", "invalid_type"),
    "legacy functions": (body(functions=[{"name": ""}]), "functions[0].name", "invalid_value"),
    "functions beside tools": (body(functions=[], tools=[]), "functions", "invalid_value"),
    "stream of a wrong type": (body(stream="yes"), "stream", "invalid_type"),
    "stream options": (body(stream_options=True), "stream_options", "invalid_type"),
    "n of zero": (body(n=0), "n", "integer_below_min_value"),
    "n of a wrong type": (body(n=True), "n", "invalid_type"),
    "no tokens": (body(max_tokens=0), "max_tokens", "integer_below_min_value"),
    "tokens of a wrong type": (body(max_completion_tokens=1.5), "max_completion_tokens", "invalid_type"),
    "x26 temperature of a wrong type": (body(temperature="hot"), "temperature", "invalid_type"),
    "a flag for a temperature": (body(temperature=True), "temperature", "invalid_type"),
    "infinite temperature": (body(temperature=float("inf")), "temperature", "invalid_type"),
    "stop of a wrong type": (body(stop=5), "stop", "invalid_type"),
    "a stop of a wrong type": (body(stop=["a", 5]), "stop[1]", "invalid_type"),
    "17 stops": (body(stop=["a"] * 17), "stop", "array_above_max_length"),
    "tools of a wrong type": (body(tools={}), "tools", "invalid_type"),
    "tool without a function": (body(tools=[{"type": "function"}]), "tools[0].function", "invalid_type"),
    "tool without a name": (body(tools=[{"function": {}}]), "tools[0].function.name", "invalid_type"),
    "blank tool name": (body(tools=[tool(" ")]), "tools[0].function.name", "invalid_value"),
    "tool name of a page": (body(tools=[tool("a" * 513)]), "tools[0].function.name", "invalid_value"),
    "x10 duplicate tool name": (body(tools=[tool(), tool()]), "tools[1].function.name", "invalid_value"),
    "parameters of a wrong type": (
        body(tools=[tool(parameters=[])]),
        "tools[0].function.parameters",
        "invalid_type",
    ),
    "choice of a wrong type": (body(tool_choice=["f"]), "tool_choice", "invalid_type"),
    "format of a wrong type": (body(response_format="json"), "response_format", "invalid_type"),
    "format without a type": (body(response_format={}), "response_format.type", "invalid_type"),
    "format without a schema": (
        body(response_format={"type": "json_schema"}),
        "response_format.json_schema",
        "invalid_type",
    ),
}


@pytest.mark.parametrize("name", VALID)
def test_valid_requests_are_not_changed(name: str) -> None:
    """A valid request is returned as the same, unchanged object."""
    before = json.dumps(VALID[name])

    assert chat.parse_request(VALID[name]) is VALID[name]
    assert json.dumps(VALID[name]) == before


@pytest.mark.parametrize("name", INVALID)
def test_invalid_requests_are_rejected(name: str) -> None:
    """An invalid request gets a 400 error with the exact parameter and code."""
    request, param, code = INVALID[name]

    with pytest.raises(InvalidRequest) as caught:
        chat.parse_request(request)

    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(str(caught.value)) < 200
    str(caught.value).encode()
