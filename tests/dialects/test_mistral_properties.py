"""Properties of every request to Mistral and of its responses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistralai.client.models import ChatCompletionRequest, ChatCompletionResponse
from pydantic import ValidationError

from tests.fakes.conversations import conversations
from tests.fakes.rendering import render_body
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Model, Target
from vaultcore.dialects import mistral
from vaultcore.dialects.mistral.request import render_call_id
from vaultcore.simulators import mistral as simulator
from vaultcore.simulators.reply import generate_reply
from vaultcore.streams import sse

TARGET = Target(load_builtin().providers["mistral"], Model("mistral-large-latest"))
HEADERS = {"content-type": "application/json"}


def rendered(request: dict[str, Any]) -> dict[str, Any]:
    return render_body(mistral, request, TARGET)


def test_the_sdk_types_reject_errors() -> None:
    """The SDK's types reject an error deep inside a request."""
    with pytest.raises(ValidationError):
        ChatCompletionRequest.model_validate({"model": "m", "messages": [{"role": "tool"}]})


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_m_bodies_match_the_sdk_types(request: dict[str, Any]) -> None:
    """Every request is valid JSON, matches the SDK's types and passes the simulator's rules."""
    body = rendered(request)

    ChatCompletionRequest.model_validate(body)
    simulator.validate_request(HEADERS, json.loads(json.dumps(body, allow_nan=False)))


@given(st.text(max_size=40))
def test_m5_ids_have_nine_letters_or_digits(original: str) -> None:
    """A valid id stays; any other becomes a valid one, always the same."""
    call_id = render_call_id(original)

    assert re.fullmatch("[a-zA-Z0-9]{9}", call_id)
    assert render_call_id(call_id) == call_id
    assert render_call_id(original) == call_id


@settings(max_examples=60, deadline=None)
@given(conversations())
def test_m11_streamed_and_buffered_responses_agree(request: dict[str, Any]) -> None:
    """Text, reasoning, calls and usage agree, and the response matches the SDK's types."""
    body = rendered(request)
    answer = generate_reply(simulator.parse_prompt("Mistral", body))
    response = json.loads(json.dumps(simulator.render_completion(body, answer)))
    ChatCompletionResponse.model_validate(response)
    whole = mistral.parse_response(response)
    events, decoder = sse.Decoder(), mistral.create_decoder()
    raw = b"".join(simulator.render_events(body, answer))
    chunks = [chunk for event in events.feed(raw) for chunk in decoder.feed(event)]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    message = whole["choices"][0]["message"]

    for name in ("content", "reasoning_content"):
        assert "".join(delta.get(name) or "" for delta in deltas) == (message.get(name) or "")
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["id"], call["function"]["name"]) for call in calls if "id" in call] == [
        (call["id"], call["function"]["name"]) for call in message.get("tool_calls", ())
    ]
    assert [chunk["usage"] for chunk in chunks if chunk.get("usage")] == [whole["usage"]]
