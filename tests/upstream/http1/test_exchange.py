"""HTTP/1.1 responses as bytes on a real socket: valid ones are read, others raise."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from tests.upstream.http1.exchanges import fetch, request_to, serving
from vaultcore.upstream.http1.http_connection import MAX_HEAD
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.http1.response_head import parse_head
from vaultcore.upstream.transport import TransportError

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH_2 = b"Content-Length: 2\r\n\r\n"
GOOD = {
    "length": (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "chunks": (CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello"),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", b"hello"),
    "an interim response first": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nhi",
        b"hi",
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "until the connection closes": (HEAD + b"X: y\r\n\r\nhello", b"hello"),
    "two interim responses": (
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + HEAD
        + LENGTH_2
        + b"hi",
        b"hi",
    ),
    "no reason phrase": (b"HTTP/1.1 200\r\n" + LENGTH_2 + b"hi", b"hi"),
    "no body, whatever its length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
    "a coding in capitals": (HEAD + b"transfer-encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi"),
    "a repeated header": (HEAD + b"X: a\r\nX: b\r\n" + LENGTH_2 + b"hi", b"hi"),
}
BAD = {
    "no bytes": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nhel",
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "an invalid chunk size": CHUNKED + b"xyz\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "an invalid length": HEAD + b"Content-Length: +2\r\n\r\nhi",
    "an unsupported transfer coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "a header without a name": HEAD + b": x\r\n\r\n",
    "an endless head": HEAD + b"X: " + b"a" * (2 * MAX_HEAD),
    "a head that is too large": HEAD + b"X: " + b"a" * (2 * MAX_HEAD) + b"\r\n" + LENGTH_2 + b"hi",
    "a flood of headers": HEAD + b"X: y\r\n" * MAX_HEAD + LENGTH_2 + b"hi",
    "endless interim responses": b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" * MAX_HEAD + HEAD + LENGTH_2 + b"hi",
    "endless trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * MAX_HEAD + b"\r\n",
    "an endless chunk header": CHUNKED + b"2;" + b"a" * (8 * MAX_HEAD) + b"\r\nhi\r\n0\r\n\r\n",
    "a length and a transfer coding": (
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ),
    "a transfer coding and a length": (
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ),
    "two transfer codings": (
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ),
    "another transfer coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nhi",
    "a length in other digits": HEAD + b"Content-Length: \xb2\r\n\r\nhi",
    "an endless length": HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhi",
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\nhi",
    "a negative chunk size": CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
    "a chunk size of 17 digits": CHUNKED + b"f" * 17 + b"\r\nhi\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\nhi!\r\n0\r\n\r\n",
    "line feeds only": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "a folded header": HEAD + b"X: y\r\n z\r\n" + LENGTH_2 + b"hi",
    "a space before a colon": HEAD + b"X : y\r\n" + LENGTH_2 + b"hi",
    "a control character": HEAD + b"X: a\x00b\r\n" + LENGTH_2 + b"hi",
    "an empty line first": b"\r\n" + HEAD + LENGTH_2 + b"hi",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n" + LENGTH_2 + b"hi",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n" + LENGTH_2 + b"hi",
    "RTSP": b"RTSP/1.0 200 OK\r\n" + LENGTH_2 + b"hi",
    "a status below 100": b"HTTP/1.1 099 Odd\r\n" + LENGTH_2 + b"hi",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + LENGTH_2 + b"hi",
    "HTTP/1.0, cut off": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel",
}

REUSABLE = {
    "a length": (HEAD + LENGTH_2 + b"hi", True),
    "chunks": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", True),
    "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\nA: b\r\n\r\n", True),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    "an interim response": (b"HTTP/1.1 103 Early\r\n\r\n" + HEAD + LENGTH_2 + b"hi", True),
    "an announced end": (HEAD + b"Connection: close\r\n" + LENGTH_2 + b"hi", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH_2 + b"hi", False),
    "bytes behind the body": (HEAD + LENGTH_2 + b"hi!", False),
    "an empty line behind the body": (HEAD + LENGTH_2 + b"hi\r\n", False),
    "bytes behind the last chunk": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n!", False),
    "an empty line behind the last chunk": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n\r\n", False),
    "a body where there is none": (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", False),
    "a second response": (HEAD + LENGTH_2 + b"hi" + HEAD + LENGTH_2 + b"hi", False),
}


def connections_of_two_calls(data: bytes) -> int:
    """Return how many connections two calls open to a server that answers each request with `data`."""
    opened = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        while await reader.readuntil(b"{}"):
            writer.write(data)

    async def calls() -> None:
        async with serving(serve) as url, aclosing(Pool()) as http:
            for _ in range(2):
                await fetch(http, request_to(url, b"{}"))

    asyncio.run(calls())
    return len(opened)


def read_response(data: bytes, size: int) -> bytes:
    """Return the body that a client reads if a server sends `data` in chunks of `size` bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await asyncio.sleep(0)
        writer.close()

    async def request() -> bytes:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with aclosing(Pool()) as http:
                return (await fetch(http, request_to(f"http://127.0.0.1:{port}/"))).body

    return asyncio.run(request())


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("name", GOOD)
def test_a_response_is_read_in_chunks_of_any_size(name: str, size: int) -> None:
    """The body is the same whether it arrives at once or byte by byte."""
    data, body = GOOD[name]

    assert read_response(data, size) == body


def test_a_body_larger_than_the_buffer_is_read() -> None:
    """A body of which more arrives than may be buffered is read to its end."""
    body = bytes(range(256)) * 4_096

    assert read_response(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body, 1 << 18) == body


@pytest.mark.parametrize("size", [7, 1 << 16])
@pytest.mark.parametrize("name", BAD)
def test_an_invalid_response_raises(name: str, size: int) -> None:
    """Bytes that are not HTTP/1.1, or an incomplete response, raise; they are no short body."""
    data = BAD[name]

    with pytest.raises(TransportError):
        read_response(data, size if len(data) < MAX_HEAD else 1 << 16)


@pytest.mark.parametrize("name", REUSABLE)
def test_a_connection_is_reused_only_after_a_clean_end(name: str) -> None:
    """A response that other bytes follow, or that ends the connection, is read; its connection is closed."""
    data, is_reusable = REUSABLE[name]

    assert connections_of_two_calls(data) == (1 if is_reusable else 2)


def test_a_response_behind_a_response_is_not_read() -> None:
    """A response that comes together with another one is no part of its body, and answers no request."""
    first = HEAD + LENGTH_2 + b"hi"

    assert read_response(first + HEAD + LENGTH_2 + b"no", 1 << 16) == b"hi"


def test_repeated_headers_are_joined() -> None:
    """Values of a repeated header are joined with commas, in their order; names are in lower case."""
    head = parse_head(HEAD + b"X-A: 1\r\nx-a:2 \r\nB:\r\n\r\n")

    assert head.headers == {"x-a": "1, 2", "b": ""}
