"""The connection pool for all calls to providers.

It has one stack of connections per origin: the connection used last is reused first, and idle ones are closed
from the other end. CPU per request in milliseconds at 1, 16 and 64 connections, medians of three interleaved
runs against a mock provider on loopback, when h11 parsed HTTP and requests were httpx's:

    httpx 0.28           0.55  1.13  5.34
    httpx-aiohttp 0.2    0.34  0.26  0.30    and 100 ms of CPU to import
    this pool            0.29  0.30  0.29
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from time import monotonic

from vaultcore.upstream.http1.http_connection import HttpConnection
from vaultcore.upstream.http1.proxy import Proxy, ProxyRules, ProxyUnreachable, open_tunnel
from vaultcore.upstream.http1.response_head import ResponseHead
from vaultcore.upstream.http1.trust import default_trust
from vaultcore.upstream.transport import ConnectFailed, ConnectTimeout, TransportRequest
from vaultcore.upstream.url import Origin

IDLE_TIMEOUT = 60.0  # seconds
MAX_IDLE = 256  # idle connections per origin
HAPPY_EYEBALLS_DELAY = 0.25  # seconds until a host's next address is tried in parallel: RFC 8305
NO_PROXIES = ProxyRules()


class Pool:
    """Connections by origin. A request is sent once: on an open idle connection, or on a new one."""

    def __init__(
        self, trust: Callable[[], ssl.SSLContext] = default_trust, proxies: ProxyRules = NO_PROXIES
    ) -> None:
        """`trust` reads the root certificates; it is called once, when they are needed."""
        self._trust, self._proxies = trust, proxies
        self._verify: ssl.SSLContext | None = None
        self._idle: dict[Origin, deque[HttpConnection]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, request: TransportRequest, until: float) -> PooledResponse:
        """Send a request; return the response once its head has arrived.

        The request is never sent again: a server that has closed the connection may have read it. Raises
        TransportError, or TimeoutError at `until`.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # a connection belongs to one event loop
            await self.aclose()
            self._loop = loop
        origin = request.url.origin
        connection = self._acquire(origin) or await self._connect(request, until)
        try:
            connection.send_request(request)
            head = await connection.read_head(until)
        except BaseException:
            connection.abort()
            raise
        return PooledResponse(self, origin, connection, head)

    async def warm(self) -> None:
        """Read the root certificates: most of the cost of a first request, and not secret."""
        self._ssl_context()

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def release(self, origin: Origin, connection: HttpConnection) -> None:
        now = monotonic()
        idle = self._idle.setdefault(origin, deque())
        connection.idle_since = now
        idle.append(connection)
        while len(idle) > MAX_IDLE or now - idle[0].idle_since > IDLE_TIMEOUT:
            idle.popleft().abort()

    def _acquire(self, origin: Origin) -> HttpConnection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if monotonic() - connection.idle_since <= IDLE_TIMEOUT and not connection.has_ended():
                return connection
            connection.abort()
        return None

    async def _connect(self, request: TransportRequest, until: float) -> HttpConnection:
        origin = request.url.origin
        proxy = None if request.is_direct else self._proxies.find(origin)
        async with asyncio.timeout_at(until):
            try:
                async with asyncio.timeout(request.connect_timeout):
                    if proxy is None:
                        return await self._open(origin)
                    return await self._open_through(proxy, origin)
            except TimeoutError as error:
                raise ConnectTimeout("connecting took too long") from error
            except OSError as error:
                raise ConnectFailed("no connection") from error

    async def _open(self, origin: Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection
        if isinstance(loop, asyncio.BaseEventLoop) and not _is_address(origin.host):
            connect = partial(
                connect, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY
            )  # other event loops lack this option
        tls = self._ssl_context() if origin.scheme == "https" else None
        _, connection = await connect(HttpConnection, origin.host, origin.port, ssl=tls)
        return connection

    async def _open_through(self, proxy: Proxy, origin: Origin) -> HttpConnection:
        """Return a connection to an origin, with TLS of its own inside the proxy's tunnel."""
        try:
            connection = await self._open(Origin(proxy.scheme, proxy.host, proxy.port))
        except OSError as error:
            raise ProxyUnreachable from error
        try:
            await open_tunnel(connection, origin, proxy)
            await connection.start_tls(self._ssl_context(), origin.host)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _ssl_context(self) -> ssl.SSLContext:
        if self._verify is None:
            self._verify = self._trust()
        return self._verify


def _is_address(host: str) -> bool:
    """Return True for an IP address: it needs no race, and asyncio leaks a socket of a cancelled race."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class PooledResponse:
    """A response. Closing it releases the connection, or closes it if the response has not ended."""

    __slots__ = ("_connection", "_is_open", "_origin", "_pool", "headers", "read", "status")

    def __init__(self, pool: Pool, origin: Origin, connection: HttpConnection, head: ResponseHead) -> None:
        self._pool, self._origin, self._connection = pool, origin, connection
        self._is_open = True
        self.status, self.headers = head.status, head.headers
        self.read = connection.read  # no method of its own: one coroutine less for each piece of a stream

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._connection.end_exchange():
            self._pool.release(self._origin, self._connection)
        else:
            self._connection.abort()
