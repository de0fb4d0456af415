"""A baseline: an ASGI function and httptools on both sides, without a framework: the floor for Python."""

from __future__ import annotations

import asyncio
import os
from typing import cast
from urllib.parse import urlsplit

import httptools
from starlette.types import Receive, Scope, Send

from vaultcore.cli import listener
from vaultcore.shutdown import Shutdown

URL = urlsplit(os.environ.get("BENCH_UPSTREAM", "http://127.0.0.1:1/v1"))
HEAD = (
    f"POST {URL.path}/chat/completions HTTP/1.1\r\nhost: {URL.netloc}\r\ncontent-type: application/json\r\n"
    "authorization: Bearer sk-bench\r\ncontent-length: "
).encode()
COPIED = frozenset({b"content-type", b"content-length"})

idle: list[ProviderConnection] = []


class ProviderConnection(asyncio.Protocol):
    """A keep-alive connection to the provider, with one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    @classmethod
    async def open(cls) -> ProviderConnection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", URL.port or 80)
        return connection

    @property
    def status(self) -> int:
        return self._parser.get_status_code()

    def send(self, body: bytes) -> None:
        self.headers, self.complete = [], False
        if self._transport is not None:
            self._transport.write(b"%b%d\r\n\r\n%b" % (HEAD, len(body), body))

    async def read(self) -> bytes:
        """Return the bytes of the body that have arrived; wait for some, or for the end of the response."""
        if not self._pieces and not self.complete:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in idle:
            idle.remove(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self._arrival is not None and (self._pieces or self.complete):
            arrival, self._arrival = self._arrival, None
            arrival.set_result(None)

    def on_header(self, name: bytes, value: bytes) -> None:
        if (lower := name.lower()) in COPIED:
            self.headers.append((lower, value))

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await _lifespan(receive, send)
        return
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    connection = idle.pop() if idle else await ProviderConnection.open()
    connection.send(body)
    piece = await connection.read()
    await send({"type": "http.response.start", "status": connection.status, "headers": connection.headers})
    while not connection.complete:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        piece = await connection.read()
    idle.append(connection)
    await send({"type": "http.response.body", "body": piece})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


if __name__ == "__main__":
    server = listener.listen("127.0.0.1", 0)
    print(f"base url  {listener.url(server)}/v1", flush=True)
    listener.serve(app, server, Shutdown())
