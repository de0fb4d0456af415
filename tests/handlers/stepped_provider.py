"""A provider that streams one event each time the test calls `say`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SteppedProvider:
    """A chat completions provider. `say` sends one event (an empty word the last); `hang_up` breaks off."""

    def __init__(self) -> None:
        self.base_url = ""
        self.request_arrived = asyncio.Event()
        self._words: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, word: str) -> None:
        self._words.put_nowait(word)

    def hang_up(self) -> None:
        self._words.put_nowait(None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._respond(reader, writer)
        finally:  # also if the test ends before the response
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.request_arrived.set()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        while (word := await self._words.get()) is not None:
            is_last = word == ""
            self._write_event(writer, {"role": "assistant", "content": word}, "stop" if is_last else None)
            if is_last:
                _chunk(writer, b"data: [DONE]\n\n")
                writer.write(b"0\r\n\r\n")
                break
            await writer.drain()

    def _write_event(self, writer: asyncio.StreamWriter, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        _chunk(writer, f"data: {json.dumps(chunk)}\n\n".encode())


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


@asynccontextmanager
async def serve_stepped_provider() -> AsyncIterator[SteppedProvider]:
    provider = SteppedProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        server.close()
