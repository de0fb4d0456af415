"""Reasoning between <think> tags moves out of the text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.catalog.schema import Provider
from vaultcore.dialects import openai, think_tags
from vaultcore.streams.sse import Event

TAGGED = Provider("acme", "https://api.acme.test/v1", think_tags=True)
CASES = {
    "<think>\nhm\n</think>\n\nYes.": ("Yes.", "hm\n"),
    "\n<think>hm</think>Yes.": ("Yes.", "hm"),
    "Yes. <think>no</think>": ("Yes. <think>no</think>", ""),
    "<thinking about it": ("<thinking about it", ""),
    "<thi": ("<thi", ""),
    "<think>never ends </thi": ("", "never ends </thi"),
    "<think></think>Yes.": ("Yes.", ""),
    "Yes.": ("Yes.", ""),
    "  ": ("  ", ""),
}


def chunk(delta: dict[str, Any], finish: str | None = None) -> Event:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    content = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return Event(json.dumps(content))


def scan(pieces: list[str], finish: str | None = "stop") -> tuple[str, str]:
    """Return the text and the reasoning of a stream with these text deltas."""
    decoder = think_tags.create_decoder(openai, TAGGED)
    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in pieces)]
    if finish:
        events.append(chunk({}, finish))
    chunks = [*(each for event in events for each in decoder.feed(event)), *decoder.close()]
    deltas = [choice["delta"] for each in chunks for choice in each["choices"]]
    return (
        "".join(delta.get("content") or "" for delta in deltas),
        "".join(delta.get("reasoning_content") or "" for delta in deltas),
    )


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("finish", ["stop", None])
def test_q31_text_does_not_depend_on_splits(text: str, finish: str | None) -> None:
    """Text and reasoning do not depend on the splits, and are complete if the stream ends early."""
    for size in range(1, len(text) + 1):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]

        assert scan(pieces, finish) == CASES[text]


@pytest.mark.parametrize("text", CASES)
def test_q31_buffered_responses_agree(text: str) -> None:
    """A buffered response has the same text and reasoning as a stream."""
    body = {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}
    message = think_tags.parse_response(openai, TAGGED, body)["choices"][0]["message"]

    assert (message["content"], message.get("reasoning_content", "")) == CASES[text]


def test_q31_only_with_the_column() -> None:
    """Without the column think_tags, a tag is text."""
    plain = Provider("acme", "https://api.acme.test/v1")
    body = {"choices": [{"index": 0, "message": {"content": "<think>a</think>b"}, "finish_reason": "stop"}]}

    assert (
        think_tags.parse_response(openai, plain, body)["choices"][0]["message"]["content"]
        == "<think>a</think>b"
    )
