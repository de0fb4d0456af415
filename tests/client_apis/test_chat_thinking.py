"""Thinking blocks in the chunks of a chat stream: each stream has them once, complete."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.client_apis import chat

FRAGMENTS: list[list[dict[str, Any]]] = [
    [{"index": 0, "type": "thinking", "thinking": "I ", "before": {"text": 0}}],
    [{"index": 0, "type": "thinking", "thinking": "look."}],
    [{"index": 0, "type": "thinking", "signature": "c2ln", "issuer": "v1.a"}],
    [{"index": 1, "type": "redacted_thinking", "data": "ZGF0YQ", "issuer": "v1.a"}],
]
BLOCKS = [
    {
        "index": 0,
        "type": "thinking",
        "thinking": "I look.",
        "before": {"text": 0},
        "signature": "c2ln",
        "issuer": "v1.a",
    },
    {"index": 1, "type": "redacted_thinking", "data": "ZGF0YQ", "issuer": "v1.a"},
]


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> Any:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }


def deltas(chunks: list[Any], **request: Any) -> list[dict[str, Any]]:
    encoder = chat.encoder({"messages": [], **request})
    events = [event for each in chunks for event in encoder.feed(each)]
    events += encoder.close()
    parsed = [json.loads(event.data) for event in events if event.data != "[DONE]"]
    return [choice["delta"] for each in parsed for choice in each["choices"]]


@pytest.mark.parametrize("request_fields", [{}, {"stream_options": {"include_usage": True}}])
def test_ar3_blocks_are_complete_in_the_last_chunk(request_fields: Any) -> None:
    """Clients that assign unknown fields, as OpenAI's for Node does, and those that join them agree."""
    stream = [chunk({"reasoning_content": "I ", "thinking_blocks": FRAGMENTS[0]})]
    stream += [chunk({"thinking_blocks": fragment}) for fragment in FRAGMENTS[1:]]
    stream += [chunk({"content": "Hi"}), chunk({}, "stop")]
    received = deltas(stream, **request_fields)

    assert received[0] == {"reasoning_content": "I "}
    assert [delta["thinking_blocks"] for delta in received if "thinking_blocks" in delta] == [BLOCKS]
    assert received[-1]["thinking_blocks"] == BLOCKS


def test_ar3_each_choice_has_its_blocks() -> None:
    """The blocks of two choices are not mixed."""
    stream = [chunk({"thinking_blocks": [fragment]}, index=at) for at, fragment in enumerate(BLOCKS)]
    stream += [chunk({}, "stop", index=at) for at in (1, 0)]
    received = deltas(stream)

    assert [delta["thinking_blocks"] for delta in received if "thinking_blocks" in delta] == [
        [BLOCKS[1]],
        [BLOCKS[0]],
    ]
