"""HTTP/1.1 responses as bytes on a real socket: valid ones are read, others raise."""

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
    "an interim response first": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nhi",
        b"hi",
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "until the connection closes": (HEAD + b"X: y\r\n\r\nhello", b"hello"),
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
}


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
            async with httpx.AsyncClient(transport=Pool()) as client:
                url = f"http://127.0.0.1:{port}/"
                async with (
                    client.stream("POST", url, content=b"{}") as response,
                    aclosing(response.aiter_raw()) as raw,
                ):
                    return b"".join([chunk async for chunk in raw])

    return asyncio.run(request())


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("name", GOOD)
def test_a_response_is_read_in_chunks_of_any_size(name: str, size: int) -> None:
    """The body is the same whether it arrives at once or byte by byte."""
    data, body = GOOD[name]

    assert read_response(data, size) == body


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_response_raises(name: str) -> None:
    """Bytes that are not HTTP/1.1, or an incomplete response, raise; they are no short body."""
    with pytest.raises(httpx.TransportError):
        read_response(BAD[name], 1 << 16)
