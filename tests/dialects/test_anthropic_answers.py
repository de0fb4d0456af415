"""What holds of every answer of Anthropic's, whatever it says."""

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
REASONS = {
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


def answer(reason: object, *blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "content": list(blocks), "stop_reason": reason, **fields}


def chunks_of(raw: bytes) -> Iterator[Any]:
    events, decoder = sse.Decoder(), anthropic.decoder()
    for event in [*events.feed(raw), *events.close()]:
        try:
            yield from decoder.feed(event)
        except StreamFault:
            return
    yield from decoder.close()


@pytest.mark.parametrize("reason", sorted({*get_args(StopReason), *REASONS}))
def test_ar1_every_reason_to_stop(reason: str) -> None:
    """Every reason that the SDK knows has its word in OpenAI's; `tool_calls` is said only of calls."""
    told = anthropic.parse_completion(answer(reason, {"type": "text", "text": "a"}, CALL))
    silent = anthropic.parse_completion(answer(reason))

    assert told["choices"][0]["finish_reason"] == REASONS[reason]
    assert silent["choices"][0]["finish_reason"] == REASONS[reason].replace("tool_calls", "stop")


def test_ar21_an_empty_answer_is_one() -> None:
    """Nothing said and the turn at its end: that is an answer, and its text is empty."""
    message = anthropic.parse_completion(answer("end_turn"))["choices"][0]["message"]

    assert message["content"] == ""
    assert "tool_calls" not in message


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar17_ar18_chunks_have_one_head(stream: Path) -> None:
    """Every chunk has the same id, time and model, and the first alone tells the role."""
    chunks = list(chunks_of(stream.read_bytes()))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]

    assert len({(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert not any("role" in delta for delta in deltas[1:])


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar8_pings_say_nothing(stream: Path) -> None:
    """A stream with pings between all of its events makes the same chunks as one without any."""
    ping = Event(json.dumps({"type": "ping"}), "ping").encode()
    events = [event for event in sse.Decoder().feed(stream.read_bytes()) if event.name != "ping"]
    without = b"".join(event.encode() for event in events)
    between = ping.join([b"", *(event.encode() for event in events), b""])

    assert list(chunks_of(between)) == list(chunks_of(without)) == list(chunks_of(stream.read_bytes()))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.parent.name)
def test_ar9_ar10_calls_are_counted_from_nought(stream: Path) -> None:
    """Calls have indices of their own, and each tells its id, its name and no arguments once, at first."""
    deltas = [choice["delta"] for chunk in chunks_of(stream.read_bytes()) for choice in chunk["choices"]]
    parts = [part for delta in deltas for part in delta.get("tool_calls", ())]
    heads = [part for part in parts if "id" in part]

    assert [part["index"] for part in heads] == list(range(len(heads)))
    for index, head in enumerate(heads):
        mine = [part for part in parts if part["index"] == index]
        assert mine[0] == head
        assert head["function"]["name"]
        assert head["function"]["arguments"] == ""
        assert all(part.keys() == {"index", "function"} for part in mine[1:])
        json.loads("".join(part["function"]["arguments"] for part in mine))


def test_ar13_ar3_a_signature_comes_back_whole() -> None:
    """What is put together of a stream's thoughts, sent again, is the very block that was signed."""
    raw = next(path for path in STREAMS if "ar13" in path.parent.name)
    buffered = json.loads((raw.parent / "answer.json").read_text("utf-8"))
    thoughts = [block for block in buffered["content"] if "thinking" in block["type"]]
    held: dict[int, dict[str, Any]] = {}
    for chunk in chunks_of(raw.read_bytes()):
        for choice in chunk["choices"]:
            for part in choice["delta"].get("thinking_blocks", ()):
                block = held.setdefault(part["index"], {"type": part["type"]})
                for name in part.keys() - {"index", "type"}:
                    block[name] = block.get(name, "") + part[name]

    assert [held[index] for index in sorted(held)] == thoughts


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
    """Counts are of everything so far: a later one replaces an earlier one and is never added to it."""
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": first}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": then},
        {"type": "message_stop"},
    ]
    raw = b"".join(Event(json.dumps(each), each["type"]).encode() for each in told)
    usage = [*chunks_of(raw)][-1]["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        *counted,
        sum(counted),
    )
