"""The connection pool for all calls to providers: an httpx transport.

httpx's own pool searches all its connections whenever one is acquired or released. This pool has one stack
per origin: the connection used last is reused first, and idle ones are closed from the other end. h11 parses
HTTP, as in httpx. CPU per request in milliseconds at 1, 16 and 64 connections, medians of three interleaved
runs against a mock provider on loopback:

    httpx 0.28           0.55  1.13  5.34
    httpx-aiohttp 0.2    0.34  0.26  0.30    and 100 ms of CPU to import
    this pool            0.29  0.30  0.29

Calls use the pool directly. httpx's client would add cookies shared by all keys, redirects and
authentication, none of which is wanted here, and 100 µs of CPU per request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from ipaddress import ip_address

import httpx

from vaultcore.upstream.http1.connection import Connection
from vaultcore.upstream.http1.exchange import Exchange
from vaultcore.upstream.http1.proxy import Origin, Proxy, ProxyRules, ProxyUnreachable, open_tunnel
from vaultcore.upstream.http1.trust import default_trust

IDLE_TIMEOUT = 60.0  # seconds
MAX_IDLE = 256  # idle connections per origin
HAPPY_EYEBALLS_DELAY = 0.25  # seconds until a host's next address is tried in parallel: RFC 8305
NO_PROXIES = ProxyRules()
IS_DIRECT = "vaultedge.is_direct"  # extension of a request that no proxy may carry


class Pool(httpx.AsyncBaseTransport):
    """Connections by origin. A request is sent once: on an open idle connection, or on a new one."""

    def __init__(
        self, trust: Callable[[], ssl.SSLContext] = default_trust, proxies: ProxyRules = NO_PROXIES
    ) -> None:
        """`trust` reads the root certificates; it is called once, when they are needed."""
        self._trust, self._proxies = trust, proxies
        self._verify: ssl.SSLContext | None = None
        self._idle: dict[Origin, deque[Connection]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._bind(asyncio.get_running_loop())
        origin = Origin.of(request.url)
        await request.aread()
        connection = self._acquire(origin) or await self._connect(
            origin,
            request.extensions.get("timeout", {}).get("connect"),
            is_direct=request.extensions.get(IS_DIRECT, False),
        )
        return await self._exchange(origin, connection, request)

    async def _exchange(
        self, origin: Origin, connection: Connection, request: httpx.Request
    ) -> httpx.Response:
        """Return the response once its head has arrived."""
        exchange = Exchange(connection)
        try:
            head = await exchange.send(request)
        except BaseException:
            connection.abort()
            raise
        return httpx.Response(
            head.status_code,
            headers=list(head.headers),
            stream=PooledBody(self, origin, exchange),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def warm(self) -> None:
        """Read the root certificates: most of the cost of a first request, and not secret."""
        self._ssl_context()

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def release(self, origin: Origin, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        idle = self._idle.setdefault(origin, deque())
        connection.idle_since = now
        idle.append(connection)
        while len(idle) > MAX_IDLE or now - idle[0].idle_since > IDLE_TIMEOUT:
            idle.popleft().abort()

    def _acquire(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            now = asyncio.get_running_loop().time()
            if now - connection.idle_since <= IDLE_TIMEOUT and not connection.has_ended():
                return connection
            connection.abort()
        return None

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Drop connections of an earlier event loop: a connection belongs to one loop."""
        if self._loop is not loop:
            for connections in self._idle.values():
                for connection in connections:
                    connection.abort()
            self._idle.clear()
            self._loop = loop

    async def _connect(self, origin: Origin, seconds: float | None, *, is_direct: bool) -> Connection:
        proxy = None if is_direct else self._proxies.find(origin)
        try:
            async with asyncio.timeout(seconds):
                if proxy is None:
                    return await self._open(origin)
                return await self._open_through(proxy, origin)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long") from error
        except OSError as error:
            raise httpx.ConnectError("no connection") from error

    async def _open(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection
        if isinstance(loop, asyncio.BaseEventLoop) and not _is_address(origin.host):
            connect = partial(
                connect, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY
            )  # other event loops lack this option
        tls = self._ssl_context() if origin.scheme == "https" else None
        _, connection = await connect(Connection, origin.host, origin.port, ssl=tls)
        return connection

    async def _open_through(self, proxy: Proxy, origin: Origin) -> Connection:
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


class PooledBody(httpx.AsyncByteStream):
    """A response's body. Closing it releases the connection, or closes it if the response is not read."""

    def __init__(self, pool: Pool, origin: Origin, exchange: Exchange) -> None:
        self._pool, self._origin, self._exchange = pool, origin, exchange
        self._is_open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self._exchange.read():
            yield chunk

    async def aclose(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._exchange.is_reusable:
            self._pool.release(self._origin, self._exchange.connection)
        else:
            self._exchange.connection.abort()
