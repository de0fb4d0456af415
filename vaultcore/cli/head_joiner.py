"""Sends the head of a whole response together with its body: one system call and one packet less."""

from __future__ import annotations

import asyncio
from typing import Any

_STATUS_LINE, _LENGTH = b"HTTP/1.1 ", b"\r\ncontent-length: "


class HeadJoiner:
    """A client's transport. It holds back a head with a length until the next write, `flush` or `close`.

    An application writes the body of such a response at once. The head of a stream has no length and is sent
    at once, too. uvicorn writes each head alone.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        # Bound once: every request calls them.
        self.is_closing = transport.is_closing
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def write(self, data: bytes) -> None:
        """Write bytes, after the head that waits for them."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_STATUS_LINE) and _LENGTH in data:
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Write the head of a response without a body."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
