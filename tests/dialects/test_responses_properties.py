"""What holds of every Responses request, whatever conversation it was made from."""

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
    lambda key, name, told: {"id": key, "type": "function", "function": {"name": name, "arguments": told}},
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
        lambda text, several, thoughts: {
            "role": "assistant",
            "content": text,
            **({"tool_calls": several} if several else {}),
            **({"thinking_blocks": thoughts} if thoughts else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        st.lists(blocks, max_size=2),
    ),
    st.builds(lambda key, told: {"role": "tool", "tool_call_id": key, "content": told}, ids, contents),
)
conversations = st.lists(messages, min_size=1, max_size=7)
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


@settings(max_examples=300, deadline=None)
@given(conversations)
def test_o3_every_conversation_keeps_the_rules(told: list[Any]) -> None:
    """Whatever was said, what is sent has OpenAI's own type and is what its simulator takes."""
    request = chat.parse_request({"model": "m", "messages": told, "tools": TOOLS})

    body = responses.render_request(request, TARGET).body

    PARAMS.validate_python(body)
    assert body["store"] is False
    if body["input"]:
        responses_rules.check(HEADERS, body)


@settings(max_examples=200, deadline=None)
@given(conversations)
def test_x31_foreign_state_stays_here(told: list[Any]) -> None:
    """Reasoning that somebody else has signed or encrypted never reaches this provider, and that is told."""
    request = chat.parse_request({"model": "m", "messages": told})
    held = any(message.get("thinking_blocks") for message in told)

    rendered = responses.render_request(request, TARGET)

    assert FOREIGN not in json.dumps(rendered.body)
    assert held == any("thinking_blocks" in change.path for change in rendered.changes)
