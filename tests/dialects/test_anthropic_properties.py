"""Properties of every rendered Messages request, for random conversations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.fakes.rendering import render_body
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import anthropic

PARAMS = TypeAdapter(MessageCreateParamsNonStreaming)
OLDER_FIELDS = ("temperature", "top_p", "top_k")  # older models accept them; the SDK's types omit them

texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍", "end \n"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.just({"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}),
    st.just({"type": "image_url", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}),
)
contents = st.one_of(texts, st.lists(parts, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "functions.f:0", "ü", "call_1 "])
calls = st.builds(
    lambda key, name, arguments: {
        "id": key,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    ids,
    st.sampled_from(["look", "find it", "look"]),
    st.sampled_from(["", "{}", '{"a": [1, {"b": null}]}', "[1]", "null", "{broken", '{"n": NaN}']),
)
reasoning = st.sampled_from(
    [
        [],
        [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
        [{"type": "thinking", "thinking": "hm"}],
        [
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
            {"type": "thinking", "thinking": "", "signature": "cw"},
        ],
    ]
)
messages = st.one_of(
    st.builds(
        lambda content: {"role": "user", "content": content},
        contents,
    ),
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer"]),
        texts,
    ),
    st.builds(
        lambda content, calls, reasoning: {
            "role": "assistant",
            "content": content,
            **({"tool_calls": calls} if calls else {}),
            **({"thinking_blocks": reasoning} if reasoning else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        reasoning,
    ),
    st.builds(lambda key, content: {"role": "tool", "tool_call_id": key, "content": content}, ids, texts),
)
tools = [{"type": "function", "function": {"name": "look", "parameters": {"properties": {"a": {}}}}}]
fields = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.just(tools),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": st.sampled_from(["x", ["a", " ", "a"]]),
        "max_tokens": st.sampled_from([1, 1024, 1025, 9000]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "parallel_tool_calls": st.booleans(),
        "user": st.sampled_from(["u-1", "+49 30 1234567", "x" * 600]),
        "response_format": st.sampled_from(
            [
                {"type": "json_object"},
                {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object", "maxProperties": 2}},
                },
            ]
        ),
    },
)
flags = st.sampled_from([None, True, False])
capabilities = st.builds(
    Capabilities,
    forced_tool_use=flags,
    structured_output=flags,
    prefill=flags,
    sampling_params=flags,
    mid_conversation_system=flags,
    thinking=st.sampled_from([None, "none", "budget", "adaptive", "always"]),
    effort_levels=st.sampled_from([(), ("low", "high"), ("low", "medium", "high", "xhigh", "max")]),
)


@st.composite
def rendered(draw: st.DrawFn) -> dict[str, Any]:
    request = {"model": "m", "messages": draw(st.lists(messages, min_size=1, max_size=8)), **draw(fields)}
    if "tools" in request:
        request["tool_choice"] = draw(st.sampled_from(["auto", "none", "required"]))
    provider = Provider("anthropic", "https://api.example.test/v1")
    target = Target(provider, Model("claude", max_output_tokens=32_000, capabilities=draw(capabilities)))
    return render_body(anthropic, request, target)


def exhaust(value: Any) -> None:
    """Read the iterables that pydantic validates lazily."""
    if isinstance(value, dict):
        value = value.values()
    if hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        for item in value:
            exhaust(item)


def validate(body: dict[str, Any]) -> None:
    fields = {name: value for name, value in body.items() if name not in OLDER_FIELDS}
    assert fields.keys() <= MessageCreateParamsNonStreaming.__annotations__.keys() | INHERITED.keys()
    exhaust(PARAMS.validate_python(fields))


INHERITED = {
    name: kind
    for base in MessageCreateParamsNonStreaming.__mro__
    for name, kind in vars(base).get("__annotations__", {}).items()
}


def test_the_validator_rejects_invalid_requests() -> None:
    """The SDK's types reject an error deep inside a request."""
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text"}]}]}

    with pytest.raises(ValidationError):
        validate(body)


@settings(max_examples=150, deadline=None)
@given(rendered())
def test_bodies_match_the_sdk_types(body: dict[str, Any]) -> None:
    """Every request matches the Anthropic SDK's types and is JSON."""
    validate(body)
    json.dumps(body, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(rendered())
def test_a05_a06_a10_a12_a15_conversations_are_well_formed(body: dict[str, Any]) -> None:
    """The user is first, roles alternate, no message or text is empty, every call has its result next."""
    messages_sent = body["messages"]
    call_ids: set[str] = set()

    assert messages_sent[0]["role"] == "user"
    for message, after in zip(messages_sent, [*messages_sent[1:], None], strict=True):
        assert message["content"]
        assert after is None or after["role"] != message["role"]
        for block in message["content"]:
            assert block["type"] != "text" or block["text"].strip()
        calls_made = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        kinds = [block["type"] for block in (after or {"content": []})["content"]]
        results = [
            block["tool_use_id"] for block in (after or {"content": []})["content"] if "tool_use_id" in block
        ]
        assert sorted(calls_made) == sorted(results)
        assert kinds[: len(calls_made)] == ["tool_result"] * len(calls_made)
        assert call_ids.isdisjoint(calls_made)
        assert all(re.fullmatch("[a-zA-Z0-9_-]+", key) for key in calls_made)
        call_ids.update(calls_made)
    last = messages_sent[-1]["content"][-1]
    assert (
        messages_sent[-1]["role"] != "assistant"
        or last["type"] != "text"
        or last["text"] == last["text"].rstrip()
    )
    assert not call_ids or body["tools"]


@settings(max_examples=300, deadline=None)
@given(rendered())
def test_a03_system_messages_have_valid_positions(body: dict[str, Any]) -> None:
    """A system message follows a user message, and is the last or precedes an assistant message."""
    roles = [message["role"] for message in body["messages"]]

    for before, role, after in zip([None, *roles], roles, [*roles[1:], "assistant"], strict=False):
        assert role != "system" or (before, after) == ("user", "assistant")


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_a20_a23_a26_reasoning_has_valid_settings(body: dict[str, Any]) -> None:
    """A budget is at least 1,024 tokens and below the limit; reasoning excludes forced tools and sampling."""
    thinking = body.get("thinking") or {}

    if thinking.get("type") == "enabled":
        assert 1_024 <= thinking["budget_tokens"] < body["max_tokens"]
    if thinking.get("type") in {"enabled", "adaptive"}:
        assert body.get("tool_choice", {}).get("type") not in {"any", "tool"}
        assert "top_k" not in body
        assert body.get("temperature", 1) == 1
        assert 0.95 <= body.get("top_p", 1) <= 1
