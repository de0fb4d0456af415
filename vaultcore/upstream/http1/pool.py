"""What all calls to providers go through: httpx's requests and answers over a connection pool of our own.

httpx's own pool looks through all its connections whenever one is taken or given back. Here a pool is a stack
per origin: the connection used last is used next, and those that were not needed for a while are closed from
the other end; what is said on a connection is h11's, as in httpx. CPU per request in milliseconds at 1, 16
and 64 connections, medians of three interleaved runs against a mock provider on the loopback:

    httpx 0.28           0.55  1.13  5.34
    httpx-aiohttp 0.2    0.34  0.26  0.30    and 100 ms of CPU to import
    this one             0.29  0.30  0.29

Calls go straight to the pool. httpx's client would add cookies that all keys share, redirects and sign-ins,
none of which may happen here, and 100 µs of CPU to each request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

import httpx

from vaultcore.upstream.http1.connection import Connection
from vaultcore.upstream.http1.exchange import Exchange

KEPT = 60.0  # seconds an unused connection is kept
MOST_KEPT = 256  # unused connections of one origin
EYEBALLS = 0.25  # seconds until a name's next address is tried beside the first: RFC 8305


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> Origin:
        return cls(url.scheme, url.host, url.port or {"https": 443}.get(url.scheme, 80))


class Pool(httpx.AsyncBaseTransport):
    """Connections by origin. A request on one that turns out to be dead is sent again, on a fresh one."""

    def __init__(self, verify: ssl.SSLContext | None = None) -> None:
        self._verify = verify
        self._idle: dict[Origin, deque[Connection]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._belong(asyncio.get_running_loop())
        origin = Origin.of(request.url)
        await request.aread()
        if (kept := self._take(origin)) is not None:
            response = await self._exchange(origin, kept, request)
            if response is not None:
                return response
        fresh = await self._connect(origin, request.extensions.get("timeout", {}).get("connect"))
        response = await self._exchange(origin, fresh, request)
        if response is None:
            raise httpx.RemoteProtocolError("the connection ended without an answer")
        return response

    async def _exchange(
        self, origin: Origin, connection: Connection, request: httpx.Request
    ) -> httpx.Response | None:
        """The answer as soon as its head is there. None: a connection that had served before was dead."""
        exchange = Exchange(connection)
        try:
            head = await exchange.ask(request)
        except BaseException:
            connection.abort()
            raise
        if head is None:
            connection.abort()
            return None
        return httpx.Response(
            head.status_code,
            headers=list(head.headers),
            stream=Body(self, origin, exchange),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def warm(self) -> None:
        """Read the root certificates: most of what a first request costs, and nothing of it is secret."""
        self._trust()

    async def aclose(self) -> None:
        for kept in self._idle.values():
            for connection in kept:
                connection.abort()
        self._idle.clear()

    def give_back(self, origin: Origin, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        kept = self._idle.setdefault(origin, deque())
        connection.idle_since = now
        connection.served += 1
        kept.append(connection)
        while len(kept) > MOST_KEPT or now - kept[0].idle_since > KEPT:
            kept.popleft().abort()

    def _take(self, origin: Origin) -> Connection | None:
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            now = asyncio.get_running_loop().time()
            if connection.usable and now - connection.idle_since <= KEPT:
                return connection
            connection.abort()
        return None

    def _belong(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connections live in one event loop: let go of those of an earlier one."""
        if self._loop is not loop:
            for kept in self._idle.values():
                for connection in kept:
                    connection.abort()
            self._idle.clear()
            self._loop = loop

    async def _connect(self, origin: Origin, seconds: float | None) -> Connection:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection
        if isinstance(loop, asyncio.BaseEventLoop) and not _is_address(origin.host):
            connect = partial(connect, happy_eyeballs_delay=EYEBALLS)  # other loops do not know it
        try:
            async with asyncio.timeout(seconds):
                _, connection = await connect(
                    Connection,
                    origin.host,
                    origin.port,
                    ssl=self._trust() if origin.scheme == "https" else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long") from error
        except OSError as error:
            raise httpx.ConnectError("no connection") from error
        return connection

    def _trust(self) -> ssl.SSLContext:
        if self._verify is None:
            self._verify = httpx.create_ssl_context(trust_env=False)  # once: it reads every root certificate
            self._verify.set_alpn_protocols(["http/1.1"])
        return self._verify


def _is_address(host: str) -> bool:
    """Whether there is nothing to race: asyncio loses an open socket where a race is cancelled at its end."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Body(httpx.AsyncByteStream):
    """The body of an answer. Closing it gives the connection back, or ends it where more would come."""

    def __init__(self, pool: Pool, origin: Origin, exchange: Exchange) -> None:
        self._pool, self._origin, self._exchange = pool, origin, exchange
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._exchange.piece():
            yield piece

    async def aclose(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._exchange.reusable:
            self._pool.give_back(self._origin, self._exchange.connection)
        else:
            self._exchange.connection.abort()
