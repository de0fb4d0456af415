"""What holds of every request to Mistral, whatever conversation it was made from, and of what comes back."""

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
from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Model, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import mistral
from vaultcore.simulators import mistral as manners
from vaultcore.simulators.reply import reply
from vaultcore.streams import sse

TARGET = Target(builtin().providers["mistral"], Model("mistral-large-latest"))
HEADERS = {"content-type": "application/json"}


def rendered(asked: dict[str, Any]) -> dict[str, Any]:
    return mistral.render_request(chat.parse_request(asked), TARGET).body


def test_the_judge_judges() -> None:
    """The SDK's types do refuse what is wrong deep inside a request."""
    with pytest.raises(ValidationError):
        ChatCompletionRequest.model_validate({"model": "m", "messages": [{"role": "tool"}]})


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_m_bodies_are_what_the_sdk_types_say(asked: dict[str, Any]) -> None:
    """Every request is one that Mistral's SDK types allow, is JSON, and breaks no rule of the simulator's."""
    body = rendered(asked)

    ChatCompletionRequest.model_validate(body)
    manners.check(HEADERS, json.loads(json.dumps(body, allow_nan=False)))


@given(st.text(max_size=40))
def test_m5_ids_have_nine_letters_or_digits(original: str) -> None:
    """An id that Mistral takes is left alone, any other becomes one, always the same."""
    made = mistral.identity(original)

    assert re.fullmatch("[a-zA-Z0-9]{9}", made)
    assert mistral.identity(made) == made
    assert mistral.identity(original) == made


@settings(max_examples=60, deadline=None)
@given(conversations())
def test_m11_a_stream_says_what_the_buffered_answer_says(asked: dict[str, Any]) -> None:
    """Text, reasoning, calls and usage are the same, streamed and not, and the SDK knows the answer."""
    body = rendered(asked)
    answer = reply(manners.prompt("Mistral", body))
    told = json.loads(json.dumps(manners.completion(body, answer)))
    ChatCompletionResponse.model_validate(told)
    whole = mistral.parse_completion(told)
    events, decoder = sse.Decoder(), mistral.decoder()
    raw = b"".join(manners.events(body, answer))
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
