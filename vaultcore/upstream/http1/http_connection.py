"""One connection to a provider that carries one request and its response at a time.

httptools, which is Node's llhttp, delimits the body. The bytes are parsed as they arrive, by one parser for
the life of the connection: it and the connection refer to each other, and one parser for each exchange left
that cycle to the garbage collector at every request. Per buffered response, h11 took 234 Python calls and
0.26 ms of CPU in a running gateway; this takes 5 calls.
"""

from __future__ import annotations

import asyncio

from httptools import HttpParserError, HttpResponseParser

from vaultcore.upstream.http1.arrival import Arrival
from vaultcore.upstream.http1.connection import MAX_BUFFERED, Connection
from vaultcore.upstream.http1.response_head import InvalidHead, ResponseHead, parse_head
from vaultcore.upstream.transport import TransportError, TransportRequest

MAX_HEAD = 64 * 1024  # bytes of heads, interim ones included; also of chunk headers or trailers in a row
ONE_WRITE = 32 * 1024  # bytes of content up to which it is copied behind the head, to save a system call
NEVER = float("inf")
HEAD_END = b"\r\n\r\n"
NO_RESPONSE = "the connection closed without a response"
INVALID = "the response is not valid HTTP/1.1"


class HttpConnection(Connection):
    """Sends a request, then gives out its response: `head`, and `read` until it returns b"".

    One timer serves all waits of a connection. It is moved only to an earlier time; if it fires too early, it
    sets itself again. So a request whose deadlines are later than those before it sets no timer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head: ResponseHead | None = None
        self.is_complete = False  # the response has ended, and all its bytes have arrived
        self._loop = asyncio.get_running_loop()
        self._is_active = False  # between a request and the end of its exchange
        self._fault = ""  # why there is no more of the response
        self._head_bytes = b""  # as long as the head is not complete
        self._head_start = 0  # in `_head_bytes`, behind interim responses
        self._received = 0  # bytes of this response
        self._overhead = 0  # bytes since the last ones of the body
        self._has_trailing_bytes = False
        self._body: list[bytes] = []
        self.on_body = self._body.append  # called by the parser; a C function needs no Python frame
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._until = NEVER

    def send_request(self, request: TransportRequest) -> None:
        """Write a request; the response that arrives from now on is its own."""
        self.head, self.is_complete, self._is_active = None, False, True
        self._fault, self._head_bytes, self._head_start = "", b"", 0
        self._received = self._overhead = self._size = 0
        self._has_trailing_bytes = False
        self._body.clear()
        if len(request.content) <= ONE_WRITE:
            self.send(request.head + request.content)
        else:
            self.send(request.head)
            self.send(request.content)

    async def read_head(self, until: float) -> ResponseHead:
        """Return the head once it has arrived. Raises TransportError, or TimeoutError at `until`."""
        while self.head is None:
            if self._fault:
                raise TransportError(self._fault) from self._error
            await self._arrival(until)
        return self.head

    async def read(self, until: float) -> bytes:
        """Return the bytes of the body that have arrived; b"" at its end.

        Raises TransportError, or TimeoutError at `until`.
        """
        body = self._body
        while not body:
            if self.is_complete:
                return b""
            if self._fault:
                raise TransportError(self._fault) from self._error
            await self._arrival(until)
        data = b"".join(body)  # without a copy if it is one
        body.clear()
        self._size = 0
        if self._paused:
            self.resume_reading()
        return data

    def end_exchange(self) -> bool:
        """End the exchange. Return True if the connection can carry another request."""
        self._is_active = False
        return (
            self.is_complete
            and self.head is not None
            and self.head.keeps_alive
            and not self._has_trailing_bytes
            and self.is_usable
            and self.has_sent_everything
        )

    def abort(self) -> None:
        super().abort()
        self._waiting = None
        self._stop_timer()

    # --- called by the event loop ---

    def data_received(self, data: bytes) -> None:
        if not self._is_active or self._parser is None:
            super().data_received(data)  # of a proxy, or unexpected: then `is_usable` is False
            return
        self._received += len(data)
        if self.head is None:
            self._head_bytes += data
        count = len(self._body)
        try:
            self._parser.feed_data(data)
        except HttpParserError:  # also for what the methods below raise
            self._has_trailing_bytes = self.is_complete
            self._fault = INVALID
        if self.is_complete:
            self._check_end(data)
        else:
            self._overhead = 0 if len(self._body) > count else self._overhead + len(data)
            if self._overhead > MAX_HEAD or len(self._head_bytes) > MAX_HEAD:
                self._fault = INVALID
            self._size += len(data)
            if self._size > MAX_BUFFERED and not self._paused:
                self.pause_reading()
        if (waiting := self._waiting) is not None and not waiting.done():
            waiting.set_result(None)

    def eof_received(self) -> None:
        self._end(None)
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self._parser = None
        self._stop_timer()
        super().connection_lost(exc)  # last: it resumes the waiting task

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        if self.is_complete:  # bytes behind the response: another one, or none
            raise InvalidHead

    def on_headers_complete(self) -> None:
        end = self._head_bytes.find(HEAD_END, self._head_start) + len(HEAD_END)
        head = parse_head(self._head_bytes[self._head_start : end])
        if head.status >= 200:
            self.head, self._head_start, self._head_bytes = head, end, b""
        elif head.status == 101 or end > MAX_HEAD:
            raise InvalidHead
        else:
            self._head_start = end

    def on_message_complete(self) -> None:
        self.is_complete = self.head is not None  # an interim response ends here, too

    def _check_end(self, data: bytes) -> None:
        """Notice bytes behind the response; the parser skips empty lines there."""
        match self.head:
            case ResponseHead(is_chunked=True):
                has_more = data.endswith(b"\r\n\r\n\r\n")
            case ResponseHead(length=length):
                has_more = self._received != self._head_start + (length or 0)
        self._has_trailing_bytes |= has_more

    def _end(self, error: Exception | None) -> None:
        """Decide what the end of the connection means for the response."""
        if not self._is_active or self.is_complete or self._fault:
            return
        head = self.head
        if error is None and head is not None and head.length is None and not head.is_chunked:
            self.is_complete = self._has_trailing_bytes = True
        elif not self._received:
            self._fault = NO_RESPONSE
        else:
            self._fault = "the connection closed before the end of the response"

    # --- waiting ---

    def _arrival(self, until: float) -> Arrival:
        """Return a future that ends with the next bytes, with the connection, or with TimeoutError."""
        if until < self._timer_at:
            self._set_timer(until)
        self._until = until
        self._waiting = waiting = Arrival(self._loop)
        return waiting

    def _set_timer(self, at: float) -> None:
        self._stop_timer()
        self._timer, self._timer_at = self._loop.call_at(at, self._time_is_up), at

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, NEVER

    def _time_is_up(self) -> None:
        at, self._timer, self._timer_at = self._timer_at, None, NEVER
        if self._waiting is None or self._waiting.done():
            return
        if self._until <= at:
            self._waiting.set_exception(TimeoutError())
        else:
            self._set_timer(self._until)
