"""Properties of Google's requests with junk in any place, and of streams cut anywhere."""

from __future__ import annotations

import json
import random
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client_apis.test_messages_properties import mutate
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat, gemini
from vaultcore.dialects import DIALECTS, client_path, load_dialect, report_changes
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest

FULL: Any = {
    "model": "models/m",
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {
            "role": "model",
            "parts": [
                {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
                {
                    "functionCall": {"id": "1", "name": "f", "args": {"x": [1]}},
                    "thoughtSignature": "dmUxLg==",
                },
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "f",
                        "response": {"result": "r"},
                        "parts": [
                            {"fileData": {"fileUri": "https://x.example/a.png", "mimeType": "image/png"}}
                        ],
                    }
                },
                {"text": "b", "videoMetadata": {"fps": 1}, "mediaResolution": {"level": "X"}},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "parameters": {"type": "OBJECT", "properties": {"x": {"type": "ARRAY", "items": {}}}},
                }
            ]
        },
        {"google_search": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {
        "maxOutputTokens": 9,
        "topK": 3,
        "stopSequences": ["a"],
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
        "responseModalities": ["TEXT"],
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    },
    "safetySettings": [{"category": "X", "threshold": "Y"}],
    "serviceTier": "FLEX",
    "labels": {"a": "b"},
}


def test_the_translation_is_a_valid_chat_request() -> None:
    """A translated request is valid for chat completions."""
    request = gemini.parse_request(FULL)

    assert chat.parse_request(dict(request)) == request


def test_fuzzed_requests() -> None:
    """A request with junk anywhere is translated with its changes and rendered, or rejected by its field."""
    generator = random.Random(7)
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m"))
    errors: list[InvalidRequest] = []
    accepted = 0

    for _ in range(2_000):
        body = mutate(FULL, generator)
        try:
            request = gemini.parse_request(body)
            native = gemini.native_request(body, {})
            translation = native.translation_changes()
        except InvalidRequest as error:
            errors.append(error)
            continue
        json.dumps([native.body, report_changes(translation)])
        if any(change.kind == "refused" for change in translation):
            continue
        for name in DIALECTS:
            try:
                chat.parse_request(dict(request))
                rendered = load_dialect(name).render_request(cast(ChatRequest, request), target)
            except InvalidRequest as error:
                errors.append(error)
                continue
            json.dumps([client_path(request, change.path) for change in rendered.changes])
            accepted += 1

    assert accepted > 2_000
    assert all(error.param or "body" in str(error) for error in errors)


TEXT = st.text("ab \n🙂", min_size=1, max_size=4)
ARGUMENTS = st.dictionaries(st.sampled_from("xyz"), st.integers() | TEXT, max_size=3).map(json.dumps)


@st.composite
def deltas(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return the deltas of a turn: thoughts and texts between calls, whose arguments come in pieces."""
    pieces: list[dict[str, Any]] = []
    count = 0
    for kind in draw(st.lists(st.sampled_from(["text", "thought", "call"]), max_size=6)):
        if kind == "call":
            arguments = draw(ARGUMENTS)
            cut = draw(st.integers(0, len(arguments)))
            head = {
                "index": count,
                "id": f"c{count}",
                "function": {"name": f"f{count}", "arguments": arguments[:cut]},
            }
            rest = {"index": count, "function": {"arguments": arguments[cut:]}}
            pieces += [{"tool_calls": [head]}, {"tool_calls": [rest]}]
            count += 1
        else:
            pieces.append({"content" if kind == "text" else "reasoning_content": draw(TEXT)})
    return pieces


@given(deltas(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_stream_says_what_its_deltas_say(pieces: list[dict[str, Any]], shows_thoughts: bool) -> None:
    """Texts, thoughts and calls arrive whole and in order; every event has parts, the last one the reason."""
    config = {"thinkingConfig": {"includeThoughts": shows_thoughts}}
    encoder = gemini.encoder(gemini.parse_request({**FULL, "generationConfig": config}))
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in pieces]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
    events = [
        json.loads(event.data)
        for event in [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    ]
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]

    texts = [each["content"] for each in pieces if "content" in each]
    thoughts = [each["reasoning_content"] for each in pieces if "reasoning_content" in each]
    assert "".join(part["text"] for part in parts if "text" in part and not part.get("thought")) == "".join(
        texts
    )
    visible = "".join(part["text"] for part in parts if part.get("thought"))
    assert visible == ("".join(thoughts) if shows_thoughts else "")
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    fragments = [each["tool_calls"][0] for each in pieces if "tool_calls" in each]
    arguments = [
        a["function"]["arguments"] + b["function"]["arguments"]
        for a, b in zip(fragments[::2], fragments[1::2], strict=True)
    ]
    assert [(call["id"], call["args"]) for call in calls] == [
        (f"c{i}", json.loads(each)) for i, each in enumerate(arguments)
    ]
    assert all(event["candidates"][0]["content"]["parts"] for event in events)
    assert [event["candidates"][0].get("finishReason") for event in events] == [None] * (len(events) - 1) + [
        "STOP"
    ]
    assert events[-1]["usageMetadata"]["totalTokenCount"] == 8
