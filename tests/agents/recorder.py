"""A TCP proxy in front of the gateway that records requests and responses: HTTP/1.1, RFC 9112."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response."""

    start: str  # its first line
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body's JSON object, {} if it has none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Exchange:
    request: Message
    response: Message | None  # None if it had not begun

    @property
    def status(self) -> int:
        return int(self.response.start.split()[1]) if self.response else 0


@dataclass(slots=True)
class Recorder:
    """The recorded connections: bytes to the gateway and from it."""

    url: str = ""
    connections: list[tuple[bytearray, bytearray]] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)  # when each began, in seconds of time.monotonic
    tasks: set[object] = field(default_factory=set)  # one per open connection: asyncio keeps weak references

    def exchanges(self, since: int) -> Iterator[Exchange]:
        """Yield the exchanges on connections from number `since` on."""
        for sent, received in self.connections[since:]:
            requests = list(_messages(bytes(sent), is_response=False))
            responses = [
                each for each in _messages(bytes(received), is_response=True) if " 100 " not in each.start
            ]
            for number, request in enumerate(requests):
                yield Exchange(request, responses[number] if number < len(responses) else None)


@contextmanager
def record(host: str, port: int) -> Iterator[Recorder]:
    """Forward connections to `host:port` while the context lasts, and record them."""
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_listen(recorder, host, port))
    recorder.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, name="recorder", daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server) -> None:
    """Stop listening, and cancel what is still forwarded."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(recorder: Recorder, host: str, port: int) -> asyncio.Server:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent, received = bytearray(), bytearray()
        recorder.connections.append((sent, received))
        recorder.opened.append(time.monotonic())
        recorder.tasks.add(asyncio.current_task())
        upstream_reader, upstream_writer = await asyncio.open_connection(host, port)
        try:
            await asyncio.gather(
                _copy(reader, upstream_writer, sent), _copy(upstream_reader, writer, received)
            )
        except asyncio.CancelledError:
            return
        finally:
            upstream_writer.close()
            writer.close()
            recorder.tasks.discard(asyncio.current_task())

    return await asyncio.start_server(forward, "127.0.0.1", 0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recorded: bytearray) -> None:
    try:
        while data := await reader.read(65536):
            recorded += data
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:  # one side closed the connection
        writer.close()


def _messages(data: bytes, *, is_response: bool) -> Iterator[Message]:
    """Yield the messages of one direction of a connection, an incomplete last one with what there is."""
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if not separator:
            yield Message(start, headers, b"")
            return
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body, data = _chunked(data)
        elif "content-length" in headers:
            length = int(headers["content-length"])
            body, data = data[:length], data[length:]
        else:
            body, data = (data, b"") if is_response and " 307 " not in start else (b"", data)
        yield Message(start, headers, body)


def _chunked(data: bytes) -> tuple[bytes, bytes]:
    """Return a chunked body, and the bytes behind it."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        body, data = body + data[:length], data[length + 2 :]
        if length == 0:
            break
    return body, data
