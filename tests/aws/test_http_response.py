from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vaultcore.aws import http_response
from vaultcore.aws.http_response import InvalidResponse, read_response

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one:  2 \r\n"
VALID = {
    "a length": (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    "no reason phrase": (b"HTTP/1.1 200\r\nx-one: 1, 2\r\ncontent-length: 5\r\n\r\nhello", b"hello", True),
    "empty": (HEAD + b"Content-Length: 0\r\n\r\n", b"", True),
    "chunks": (
        HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\n\r\n",
        b"hello",
        True,
    ),
    "trailers": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\nc: d\r\n\r\n",
        b"hello",
        True,
    ),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"content-length: 1\r\n\r\nx", b"x", True),
    "close": (HEAD + b"connection: Close\r\ncontent-length: 1\r\n\r\nx", b"x", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nx-one: 1, 2\r\ncontent-length: 1\r\n\r\nx", b"x", False),
}
INVALID = {
    "closed at once": b"",
    "closed in the head": HEAD,
    "closed in the body": HEAD + b"content-length: 5\r\n\r\nhell",
    "closed in a chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhell",
    "closed before the last chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nh\r\n",
    "another protocol": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\n\r\n",
    "no length": HEAD + b"\r\nhello",
    "two lengths": HEAD + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "a signed length": HEAD + b"content-length: +5\r\n\r\nhello",
    "a negative length": HEAD + b"content-length: -5\r\n\r\nhello",
    "length and chunks": HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "compressed": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no chunk size": HEAD + b"transfer-encoding: chunked\r\n\r\n\r\nhello",
    "a negative chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\nhello",
    "a chunk that is longer than its size": HEAD
    + b"transfer-encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "a header without a colon": HEAD + b"broken\r\ncontent-length: 0\r\n\r\n",
    "a header with a space before its colon": HEAD + b"content-length : 0\r\n\r\n",
    "a folded header": HEAD + b" folded: 1\r\ncontent-length: 0\r\n\r\n",
    "a line feed in a header": HEAD + b"a: b\ncontent-length: 0\r\n\r\n",
    "a carriage return in a header": HEAD + b"a: b\rc: d\r\ncontent-length: 0\r\n\r\n",
    "a nameless header": HEAD + b": b\r\ncontent-length: 0\r\n\r\n",
}


def source(data: bytes, step: int) -> Callable[[], Awaitable[bytes]]:
    """Return a function that returns `step` bytes at a time, and then the end."""
    pieces = [data[at : at + step] for at in range(0, len(data), step)]

    async def receive() -> bytes:
        await asyncio.sleep(0)
        return pieces.pop(0) if pieces else b""

    return receive


@pytest.mark.parametrize("step", [1, 2, 7, 1_000])
@pytest.mark.parametrize("name", VALID)
async def test_responses_are_read(name: str, step: int) -> None:
    """Every framing is read, however the bytes are split, and the connection is kept if that is possible."""
    data, body, keeps_alive = VALID[name]

    response = await read_response(source(data, step))

    assert (response.status, response.body, response.keeps_alive) == (200, body, keeps_alive)
    assert response.headers["x-one"] == "1, 2"


@pytest.mark.parametrize("step", [1, 1_000])
@pytest.mark.parametrize("name", INVALID)
async def test_invalid_responses_are_rejected(name: str, step: int) -> None:
    """A response that is cut off or has doubtful framing is not used."""
    with pytest.raises(InvalidResponse):
        await read_response(source(INVALID[name], step))


async def test_bytes_after_a_response_end_the_connection() -> None:
    """A connection with more bytes than one response is not used again."""
    response = await read_response(source(HEAD + b"content-length: 1\r\n\r\nxHTTP/1.1 200", 1_000))

    assert (response.body, response.keeps_alive) == (b"x", False)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"x: " + b"y" * 40_000,
        HEAD + b"content-length: 1001\r\n\r\n" + b"x" * 1_001,
        HEAD + b"content-length: 99999999999999999999\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + (b"64\r\n" + b"x" * 100 + b"\r\n") * 11,
        HEAD + b"transfer-encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1_001,
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 10_000,
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"0" * 40_000,
    ],
)
async def test_responses_are_bounded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Head, body, chunk headers and trailers have a maximum size each."""
    monkeypatch.setattr(http_response, "MAX_BODY", 1_000)

    with pytest.raises(InvalidResponse, match="too"):
        await read_response(source(data, 5_000))
