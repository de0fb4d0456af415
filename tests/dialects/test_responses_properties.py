"""Properties of every Responses request."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import responses
from vaultcore.simulators import responses_rules

PARAMS: Any = TypeAdapter(ResponseCreateParamsNonStreaming)
HEADERS = {"content-type": "application/json"}
FOREIGN = "foreign-state"
TARGET = Target(
    Provider("acme", "https://api.acme.test/v1"),
    Model("o9-pro", capabilities=Capabilities(thinking="adaptive"), dialect="responses"),
)

texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.just({"type": "image_url", "image_url": {"url": "https://example.test/a.png", "detail": "low"}}),
    st.just({"type": "image_url", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}),
    st.just({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a"}}),
)
contents = st.one_of(texts, st.lists(parts, min_size=1, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "ü"])
calls = st.builds(
    lambda key, name, text: {"id": key, "type": "function", "function": {"name": name, "arguments": text}},
    ids,
    st.sampled_from(["look", "now"]),
    st.sampled_from(["", "{}", '{"a": [1]}']),
)
blocks = st.sampled_from(
    [
        {"type": "thinking", "thinking": "Hm.", "signature": FOREIGN},
        {"type": "reasoning", "item": json.dumps({"encrypted_content": FOREIGN}), "model": "o8-pro"},
        {
            "type": "reasoning",
            "item": json.dumps({"encrypted_content": FOREIGN}),
            "model": "o9-pro",
            "provider": "x",
        },
    ]
)
messages = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text}, st.sampled_from(["system", "user"]), contents
    ),
    st.builds(
        lambda text, calls, reasoning: {
            "role": "assistant",
            "content": text,
            **({"tool_calls": calls} if calls else {}),
            **({"thinking_blocks": reasoning} if reasoning else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        st.lists(blocks, max_size=2),
    ),
    st.builds(lambda key, text: {"role": "tool", "tool_call_id": key, "content": text}, ids, contents),
)
conversations = st.lists(messages, min_size=1, max_size=7)
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


@settings(max_examples=300, deadline=None)
@given(conversations)
def test_o3_every_request_is_valid(conversation: list[Any]) -> None:
    """Every request matches OpenAI's type and passes the simulator's rules."""
    request = chat.parse_request({"model": "m", "messages": conversation, "tools": TOOLS})

    body = responses.render_request(request, TARGET).body

    PARAMS.validate_python(body)
    assert body["store"] is False
    if body["input"]:
        responses_rules.validate_request(HEADERS, body)


@settings(max_examples=200, deadline=None)
@given(conversations)
def test_x31_state_of_other_models_is_not_sent(conversation: list[Any]) -> None:
    """Reasoning that another model issued never reaches this provider; the report says so."""
    request = chat.parse_request({"model": "m", "messages": conversation})
    has_reasoning = any(message.get("thinking_blocks") for message in conversation)

    rendered = responses.render_request(request, TARGET)

    assert FOREIGN not in json.dumps(rendered.body)
    assert has_reasoning == any("thinking_blocks" in change.path for change in rendered.changes)
