"""Waiting for a response: one timer for a connection, whatever the number of requests and reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from tests.upstream.http1.exchanges import BODY, fetch, request_to, serving
from vaultcore.upstream.http1.http_connection import HttpConnection
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.url import parse_url

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def with_connection(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    use: Callable[[HttpConnection], Coroutine[Any, Any, None]],
) -> None:
    """Connect to a server, send it a request, and run `use` with the connection."""

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(BODY)
            await serve(reader, writer)

        async with serving(handle) as url:
            origin, loop = parse_url(url).origin, asyncio.get_running_loop()
            _, connection = await loop.create_connection(HttpConnection, origin.host, origin.port)
            connection.send_request(request_to(url))
            await use(connection)
            connection.abort()
            await asyncio.sleep(0)

    asyncio.run(run())


def test_a_later_deadline_sets_no_timer() -> None:
    """Reads with later and later deadlines share the timer of the first one."""
    timers = set()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(50):
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")

    async def use(connection: HttpConnection) -> None:
        now = asyncio.get_running_loop().time
        await connection.read_head(now() + 5)
        while await connection.read(now() + 5):
            timers.add(connection._timer)

    with_connection(serve, use)
    assert len(timers) == 1


def test_a_timer_that_fires_early_is_set_again() -> None:
    """A wait lasts until its own deadline, also if an earlier wait had a shorter one, or a longer one."""
    waits = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        await asyncio.sleep(0.6)

    async def use(connection: HttpConnection) -> None:
        now = asyncio.get_running_loop().time
        await connection.read_head(now() + 0.05)
        for seconds in (0.2, 0.1):
            start = now()
            with pytest.raises(TimeoutError):
                await connection.read(start + seconds)
            waits.append(now() - start)

    with_connection(serve, use)
    assert 0.19 <= waits[0] < 0.35
    assert 0.09 <= waits[1] < 0.25


def test_a_closed_connection_has_no_timer() -> None:
    """A connection that ends leaves no timer with the event loop."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        await writer.drain()

    async def use(connection: HttpConnection) -> None:
        until = asyncio.get_running_loop().time() + 60
        await connection.read_head(until)
        while await connection.read(until):
            pass
        await asyncio.sleep(0.05)
        assert connection._timer is None
        assert connection._parser is None

    with_connection(serve, use)


def test_a_response_before_the_whole_request_ends_the_connection() -> None:
    """A server that answers before it reads a large request is heard; its connection is not used again."""
    content = b"x" * 20_000_000

    async def run() -> tuple[bytes, bool]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await asyncio.sleep(60)

        async with serving(handle) as url, aclosing(Pool()) as http:
            response = await fetch(http, request_to(url, content))
            return response.body, any(http._idle.values())

    start = time.monotonic()
    assert asyncio.run(run()) == (b"{}", False)
    assert time.monotonic() - start < 5


def test_a_large_request_arrives_whole() -> None:
    """A content that is written separately from the head arrives complete."""
    content = bytes(range(256)) * 2_000
    received = []

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            received.append(await reader.readexactly(len(content)))
            writer.write(ANSWER)

        async with serving(handle) as url, aclosing(Pool()) as http:
            await fetch(http, request_to(url, content))

    asyncio.run(run())
    assert received == [content]
