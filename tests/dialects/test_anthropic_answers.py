"""Properties of every parsed Anthropic response and stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic.types import StopReason

from vaultcore.dialects import StreamFault, anthropic
from vaultcore.streams import sse
from vaultcore.streams.sse import Event

STREAMS = sorted((Path(__file__).parent / "golden/anthropic").glob("*/stream.sse"))
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "refusal": "content_filter",
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}


def response(reason: object, *blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "content": list(blocks), "stop_reason": reason, **fields}


def decode(raw: bytes) -> Iterator[Any]:
    events, decoder = sse.Decoder(), anthropic.create_decoder()
    for event in [*events.feed(raw), *events.close()]:
        try:
            yield from decoder.feed(event)
        except StreamFault:
            return
    yield from decoder.close()


@pytest.mark.parametrize("reason", sorted({*get_args(StopReason), *FINISH_REASONS}))
def test_ar1_every_stop_reason(reason: str) -> None:
    """Every stop reason of the SDK maps to a finish reason; `tool_calls` needs a call."""
    with_call = anthropic.parse_response(response(reason, {"type": "text", "text": "a"}, CALL))
    empty = anthropic.parse_response(response(reason))

    assert with_call["choices"][0]["finish_reason"] == FINISH_REASONS[reason]
    assert empty["choices"][0]["finish_reason"] == FINISH_REASONS[reason].replace("tool_calls", "stop")


def test_ar21_an_empty_response_is_valid() -> None:
    """A response without content that ends its turn is valid; its text is empty."""
    message = anthropic.parse_response(response("end_turn"))["choices"][0]["message"]

    assert message["content"] == ""
    assert "tool_calls" not in message


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar17_ar18_chunks_share_id_and_model(stream: Path) -> None:
    """Every chunk has the same id, time and model; only the first has the role."""
    chunks = list(decode(stream.read_bytes()))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]

    assert len({(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert not any("role" in delta for delta in deltas[1:])


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar8_pings_are_ignored(stream: Path) -> None:
    """A stream with pings between all events yields the same chunks as one without pings."""
    ping = Event(json.dumps({"type": "ping"}), "ping").encode()
    events = [event for event in sse.Decoder().feed(stream.read_bytes()) if event.name != "ping"]
    without = b"".join(event.encode() for event in events)
    between = ping.join([b"", *(event.encode() for event in events), b""])

    assert list(decode(between)) == list(decode(without)) == list(decode(stream.read_bytes()))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar9_ar10_calls_are_numbered_from_zero(stream: Path) -> None:
    """Calls have indices of their own; the first fragment has id and name, later ones have arguments only."""
    deltas = [choice["delta"] for chunk in decode(stream.read_bytes()) for choice in chunk["choices"]]
    all_fragments = [part for delta in deltas for part in delta.get("tool_calls", ())]
    heads = [part for part in all_fragments if "id" in part]

    assert [part["index"] for part in heads] == list(range(len(heads)))
    for index, head in enumerate(heads):
        fragments = [part for part in all_fragments if part["index"] == index]
        assert fragments[0] == head
        assert head["function"]["name"]
        assert head["function"]["arguments"] == ""
        assert all(part.keys() == {"index", "function"} for part in fragments[1:])
        json.loads("".join(part["function"]["arguments"] for part in fragments))


def test_ar13_ar3_signatures_survive_streaming() -> None:
    """The joined fragments of a stream's reasoning equal the signed blocks of the response."""
    raw = next(path for path in STREAMS if "ar13" in path.parent.name)
    buffered = json.loads((raw.parent / "answer.json").read_text("utf-8"))
    blocks = [block for block in buffered["content"] if "thinking" in block["type"]]
    joined: dict[int, dict[str, Any]] = {}
    for chunk in decode(raw.read_bytes()):
        for choice in chunk["choices"]:
            for part in choice["delta"].get("thinking_blocks", ()):
                block = joined.setdefault(part["index"], {"type": part["type"]})
                for name in part.keys() - {"index", "type"}:
                    block[name] = block.get(name, "") + part[name]

    assert [joined[index] for index in sorted(joined)] == blocks


@pytest.mark.parametrize(
    ("first", "then", "counted"),
    [
        ({"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 5}, (9, 5)),
        ({"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 5, "input_tokens": None}, (9, 5)),
        ({"input_tokens": 9}, {"output_tokens": 5, "input_tokens": 12}, (12, 5)),
        (
            {"input_tokens": 9, "cache_read_input_tokens": 7},
            {"output_tokens": 5, "cache_creation_input_tokens": 2},
            (18, 5),
        ),
    ],
)
def test_ar7_ar14_counts_are_replaced(
    first: dict[str, Any], then: dict[str, Any], counted: tuple[int, int]
) -> None:
    """Counts are totals so far: a later count replaces an earlier one and is never added to it."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": first}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": then},
        {"type": "message_stop"},
    ]
    raw = b"".join(Event(json.dumps(each), each["type"]).encode() for each in events)
    usage = [*decode(raw)][-1]["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        *counted,
        sum(counted),
    )
