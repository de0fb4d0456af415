"""A mock provider for load: OpenAI chat completions as fixed bytes, on a raw asyncio protocol.

Run as a module, it prints its URL and serves until it is killed. A model named `…-long` streams many chunks
one at a time, as a model writes them; other models stream a few at once.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

LONG, SHORT = 200, 5  # chunks with text in one streamed response
PAUSE = 0.004  # seconds between two chunks
WORD = " considerable"
STREAM = (b'"stream":true', b'"stream": true')

HEAD = (
    "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nx-request-id: req_0123456789abcdef\r\n"
    "openai-processing-ms: 312\r\nopenai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999744\r\n"
    "x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 7ms\r\n{frame}\r\n\r\n"
)
COMMON = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench", "system_fingerprint": "fp_0"}
USAGE = {"prompt_tokens": 24, "completion_tokens": 40, "total_tokens": 64}


def whole() -> bytes:
    """Return a buffered response."""
    message = {"role": "assistant", "content": "A" + WORD * 40, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps({**COMMON, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    return HEAD.format(kind="application/json", frame=f"content-length: {len(body)}").encode() + body


def chunks(words: int) -> list[bytes]:
    """Return a streamed response: one HTTP chunk per event, the first with the headers."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": WORD} for _ in range(words))]
    events = [_event({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas]
    events += [_event({"index": 0, "delta": {}, "finish_reason": "stop"}), b"data: [DONE]\n\n"]
    head = HEAD.format(kind="text/event-stream", frame="transfer-encoding: chunked").encode()
    framed = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return [head + framed[0] + framed[1], *framed[2:-2], framed[-2] + framed[-1] + b"0\r\n\r\n"]


def _event(choice: dict[str, object]) -> bytes:
    event = {**COMMON, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


BUFFERED = whole()
LONG_STREAM = chunks(LONG)
SHORT_STREAM = b"".join(chunks(SHORT))


class MockConnection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(bytes(head)):
            return
        self._buffer.clear()
        if not any(mark in body for mark in STREAM):
            self._write(BUFFERED)
        elif b'-long"' in body:
            self._send_chunk(0)
        else:
            self._write(SHORT_STREAM)

    def _send_chunk(self, index: int) -> None:
        self._write(LONG_STREAM[index])
        if index + 1 < len(LONG_STREAM) and self._transport is not None:
            asyncio.get_running_loop().call_later(PAUSE, self._send_chunk, index + 1)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _length(head: bytes) -> int:
    _, header, remainder = head.lower().partition(b"\r\ncontent-length:")
    return int(remainder.partition(b"\r\n")[0]) if header else 0


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(MockConnection, "127.0.0.1", 0, backlog=512)
    print(f"base url  http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
