"""Hypothesis strategies for chat requests, valid and unusual, for the property tests of dialects."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

PNG = "data:image/png;base64,iVBORw0KGgo="
TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "now", "description": ""}},
]
texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍", "call look", "end \n"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.just({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}),
    st.just({"type": "image_url", "image_url": PNG}),
)
contents = st.one_of(texts, st.lists(parts, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "abcDEF123", "functions.f:0", "ü", ""])
calls = st.builds(
    lambda key, name, arguments: {
        "id": key,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    ids,
    st.sampled_from(["look", "now"]),
    st.sampled_from(["", "{}", '{"a": [1, {"b": null}]}']),
)
messages = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, contents),
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer"]),
        texts,
    ),
    st.builds(
        lambda content, calls, extra: {
            "role": "assistant",
            "content": content,
            **({"tool_calls": calls} if calls else {}),
            **extra,
        },
        st.one_of(texts, st.none()),
        st.lists(calls, max_size=3),
        st.sampled_from([{}, {"refusal": "no"}, {"reasoning_content": "hm"}, {"name": "bob"}]),
    ),
    st.builds(lambda key, content: {"role": "tool", "tool_call_id": key, "content": content}, ids, contents),
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": st.sampled_from(["x", ["a", "", "a"], list("abcdefg")]),
        "max_tokens": st.sampled_from([1, 9_000]),
        "seed": st.integers(0, 99),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"]),
        "parallel_tool_calls": st.booleans(),
        "user": st.just("u-1"),
        "stream": st.booleans(),
        "response_format": st.sampled_from(
            [
                {"type": "json_object"},
                {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            ]
        ),
    },
)


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    """A chat request, with or without tools."""
    request = {"model": "m", "messages": draw(st.lists(messages, min_size=1, max_size=8)), **draw(fields)}
    if draw(st.booleans()):
        request["tools"] = TOOLS
        named = {"type": "function", "function": {"name": "look"}}
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}
        request["tool_choice"] = draw(st.sampled_from(["auto", "none", "required", named, allowed]))
    return request
