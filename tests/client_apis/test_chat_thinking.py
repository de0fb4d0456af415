"""Thinking blocks in the chunks of a chat stream, in the form that the client's library can join."""

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


NODE = {"x-stainless-lang": "js"}
OTHERS: list[dict[str, str]] = [{}, {"x-stainless-lang": "python"}]


def deltas(chunks: list[Any], headers: dict[str, str], **request: Any) -> list[dict[str, Any]]:
    encoder = chat.encoder_for({"messages": [], **request}, headers)
    events = [event for each in chunks for event in encoder.feed(each)]
    events += encoder.close()
    parsed = [json.loads(event.data) for event in events if event.data != "[DONE]"]
    return [choice["delta"] for each in parsed for choice in each["choices"]]


@pytest.mark.parametrize("request_fields", [{}, {"stream_options": {"include_usage": True}}])
def test_ar3_blocks_are_complete_in_the_last_chunk(request_fields: Any) -> None:
    """OpenAI's library for Node assigns unknown fields: the last chunk has the complete blocks."""
    stream = [chunk({"reasoning_content": "I ", "thinking_blocks": FRAGMENTS[0]})]
    stream += [chunk({"thinking_blocks": fragment}) for fragment in FRAGMENTS[1:]]
    stream += [chunk({"content": "Hi"}), chunk({}, "stop")]
    received = deltas(stream, NODE, **request_fields)

    assert received[0] == {"reasoning_content": "I "}
    assert [delta["thinking_blocks"] for delta in received if "thinking_blocks" in delta] == [BLOCKS]
    assert received[-1]["thinking_blocks"] == BLOCKS


def test_ar3_each_choice_has_its_blocks() -> None:
    """The blocks of two choices are not mixed."""
    stream = [chunk({"thinking_blocks": [fragment]}, index=at) for at, fragment in enumerate(BLOCKS)]
    stream += [chunk({}, "stop", index=at) for at in (1, 0)]
    received = deltas(stream, NODE)

    assert [delta["thinking_blocks"] for delta in received if "thinking_blocks" in delta] == [
        [BLOCKS[1]],
        [BLOCKS[0]],
    ]


@pytest.mark.parametrize("headers", OTHERS, ids=["no library", "python"])
def test_ar3_other_libraries_get_each_fragment_beside_its_text(headers: dict[str, str]) -> None:
    """A delta has the same text in both fields, so that a client that reads either gets it once."""
    stream = [
        chunk({"reasoning_content": fragment[0].get("thinking", ""), "thinking_blocks": fragment})
        for fragment in FRAGMENTS
    ]
    received = deltas([*stream, chunk({"content": "Hi"}), chunk({}, "stop")], headers)

    assert [delta["thinking_blocks"] for delta in received if "thinking_blocks" in delta] == FRAGMENTS
    for delta in received:
        texts = [block.get("thinking", "") for block in delta.get("thinking_blocks", ())]
        assert "".join(texts) == delta.get("reasoning_content", "")
