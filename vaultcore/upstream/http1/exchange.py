"""One request and its response on a connection. HTTP/1.1 is h11's: https://h11.readthedocs.io."""

from __future__ import annotations

from collections.abc import Iterator

import h11
import httpx

from vaultcore.upstream.http1.connection import Connection

MAX_HEAD = 64 * 1024  # bytes of a response's head, and of any line between chunks


class Exchange:
    """Sends one request, then reads its response piece by piece. Raises httpx's own transport errors."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._heard = False
        self._next: h11.Event | None = None  # read ahead of its turn

    async def ask(self, request: httpx.Request) -> h11.Response | None:
        """The response's head. None: the connection had served before, and was dead."""
        # Rendered in place: a local would show the key to whatever prints the locals of a traceback.
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
                case h11.ConnectionClosed() | None if not self._heard:
                    if self.connection.served:
                        return None
                    raise httpx.RemoteProtocolError("the connection ended without an answer")
                case _:
                    raise httpx.RemoteProtocolError("the answer does not begin as one")

    async def piece(self) -> bytes:
        """The next bytes of the body, all that have come; none at its end."""
        match self._next or await self._event():
            case h11.Data(data=data):
                return b"".join([data, *self._more()])
            case h11.EndOfMessage():
                return b""
            case _:
                raise httpx.RemoteProtocolError("the connection ended before the answer did")

    def _more(self) -> Iterator[bytes]:
        """What else h11 finds in what has come: a stream's chunks are small, and a turn for each is dear."""
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
    def reusable(self) -> bool:
        """Both sides are done, and nothing came that nobody asked for."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return done and not self._http.trailing_data[0] and self.connection.usable

    async def _event(self) -> h11.Event | None:
        """What h11 makes of the bytes so far, and of more where those do not do; None: lost unanswered."""
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                if not self._heard:
                    return None
                raise httpx.RemoteProtocolError("the answer is not HTTP/1.1, or not all of it") from None
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # PAUSED needs two requests on one connection
            try:
                data = await self.connection.receive()
            except OSError as error:
                if self._heard or not self.connection.served:
                    raise httpx.ReadError("the connection was lost") from error
                return None
            self._heard |= bool(data)
            self._http.receive_data(data)
