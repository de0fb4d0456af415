"""Opaque state of other providers in `thoughtSignature`: it comes back whole, and Google never gets it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.client_apis import gemini
from vaultcore.dialects.gemini.opaque_state import SKIP_SIGNATURE

REQUEST: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
SIGNED = {"type": "thinking", "thinking": "I look.", "signature": "c2ln+/=="}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0"}
CALLS = [
    {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"x": 1}'},
        "extra_content": {"a": 1},
    },
    {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
]
MESSAGE = {"content": "A", "tool_calls": CALLS, "thinking_blocks": [SIGNED, REDACTED]}
STATE = {"thinking_blocks": [SIGNED, REDACTED], "reasoning_details": [{"data": "x"}]}


def respond(message: Any) -> Any:
    """Return the content of a response with this message, as Google's SDK would send it back."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    response = gemini.render_response({"choices": [choice]}, REQUEST)  # type: ignore[typeddict-item]
    return through_sdk(response["candidates"][0]["content"])


def through_sdk(content: Any) -> Any:
    """Return a content after the SDK has parsed it and written it again."""
    return json.loads(types.Content.model_validate(content).model_dump_json(exclude_none=True, by_alias=True))


def replay(*contents: Any) -> Any:
    """Return the assistant's message of a conversation that has these contents of the model."""
    hi = {"role": "user", "parts": [{"text": "Hi"}]}
    return gemini.parse_request({"model": "m", "contents": [hi, *contents]})["messages"][1]


def stream(*deltas: Any) -> list[Any]:
    """Return the contents of the events of a stream with these deltas."""
    encoder = gemini.encoder(REQUEST)
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    return [through_sdk(json.loads(event.data)["candidates"][0]["content"]) for event in events]


def test_n18_state_comes_back_with_its_calls() -> None:
    """Signed reasoning and the state of each call come back, also if the client renames the calls' ids."""
    content = respond(MESSAGE)
    for part in content["parts"]:
        if "functionCall" in part:
            part["functionCall"]["id"] = f"f__{part['functionCall']['id']}"
    message = replay(content)

    assert message["thinking_blocks"] == [SIGNED, REDACTED]
    assert [call.get("extra_content") for call in message["tool_calls"]] == [{"a": 1}, None]
    assert message["content"] == "A"


def test_state_of_a_text_comes_back() -> None:
    """Without a call, the state is in the last part of the text."""
    content = respond({"content": "A", **STATE})

    assert [part.get("text") for part in content["parts"]] == ["A"]
    assert {name: replay(content)[name] for name in STATE} == STATE


def test_streamed_state_comes_back() -> None:
    """Fragments of blocks are joined by their index; a call waits for its arguments and carries the state."""
    contents = stream(
        {"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "I "}]},
        {"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "look."}]},
        {"thinking_blocks": [{"index": 0, "type": "thinking", "signature": "c2ln+/=="}]},
        {"thinking_blocks": [{"index": 1, **REDACTED}]},
        {"content": "A"},
        {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": '{"x"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}, "extra_content": {"a": 1}}]},
        {"tool_calls": [{"index": 1, "id": "2", "function": {"name": "g", "arguments": "{}"}}]},
    )
    message = replay(*contents)

    assert message["thinking_blocks"] == [SIGNED, REDACTED]
    assert message["tool_calls"][0]["extra_content"] == {"a": 1}
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"x":1}', "{}"]


def test_n18_google_never_gets_it() -> None:
    """A Gemini provider gets its own signatures, its placeholder for calls of others, and no packed state."""
    own = {"functionCall": {"name": "h", "args": {}}, "thoughtSignature": "b3du"}
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        respond(MESSAGE),
        {"role": "model", "parts": [own]},
        respond({"content": "", "thinking_blocks": [SIGNED]}),
    ]
    body = gemini.native_request({"model": "m", "stream": True, "contents": contents}, {}).body

    parts = [part for content in body["contents"] for part in content["parts"]]
    signatures = [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
    assert body.keys() == {"contents"}
    assert signatures == [SKIP_SIGNATURE, "b3du"]
    assert len(body["contents"]) == 3


def test_googles_own_signatures_stay_with_their_calls() -> None:
    """A signature of Google's is carried in the form of chat completions, for Google's other endpoints."""
    part = {"functionCall": {"name": "h", "args": {}}, "thought_signature": "b3du"}
    call = replay({"role": "model", "parts": [part]})["tool_calls"][0]

    assert call["extra_content"] == {"google": {"thought_signature": "b3du"}}


@pytest.mark.parametrize("damage", ["", "!", "AAAA", "====", "ZQ=="])
def test_damaged_state_is_ignored(damage: str) -> None:
    """State that a client has cut or changed gives no state, not an error."""
    (part,) = respond({"content": "A", "thinking_blocks": [SIGNED]})["parts"]
    part["thoughtSignature"] = part["thoughtSignature"][:20] + damage

    assert "thinking_blocks" not in replay({"role": "model", "parts": [part]})


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789+/-_=.", max_size=60))
def test_any_signature_is_a_signature(text: str) -> None:
    """A request with any signature is parsed, and a native body keeps what is not packed."""
    content = {"role": "model", "parts": [{"text": "A", "thoughtSignature": text}]}
    body = gemini.native_request({"model": "m", "contents": [content]}, {}).body

    assert replay(content)["content"] == "A"
    if not text.startswith(base64.b64encode(b"ve1.").decode()[:5]):
        assert body["contents"] == [content]
