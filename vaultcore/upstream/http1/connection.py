"""One connection to a provider: bytes out, bytes in, and whether it can be used again."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

HELD = 256 * 1024  # bytes that wait to be read before the other side is slowed down


class Connection(asyncio.Protocol):
    """A socket of the running loop. Reads are one at a time; what is written is never waited for."""

    def __init__(self) -> None:
        self.served = 0  # exchanges that ended well
        self.idle_since = 0.0
        self.closed = False
        self._error: Exception | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HELD and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> None:
        self.closed = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed, self._error = True, exc
        self._wake()

    @property
    def usable(self) -> bool:
        """Open, and nothing has come that nobody asked for."""
        return not (self.closed or self._pieces)

    def send(self, data: bytes) -> None:
        # Not waited for: a provider may answer before it has read everything, and the timer is running.
        if self._transport is not None:
            self._transport.write(data)

    async def receive(self) -> bytes:
        """The bytes that have come; none at the end. Raises OSError where the connection was lost."""
        if not self._pieces and not self.closed:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            if self._paused and self._transport is not None and not self.closed:
                self._transport.resume_reading()
                self._paused = False
            return data
        if self._error is not None:
            raise ConnectionError("the connection was lost") from self._error
        return b""

    def abort(self) -> None:
        """Close at once; where the loop it belongs to has ended, the last reference closes it."""
        self.closed = True
        try:
            if self._transport is not None:
                self._transport.abort()
        except RuntimeError:
            self._transport = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
