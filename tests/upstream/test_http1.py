from __future__ import annotations

from collections.abc import Iterable

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vaultcore.upstream.http1 import MAX_HEAD, Malformed, Response, render

HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = {
    "length": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "empty": HEAD + b"content-length: 0\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
    "chunks and trailers": HEAD
    + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "upper-case sizes": HEAD + b"transfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "an interim one first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\n"
    + HEAD
    + b"Content-Length: 2\r\n\r\nhi",
    "close": HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "folded": HEAD + b"X-A: one\r\n  two\r\nContent-Length: 2\r\n\r\nhi",
    "until the end": HEAD + b"X: y\r\n\r\nhello",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
}
BAD = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nhel",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a chunk too long": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    "a size that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a negative size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nhel\r\n",
    "an endless size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5_000,
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a length that is none": HEAD + b"Content-Length: +2\r\n\r\nhi",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "another version": b"HTTP/2 200 OK\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "a header without a name": HEAD + b": x\r\n\r\n",
    "a name with a space": HEAD + b"Content-Length : 2\r\n\r\nhi",
    "a control character": HEAD + b"X: a\x00b\r\n\r\n",
    "an endless head": HEAD + b"X: " + b"a" * (MAX_HEAD + 1),
}


def read(data: bytes, size: int) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
    response = Response()
    body = b"".join(response.feed(data[i : i + size]) for i in range(0, len(data), size))
    response.close()
    return response.status, unframed(response.fields), body, response.reusable


def unframed(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without the headers that frame the body: h11 rewrites those."""
    return [
        (bytes(name), bytes(value))
        for name, value in fields
        if name not in {b"content-length", b"transfer-encoding"}
    ]


def oracle(data: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
    """The same by h11, an independent reading of the same RFC."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    status, fields, body, ended = 0, [], b"", False
    while True:
        match connection.next_event():
            case h11.Response(status_code=status, headers=headers):
                fields = unframed(headers)
            case h11.Data(data=piece):
                body += bytes(piece)
            case h11.EndOfMessage():
                reusable = not ended and connection.their_state is h11.DONE
                return status, fields, body, reusable and not connection.trailing_data[0]
            case event if event is h11.NEED_DATA:
                assert not ended
                ended = True
                connection.receive_data(b"")


@pytest.mark.parametrize("name", GOOD)
def test_cuts_do_not_matter_and_h11_agrees(name: str) -> None:
    """However the bytes are cut, status, headers and body are those that h11 reads."""
    data = GOOD[name]
    expected = oracle(data)

    for size in range(1, len(data) + 1):
        assert read(data, size) == expected


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_response(name: str) -> None:
    """What is malformed or cut short is refused, however it is cut."""
    data = BAD[name]

    for size in {1, 2, 3, 7, len(data) or 1}:
        with pytest.raises(Malformed):
            read(data, size)


@pytest.mark.parametrize("name", GOOD)
def test_surplus_ends_the_connection(name: str) -> None:
    """Bytes after the end of a response belong to no request: its connection is not used again."""
    response = Response()
    response.feed(GOOD[name] + b"HTTP/1.1 200 OK\r\n\r\n")

    assert not (response.complete and response.reusable)


@given(st.binary(max_size=200), st.sampled_from(sorted(GOOD)), st.integers(0, 120), st.integers(1, 50))
@example(b"\x00", "chunks", 0, 1)
def test_noise_is_read_or_refused(noise: bytes, name: str, at: int, size: int) -> None:
    """A damaged response is refused, or read as h11 reads it."""
    data = GOOD[name][:at] + noise + GOOD[name][at:]
    try:
        status, _, body, reusable = read(data, size)
    except Malformed:
        return
    try:
        expected = oracle(data)
    except (h11.RemoteProtocolError, AssertionError):
        return  # h11 is stricter in places; what matters is that no two readers see different bodies
    assert (status, body, reusable) == (expected[0], expected[2], expected[3])


def test_a_large_chunk_costs_its_size() -> None:
    """A chunk that comes in many pieces is passed on as it comes, not gathered."""
    response = Response()
    response.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n")

    assert [response.feed(b"x" * 1_000) for _ in range(3)] == [b"x" * 1_000] * 3


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b"])
def test_a_header_cannot_become_two(value: bytes) -> None:
    """A value with a line break is refused, not sent."""
    with pytest.raises(ValueError, match="one line"):
        render("POST", b"/", [(b"x", value)], b"")


def test_a_request_as_bytes() -> None:
    """A request is its line, its headers in order, and its body."""
    assert render("POST", b"/v1?x=y", [(b"Host", b"h"), (b"Content-Length", b"2")], b"{}") == (
        b"POST /v1?x=y HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    )
