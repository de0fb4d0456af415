from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.lambda_runtime.response import MAX_PRELUDE, ResponseEncoder, build_prelude

NULS = b"\0" * 8


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_the_prelude_waits_for_the_first_byte() -> None:
    """The encoder returns no bytes before there is a body, then the prelude once."""
    encoder = ResponseEncoder()
    chunks = [encoder.feed(message) for message in (start(), body(b"", True), body(b"a", True), body(b"b"))]

    assert chunks == [b"", b"", b'{"statusCode": 200, "headers": {}}' + NULS + b"a", b"b"]
    assert encoder.ended


def test_an_empty_response_has_a_prelude() -> None:
    """A response without a body is only the prelude."""
    encoder = ResponseEncoder()
    encoder.feed(start(204))

    assert encoder.feed({"type": "http.response.body"}) == b'{"statusCode": 204, "headers": {}}' + NULS


def test_cookies_framing_and_repeated_headers() -> None:
    """Cookies are a separate list, framing headers are dropped, and repeated headers are joined."""
    head = json.loads(
        build_prelude(
            200,
            [
                (b"Set-Cookie", b"a=1; Path=/"),
                (b"set-cookie", b"b=2"),
                (b"Transfer-Encoding", b"chunked"),
                (b"connection", b"keep-alive"),
                (b"Content-Length", b"12"),
                (b"Vary", b"origin"),
                (b"vary", b"accept"),
                (b"x-umlaut", "ü".encode("latin-1")),
            ],
        ).removesuffix(NULS)
    )

    assert head == {
        "statusCode": 200,
        "headers": {"vary": "origin, accept", "x-umlaut": "ü"},
        "cookies": ["a=1; Path=/", "b=2"],
    }


def test_the_prelude_contains_no_nul() -> None:
    """A NUL in a header cannot be confused with the delimiter."""
    prelude = build_prelude(200, [(b"x-a", b"\0" * 9)])

    assert prelude.index(NULS) == len(prelude) - 8


def test_an_oversized_prelude_raises() -> None:
    """Headers over 16 KB raise before any byte is sent."""
    with pytest.raises(ValueError, match="headers"):
        build_prelude(200, [(b"x-a", b"a" * MAX_PRELUDE)])


@pytest.mark.parametrize(
    "messages",
    [
        [body(b"a")],
        [start(), start()],
        [start(), body(b"a"), body(b"b")],
        [{"type": "websocket.send"}],
    ],
)
def test_messages_out_of_order_raise(messages: list[dict[str, Any]]) -> None:
    """An application that breaks the ASGI order gets a ValueError."""
    encoder = ResponseEncoder()
    for message in messages[:-1]:
        encoder.feed(message)
    with pytest.raises(ValueError, match="out of order"):
        encoder.feed(messages[-1])
