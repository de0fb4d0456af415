"""What a chat request must be, and how exactly a refusal says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest

HI = [{"role": "user", "content": "Hi"}]
ANSWER = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": HI, **fields}


def said(*messages: object) -> dict[str, Any]:
    return asked(messages=list(messages))


def tool(name: object = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


GOOD = {
    "least": asked(),
    "unknown fields": asked(next_month={"x": [1]}, seed=4),
    "x26 nulls": asked(temperature=None, tools=None, stop=None, max_tokens=None, stream=None, functions=None),
    "parts": said(
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "input_audio", "x": 1}]}
    ),
    "every role": said(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "content": ""},
        ANSWER,
        {"role": "tool", "tool_call_id": "1", "content": "r"},
        {"role": "assistant", "content": None},
    ),
    "tools": asked(tools=[tool(), tool("g", description="", parameters={}), {"type": "web_search_20250305"}]),
    "choices": asked(tools=[tool()], tool_choice={"type": "function", "function": {"name": "f"}}),
    "format": asked(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
    "numbers": asked(temperature=1, top_p=0.5, n=1, max_tokens=1, max_completion_tokens=9),
    "stops": asked(stop=["a"] * 16),
    "longest model": asked(model="m" * 512),
    "a whole character": said({"role": "user", "content": "\U0001f30d"}),
}

BAD = {
    "null": (None, None, "invalid_value"),
    "a list": ([], None, "invalid_value"),
    "no model": ({"messages": HI}, "model", "missing_required_parameter"),
    "model of a wrong type": (asked(model=5), "model", "invalid_type"),
    "empty model": (asked(model=" "), "model", "invalid_value"),
    "long model": (asked(model="m" * 513), "model", "invalid_value"),
    "no messages": ({"model": "m"}, "messages", "missing_required_parameter"),
    "messages of a wrong type": (asked(messages="Hi"), "messages", "invalid_type"),
    "empty messages": (said(), "messages", "empty_array"),
    "20,000 messages": (said(*HI * 20_000), "messages", "array_above_max_length"),
    "message of a wrong type": (said(HI[0], "Hi"), "messages[1]", "invalid_type"),
    "no role": (said({"content": "Hi"}), "messages[0].role", "invalid_value"),
    "unknown role": (said({"role": "robot", "content": ""}), "messages[0].role", "invalid_value"),
    "role of a wrong type": (said({"role": {}, "content": ""}), "messages[0].role", "invalid_value"),
    "content of a wrong type": (
        said(*HI * 2, {"role": "user", "content": 5}),
        "messages[2].content",
        "invalid_type",
    ),
    "no content": (said({"role": "user"}), "messages[0].content", "invalid_value"),
    "part of a wrong type": (
        said({"role": "user", "content": ["Hi"]}),
        "messages[0].content[0]",
        "invalid_type",
    ),
    "part without a type": (
        said({"role": "user", "content": [{}]}),
        "messages[0].content[0].type",
        "invalid_type",
    ),
    "text that is none": (
        said({"role": "user", "content": [{"type": "text", "text": None}]}),
        "messages[0].content[0].text",
        "invalid_type",
    ),
    "calls of a wrong type": (
        said({"role": "assistant", "tool_calls": {}}),
        "messages[0].tool_calls",
        "invalid_type",
    ),
    "call without a function": (
        said({"role": "assistant", "tool_calls": [{"id": "1"}]}),
        "messages[0].tool_calls[0].function",
        "invalid_type",
    ),
    "arguments of a wrong type": (
        said({"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}]}),
        "messages[0].tool_calls[0].function.arguments",
        "invalid_type",
    ),
    "result of nothing": (
        said(ANSWER, {"role": "tool", "tool_call_id": 5, "content": ""}),
        "messages[1].tool_call_id",
        "invalid_type",
    ),
    "legacy call": (
        said({"role": "assistant", "function_call": {"name": "f"}}),
        "messages[0].function_call.arguments",
        "invalid_type",
    ),
    "legacy result": (said({"role": "function", "content": ""}), "messages[0].name", "invalid_type"),
    "legacy functions": (asked(functions=[{"name": ""}]), "functions[0].name", "invalid_value"),
    "functions beside tools": (asked(functions=[], tools=[]), "functions", "invalid_value"),
    "stream of a wrong type": (asked(stream="yes"), "stream", "invalid_type"),
    "stream options": (asked(stream_options=True), "stream_options", "invalid_type"),
    "n of nothing": (asked(n=0), "n", "integer_below_min_value"),
    "n of a wrong type": (asked(n=True), "n", "invalid_type"),
    "no tokens": (asked(max_tokens=0), "max_tokens", "integer_below_min_value"),
    "tokens of a wrong type": (asked(max_completion_tokens=1.5), "max_completion_tokens", "invalid_type"),
    "x26 temperature of a wrong type": (asked(temperature="hot"), "temperature", "invalid_type"),
    "a flag for a temperature": (asked(temperature=True), "temperature", "invalid_type"),
    "endless temperature": (asked(temperature=float("inf")), "temperature", "invalid_type"),
    "stop of a wrong type": (asked(stop=5), "stop", "invalid_type"),
    "a stop of a wrong type": (asked(stop=["a", 5]), "stop[1]", "invalid_type"),
    "17 stops": (asked(stop=["a"] * 17), "stop", "array_above_max_length"),
    "tools of a wrong type": (asked(tools={}), "tools", "invalid_type"),
    "tool without a function": (asked(tools=[{"type": "function"}]), "tools[0].function", "invalid_type"),
    "tool without a name": (asked(tools=[{"function": {}}]), "tools[0].function.name", "invalid_type"),
    "a11 tool of a bad name": (asked(tools=[tool("a b")]), "tools[0].function.name", "invalid_value"),
    "tool of a name with a line's end": (
        asked(tools=[tool("a\n")]),
        "tools[0].function.name",
        "invalid_value",
    ),
    "a11 tool of a long name": (asked(tools=[tool("a" * 65)]), "tools[0].function.name", "invalid_value"),
    "x10 two tools of one name": (asked(tools=[tool(), tool()]), "tools[1].function.name", "invalid_value"),
    "parameters of a wrong type": (
        asked(tools=[tool(parameters=[])]),
        "tools[0].function.parameters",
        "invalid_type",
    ),
    "choice of a wrong type": (asked(tool_choice=["f"]), "tool_choice", "invalid_type"),
    "format of a wrong type": (asked(response_format="json"), "response_format", "invalid_type"),
    "format without a type": (asked(response_format={}), "response_format.type", "invalid_type"),
    "format without a schema": (
        asked(response_format={"type": "json_schema"}),
        "response_format.json_schema",
        "invalid_type",
    ),
    "x32 half a character": (
        said(*HI, {"role": "user", "content": [{"type": "text", "text": "a\ud83c"}]}),
        "messages[1].content[0].text",
        "invalid_value",
    ),
    "x32 half a character elsewhere": (
        asked(next_month={"x": ["\udf0d"]}),
        "next_month.x[0]",
        "invalid_value",
    ),
    "x32 half a character in a name": (asked(**{"a\ud83c": 1}), None, "invalid_value"),
    "x32 no number": (asked(next_month=float("nan")), None, "invalid_value"),
    "nested deeply": (asked(next_month=nested(900_000)), None, "invalid_value"),
}


def test_depth_leaves_room() -> None:
    """Whatever depth is let in, the body can be written out from inside more brackets."""
    for depth in range(50, 1_200, 50):
        body = asked(next_month=nested(depth))
        try:
            chat.parse_request(body)
        except InvalidRequest:
            continue
        json.dumps({"body": [[body]]})


@pytest.mark.parametrize("name", GOOD)
def test_good_requests_pass_as_they_are(name: str) -> None:
    """What the gateway can act on is not changed."""
    before = json.dumps(GOOD[name])

    assert chat.parse_request(GOOD[name]) is GOOD[name]
    assert json.dumps(GOOD[name]) == before


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused(name: str) -> None:
    """What the gateway cannot act on is refused as the client's fault, naming the exact place."""
    body, param, code = BAD[name]

    with pytest.raises(InvalidRequest) as caught:
        chat.parse_request(body)

    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(str(caught.value)) < 200
    str(caught.value).encode()
