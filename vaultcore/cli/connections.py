"""The client connections of `vaultedge serve`: their number, and the time that each may take to send."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vaultcore.casts import cast
from vaultcore.cli.head_joiner import HeadJoiner
from vaultcore.telemetry.log import LOGGER

MAX_HEAD = 64 * 1024  # bytes of the request line and headers
HEAD_TIME = 10.0  # seconds for a complete request head, from the connection or from the head's first byte
BODY_TIME = 20.0  # seconds for a body, plus one for every MIN_RATE bytes received
MIN_RATE = 500  # bytes per second
KEEP_ALIVE = 75  # seconds before an idle connection is closed: longer than clients keep theirs
UNREAD_TIME = 60.0  # seconds in which a client may leave a full send buffer unread
LINGER_TIME = 5.0  # seconds for the rest of a body after its response, such as a 401
FIRST_REQUEST_TIME = 0.5  # seconds for the head of a new connection's first request when the server stops
SWEEP = 1.0  # seconds between two checks of all connections, and between two log lines
MAX_CONNECTIONS = 8_192  # a silent connection takes 6 kB
MAX_DESCRIPTORS = 65_536  # where the hard limit is higher or infinite
RESERVED_DESCRIPTORS = 128  # for the store, the log and connections accepted in one step
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


Phase = Literal["head", "body", "running", "idle"]  # the gateway waits for the client unless it is running
EVICTED: tuple[Phase, ...] = ("head", "idle", "body")  # in this order, if there are too many connections


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of file descriptors to its hard limit. Return the limit in force."""
    if sys.platform == "win32":
        return MAX_DESCRIPTORS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS has a lower limit that it does not report
        return soft
    return most


