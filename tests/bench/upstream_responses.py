"""The prepared responses of the mock provider, with the headers of real ones.

Formats: https://platform.openai.com/docs/api-reference/chat and https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

LONG, SHORT = 50, 5  # chunks with text in one streamed response
PAUSE = 2  # milliseconds between two chunks of a long stream
WORD = " considerable"

HEAD = (
    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nx-request-id: req_0123456789abcdef\r\n"
    "openai-processing-ms: 312\r\nopenai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999744\r\n"
    "x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 7ms\r\n{frame}\r\n\r\n"
)
COMMON = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench", "system_fingerprint": "fp_0"}
USAGE = {"prompt_tokens": 24, "completion_tokens": 40, "total_tokens": 64}
FAILURE = {
    "error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
}

Event = tuple[str, dict[str, object]]  # name, data


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that are sent at once, after a pause in milliseconds."""

    pause: int
    data: bytes


def responses() -> dict[str, list[Piece]]:
    """Return every response by name: both formats buffered and as two streams, and a failure."""
    return {
        "openai-buffered": [buffered(_completion())],
        "openai-stream": [Piece(0, b"".join(each.data for each in stream(_chunks(SHORT))))],
        "openai-long": stream(_chunks(LONG)),
        "anthropic-buffered": [buffered(_message())],
        "anthropic-stream": [Piece(0, b"".join(each.data for each in stream(_events(SHORT))))],
        "anthropic-long": stream(_events(LONG)),
        "failure": [buffered(FAILURE, "500 Internal Server Error")],
    }


def buffered(value: object, status: str = "200 OK") -> Piece:
    """Return a buffered JSON response."""
    body = json.dumps(value).encode()
    frame = f"content-length: {len(body)}"
    return Piece(0, HEAD.format(status=status, kind="application/json", frame=frame).encode() + body)


def stream(events: Iterator[bytes]) -> list[Piece]:
    """Return a streamed response: an HTTP chunk per event, the first and the last two pieces joined."""
    head = HEAD.format(status="200 OK", kind="text/event-stream", frame="transfer-encoding: chunked").encode()
    framed = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    parts = [head + framed[0] + framed[1], *framed[2:-2], framed[-2] + framed[-1] + b"0\r\n\r\n"]
    return [Piece(PAUSE if index else 0, data) for index, data in enumerate(parts)]


def _completion() -> dict[str, object]:
    message = {"role": "assistant", "content": "A" + WORD * 40, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**COMMON, "object": "chat.completion", "choices": [choice], "usage": USAGE}


def _chunks(words: int) -> Iterator[bytes]:
    deltas = [{"role": "assistant", "content": ""}, *({"content": WORD} for _ in range(words)), {}]
    for index, delta in enumerate(deltas):
        reason = "stop" if index == len(deltas) - 1 else None
        yield _chunk([{"index": 0, "delta": delta, "finish_reason": reason}], usage=None)
    yield _chunk([], usage=USAGE)
    yield b"data: [DONE]\n\n"


def _chunk(choices: list[dict[str, object]], usage: dict[str, int] | None) -> bytes:
    event = {**COMMON, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _message() -> dict[str, object]:
    return {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-bench",
        "content": [{"type": "text", "text": "A" + WORD * 40}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 24, "output_tokens": 40},
    }


def _events(words: int) -> Iterator[bytes]:
    start = {
        **_message(),
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 24, "output_tokens": 1},
    }
    text = {"type": "text_delta", "text": WORD}
    end = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 40}}
    events: list[Event] = [
        ("message_start", {"message": start}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        *(("content_block_delta", {"index": 0, "delta": text}) for _ in range(words)),
        ("content_block_stop", {"index": 0}),
        ("message_delta", end),
        ("message_stop", {}),
    ]
    for name, fields in events:
        data = json.dumps({"type": name, **fields}, separators=(",", ":"))
        yield f"event: {name}\ndata: {data}\n\n".encode()
