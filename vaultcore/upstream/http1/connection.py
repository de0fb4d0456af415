"""One connection to a provider: sends and receives bytes, and knows whether it can be reused."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl

from vaultcore.casts import cast
from vaultcore.upstream.http1.arrival import Arrival

MAX_BUFFERED = 256 * 1024  # bytes not yet read, above which reading from the socket pauses


class Connection(asyncio.Protocol):
    """A socket of the running loop. One read at a time; writes are never awaited."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.closed = False
        self._error: Exception | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._paused = False
        self._waiting: asyncio.Future[None] | Arrival | None = None
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(select, "poll"):  # not on Windows
                self._poll = select.poll()
                self._poll.register(raw, select.POLLIN)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > MAX_BUFFERED and not self._paused:
            self.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.closed = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed, self._error = True, exc
        self._wake()

    @property
    def is_usable(self) -> bool:
        """Return True if it is open and no unexpected bytes have arrived."""
        return not (self.closed or self._chunks)

    def has_ended(self) -> bool:
        """Return True if the other side has ended an idle connection, even if the event loop has not seen it.

        A request written to such a connection would be lost, or be read and fail: one cannot tell which.
        """
        if self.closed or self._chunks or self._transport is None or self._transport.is_closing():
            return True
        # An end, a reset, or bytes that no request has caused.
        return self._poll is not None and bool(self._poll.poll(0))

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Go on with TLS, verified against a host. Raises OSError, of which ssl.SSLError is a kind."""
        if self._transport is None:
            raise ConnectionError("the connection was lost")
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise ConnectionError("the connection was lost")
        self._transport = transport

    def send(self, data: bytes) -> None:
        # Not awaited: a provider may answer before it has read everything, and deadlines apply.
        if self._transport is not None:
            self._transport.write(data)

    @property
    def has_sent_everything(self) -> bool:
        """Return True if no bytes wait for the socket: a server may answer before it has read everything."""
        return self._transport is not None and self._transport.get_write_buffer_size() == 0

    def pause_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()
            self._paused = True

    def resume_reading(self) -> None:
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()
            self._paused = False

    async def receive(self) -> bytes:
        """Return the bytes that have arrived; b"" at the end. Raises OSError if the connection was lost."""
        if not self._chunks and not self.closed:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if self._chunks:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._size = 0
            if self._paused:
                self.resume_reading()
            return data
        if self._error is not None:
            raise ConnectionError("the connection was lost") from self._error
        return b""

    def abort(self) -> None:
        """Close at once. If its event loop has ended, garbage collection closes it."""
        self.closed = True
        try:
            if self._transport is not None:
                self._transport.abort()
        except RuntimeError:
            self._transport = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
