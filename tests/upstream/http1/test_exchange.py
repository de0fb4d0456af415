"""Answers as bytes on a real socket: what is HTTP/1.1 is read however it is cut, what is not is an error."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import httpx
import pytest

from vaultcore.upstream.http1.exchange import MAX_HEAD
from vaultcore.upstream.http1.pool import Pool

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = {
    "length": (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "chunks": (CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello"),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", b"hello"),
    "an interim one first": (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nhi", b"hi"),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "until the end": (HEAD + b"X: y\r\n\r\nhello", b"hello"),
}
BAD = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nhel",
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "a size that is none": CHUNKED + b"xyz\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a length that is none": HEAD + b"Content-Length: +2\r\n\r\nhi",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "a header without a name": HEAD + b": x\r\n\r\n",
    "an endless head": HEAD + b"X: " + b"a" * (2 * MAX_HEAD),
}


def told(answer: bytes, size: int) -> bytes:
    """The body that a client reads where a server says just that, in pieces of that size, and closes."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start in range(0, len(answer), size):
            writer.write(answer[start : start + size])
            await asyncio.sleep(0)
        writer.close()

    async def ask() -> bytes:
        async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with httpx.AsyncClient(transport=Pool()) as client:
                url = f"http://127.0.0.1:{port}/"
                async with (
                    client.stream("POST", url, content=b"{}") as response,
                    aclosing(response.aiter_raw()) as raw,
                ):
                    return b"".join([piece async for piece in raw])

    return asyncio.run(ask())


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("name", GOOD)
def test_an_answer_is_read_however_it_is_cut(name: str, size: int) -> None:
    """The body is the same whether it comes at once or byte by byte."""
    answer, body = GOOD[name]

    assert told(answer, size) == body


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_answer_is_an_error(name: str) -> None:
    """What is not HTTP/1.1, or not all of an answer, raises; it is never taken for a short body."""
    with pytest.raises(httpx.TransportError):
        told(BAD[name], 1 << 16)
