"""One request and its response on a connection. h11 parses HTTP/1.1: https://h11.readthedocs.io."""

from __future__ import annotations

from collections.abc import Iterator

import h11
import httpx

from vaultcore.upstream.http1.connection import Connection

MAX_HEAD = 64 * 1024  # bytes of a response's head, and of a chunk header


class Exchange:
    """Sends one request and reads its response. Raises httpx's transport errors."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._has_received = False
        self._next: h11.Event | None = None  # read ahead

    async def send(self, request: httpx.Request) -> h11.Response:
        """Send a request and return the response's head.

        The request is never sent again: a server that has closed the connection may have read it.
        """
        # No local variable: it would show the key to tools that print the locals of a traceback.
        self.connection.send(
            self._http.send(
                h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            )
            + self._http.send(h11.Data(data=request.content))
            + self._http.send(h11.EndOfMessage())
        )
        while True:
            match await self._event():
                case h11.Response() as head:
                    return head
                case h11.InformationalResponse(status_code=code) if code != 101:
                    continue
                case _:
                    raise httpx.RemoteProtocolError("the response does not start with a valid head")

    async def read(self) -> bytes:
        """Return the next bytes of the body, all that have arrived; b"" at its end."""
        match self._next or await self._event():
            case h11.Data(data=data):
                return b"".join([data, *self._buffered()])
            case h11.EndOfMessage():
                return b""
            case _:
                raise httpx.RemoteProtocolError("the connection closed before the end of the response")

    def _buffered(self) -> Iterator[bytes]:
        """Yield further body bytes that have arrived: chunks are small, and one read for each is slow."""
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._next = h11.ConnectionClosed()
                return
            if not isinstance(event, h11.Data):
                self._next = event if isinstance(event, h11.Event) else None
                return
            yield event.data

    @property
    def is_reusable(self) -> bool:
        """Return True if both sides are done and no unexpected bytes have arrived."""
        is_done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return is_done and not self._http.trailing_data[0] and self.connection.is_usable

    async def _event(self) -> h11.Event:
        """Return the next event, reading bytes as needed."""
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                if not self._has_received:
                    raise httpx.RemoteProtocolError("the connection closed without a response") from None
                raise httpx.RemoteProtocolError("the response is not valid HTTP/1.1") from None
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # PAUSED needs two requests on one connection
            try:
                data = await self.connection.receive()
            except OSError as error:
                raise httpx.ReadError("the connection was lost") from error
            self._has_received |= bool(data)
            self._http.receive_data(data)