def connection_limit(descriptors: int) -> int:
    """Return how many client connections to keep: each can need a second descriptor, for its provider."""
    return min(MAX_CONNECTIONS, max(16, (descriptors - RESERVED_DESCRIPTORS) // 2))


class Connections:
    """The open connections of one server. Above `limit`, it closes the one that has waited longest.

    Connections without a complete request head are closed first, then idle ones, then those that send a body.
    If all run requests, the newest one is closed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[ClientConnection] = set()
        self._waiting: dict[Phase, OrderedDict[ClientConnection, None]] = {
            phase: OrderedDict() for phase in EVICTED
        }
        self._closed: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self.drain_time = 0.0  # seconds in which an idle connection may send a last request at a stop
        self.on_count: Callable[[int], object] = int  # gets the number of open connections when it changes

    def opened(self, connection: ClientConnection) -> None:
        self._open.add(connection)
        self.on_count(len(self._open))
        if len(self._open) > self._limit:
            self._evict("too many", connection)
        self.moved(connection, None)
        if self._timer is None:
            self._timer = connection.loop.call_later(SWEEP, self._sweep, connection.loop)

    def lost(self, connection: ClientConnection) -> None:
        self._open.discard(connection)
        self.on_count(len(self._open))
        for waiting in self._waiting.values():
            waiting.pop(connection, None)

    def moved(self, connection: ClientConnection, before: Phase | None) -> None:
        """Move a connection to the list of its present phase."""
        if before in self._waiting:
            self._waiting[before].pop(connection, None)
        if connection.phase in self._waiting and connection in self._open:
            self._waiting[connection.phase][connection] = None

    def count(self, reason: str) -> None:
        """Count a closed connection for the next log line."""
        self._closed[reason] += 1

    def no_descriptor(self) -> None:
        """Make room after the process had no descriptor for a new connection, which is closed by now."""
        self._evict("no descriptor", None)

    def _evict(self, reason: str, newest: ClientConnection | None) -> None:
        self.count(reason)
        oldest = (next(iter(waiting)) for phase in EVICTED if (waiting := self._waiting[phase]))
        if (closing := next(oldest, newest)) is not None:
            self.lost(closing)  # at once: the transport reports it only in the loop's next step
            closing.transport.abort()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._open):
            if (reason := connection.overdue(now)) is not None:
                self.count(reason)
                connection.drop()
        del self._closed["idle"]
        if self._closed:
            level = logging.WARNING if self._closed.keys() & {"too many", "no descriptor"} else logging.INFO
            fields = {"open": len(self._open), "limit": self._limit, **self._closed}
            logging.getLogger(LOGGER).log(level, "connections closed", extra={"fields": fields})
            self._closed.clear()
        self._timer = loop.call_later(SWEEP, self._sweep, loop) if self._open else None


class ClientConnection(HttpToolsProtocol):
    """uvicorn's connection with limits: bytes and time of a head, time of a body, time of an unread response.

    httptools takes a third of h11's CPU time but has no limits of its own.
    """

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._all = connections
        self.phase: Phase = "head"
        self._since = self.loop.time()  # when the phase began
        self._unread_since: float | None = None
        self._received = 0  # bytes of the body
        self._head: int | None = None  # bytes of the current head after its first chunk; None outside a head
        self._is_new, self._is_stopping = True, False  # no request head is complete yet; the server stops
        self._has_bytes = False  # of a request that is not complete
        self._reached: Phase = "head"  # by the bytes that are being parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._joiner = HeadJoiner(transport)
        super().connection_made(cast(asyncio.Transport, self._joiner))
        self._all.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._all.lost(self)

    def data_received(self, data: bytes) -> None:
        self._reached = "head" if self.phase == "idle" else self.phase
        self._has_bytes = True
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        # Checked after parsing: if the head ended in `data`, the rest of `data` is body.
        if self._head is not None and self._head > MAX_HEAD:
            self._all.count("long head")
            self.transport.close()
        if self._reached != self.phase:  # most requests arrive in one piece: running at once
            self._enter(self._reached)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head, self._received = None, 0
        super().on_headers_complete()
        self._is_new = False
        if self._is_stopping:
            super().shutdown()
        self._reached = "body"

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._has_bytes = False
        self._reached = "idle" if self.cycle.response_complete else "running"

    def on_response_complete(self) -> None:
        """Start the next request if one has arrived; otherwise wait for it.

        uvicorn's method also sets a timer, which takes 25 calls per request: here the sweep closes the idle.
        """
        self._joiner.flush()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
        if self.cycle.response_complete:  # otherwise another request has arrived behind this one
            self._enter("idle" if self.phase == "running" else self.phase)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_since = None

    def shutdown(self) -> None:
        """Stop after the current request. A new connection may still send its first one for a moment.

        With a `drain_time`, other connections may send a last request, too: its response tells the client
        that the connection closes. Otherwise a request that is on its way would be lost.
        """
        wait = FIRST_REQUEST_TIME if self._is_new else self._all.drain_time
        if self._is_stopping or not wait:
            super().shutdown()
            return
        self._is_stopping = True
        if self.phase in ("body", "running") and not self.cycle.response_started:
            super().shutdown()  # its response tells the client
        else:
            self.loop.call_later(wait, self.shutdown)

    def send_400_response(self, msg: str) -> None:
        self._all.count("invalid request")
        super().send_400_response(msg)

    def overdue(self, now: float) -> str | None:
        """Return why the connection must be closed, or None."""
        elapsed = now - self._since
        if self._unread_since is not None and now - self._unread_since > UNREAD_TIME:
            return "unread response"
        if self.phase == "head" and elapsed > HEAD_TIME:
            return "slow head"
        if self.phase == "body":
            if self.flow.read_paused:  # the gateway is late, not the client
                self._since, self._received = now, 0
            elif self.cycle.response_complete:
                return "slow body" if elapsed > LINGER_TIME else None
            elif elapsed > BODY_TIME + self._received / MIN_RATE:
                return "slow body"
        if self.transport.is_closing() and elapsed > UNREAD_TIME:
            return "unread response"
        return "idle" if self.phase == "idle" and elapsed > KEEP_ALIVE else None

    def drop(self) -> None:
        """Close the connection at once; answer 408 if a part of a request has arrived."""
        is_answerable = self.cycle is None or not self.cycle.response_started or self.cycle.response_complete
        if self._has_bytes and is_answerable and not self.transport.is_closing():
            self.transport.write(TIMED_OUT)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _enter(self, phase: Phase) -> None:
        before, self.phase, self._since = self.phase, phase, self.loop.time()
        self._all.moved(self, before)
