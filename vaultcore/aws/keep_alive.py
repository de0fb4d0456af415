"""Connections to one server that are used again: HTTP/1.1 over asyncio, without threads."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from vaultcore.aws.http_response import HttpResponse, InvalidResponse, read_response
from vaultcore.aws.service_endpoint import ServiceEndpoint
from vaultcore.clock import Clock
from vaultcore.upstream.http1.connection import Connection

IDLE_TIMEOUT = 20.0  # seconds; a function's connections may have died while it was frozen
MAX_IDLE = 64  # idle connections


class NoResponse(Exception):
    """No complete response arrived. `code` is the name of botocore's exception for this.

    If `is_sent`, the server may have received the request.
    """

    def __init__(self, code: str, *, is_sent: bool) -> None:
        super().__init__(code)
        self.code, self.is_sent = code, is_sent


class KeepAliveConnections:
    """Connections to an endpoint. The one used last is reused first."""

    def __init__(
        self,
        endpoint: ServiceEndpoint,
        tls: Callable[[], ssl.SSLContext],
        clock: Clock,
        *,
        connect: float,
        read: float,
    ) -> None:
        """`connect` and `read` are timeouts in seconds: for TCP with TLS, and for a whole response."""
        self._endpoint, self._tls, self._clock = endpoint, tls, clock
        self._connect_timeout, self._read_timeout = connect, read
        self._idle: deque[_Idle] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(self, request: bytes, *, fresh: bool = False) -> HttpResponse:
        """Send a request and return its response. Raise NoResponse. `fresh`: on a new connection."""
        self._bind(asyncio.get_running_loop())
        connection = (None if fresh else self._acquire()) or await self._connect()
        is_reusable = False
        try:
            connection.send(request)
            async with asyncio.timeout(self._read_timeout):
                response = await read_response(connection.receive)
            is_reusable = response.keeps_alive
        except TimeoutError:
            raise NoResponse("ReadTimeoutError", is_sent=True) from None
        except (OSError, InvalidResponse):
            raise NoResponse("ConnectionClosedError", is_sent=True) from None
        finally:  # a connection with an unread response is never used again, even if this task is cancelled
            if is_reusable:
                self._release(connection)
            else:
                connection.abort()
        return response

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().connection.abort()

    def _acquire(self) -> Connection | None:
        while self._idle:
            idle = self._idle.pop()
            if self._is_recent(idle) and not idle.connection.has_ended():
                return idle.connection
            idle.connection.abort()
        return None

    def _release(self, connection: Connection) -> None:
        self._idle.append(_Idle(connection, asyncio.get_running_loop().time(), self._clock.now()))
        while len(self._idle) > MAX_IDLE or not self._is_recent(self._idle[0]):
            self._idle.popleft().connection.abort()

    def _is_recent(self, idle: _Idle) -> bool:
        # Also by the clock's time: the loop's may stand still while a function is frozen or in a snapshot.
        seconds = asyncio.get_running_loop().time() - idle.since
        return seconds <= IDLE_TIMEOUT and abs(self._clock.now() - idle.clock_time) <= IDLE_TIMEOUT

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close connections of an earlier event loop: a connection belongs to one loop."""
        if self._loop is not loop:
            self.close()
            self._loop = loop

    async def _connect(self) -> Connection:
        endpoint, loop = self._endpoint, asyncio.get_running_loop()
        try:
            tls = self._tls() if endpoint.is_tls else None
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    Connection, endpoint.host, endpoint.port, ssl=tls
                )
        except TimeoutError:
            raise NoResponse("ConnectTimeoutError", is_sent=False) from None
        except ssl.SSLError:
            raise NoResponse("SSLError", is_sent=False) from None
        except OSError:
            raise NoResponse("EndpointConnectionError", is_sent=False) from None
        return connection


class _Idle(NamedTuple):
    connection: Connection
    since: float  # seconds of the loop's time
    clock_time: float  # seconds since the epoch


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a TLS context with the CA certificates of `ca_file`, else certifi's. Raise OSError."""
    from certifi import where  # as botocore and httpx do: a container may have no system certificates

    context = ssl.create_default_context(cafile=ca_file or where())
    context.set_alpn_protocols(["http/1.1"])
    return context
