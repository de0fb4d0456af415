from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.lambda_runtime.response import MAX_PRELUDE, Answer, prelude

NULS = b"\0" * 8


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_the_prelude_waits_for_the_first_byte() -> None:
    """Nothing leaves before there is a body, and then the prelude leaves once."""
    answer = Answer()
    fed = [answer.feed(message) for message in (start(), body(b"", True), body(b"a", True), body(b"b"))]

    assert fed == [b"", b"", b'{"statusCode": 200, "headers": {}}' + NULS + b"a", b"b"]
    assert answer.ended


def test_an_empty_answer_has_a_prelude() -> None:
    """An answer without a body is its prelude alone."""
    answer = Answer()
    answer.feed(start(204))

    assert answer.feed({"type": "http.response.body"}) == b'{"statusCode": 204, "headers": {}}' + NULS


def test_cookies_framing_and_repeated_headers() -> None:
    """Cookies have a place of their own, framing is the platform's, and repeated headers are joined."""
    head = json.loads(
        prelude(
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


def test_no_nul_inside_the_prelude() -> None:
    """A NUL in a header cannot be taken for the delimiter."""
    assert prelude(200, [(b"x-a", b"\0" * 9)]).index(NULS) == len(prelude(200, [(b"x-a", b"\0" * 9)])) - 8


def test_a_prelude_that_nobody_would_read_is_refused() -> None:
    """Headers beyond 16 KB raise before a byte has left."""
    with pytest.raises(ValueError, match="headers"):
        prelude(200, [(b"x-a", b"a" * MAX_PRELUDE)])


@pytest.mark.parametrize(
    "messages",
    [
        [body(b"a")],
        [start(), start()],
        [start(), body(b"a"), body(b"b")],
        [{"type": "websocket.send"}],
    ],
)
def test_messages_out_of_order_are_refused(messages: list[dict[str, Any]]) -> None:
    """An application that does not keep to ASGI is told so."""
    answer = Answer()
    for message in messages[:-1]:
        answer.feed(message)
    with pytest.raises(ValueError, match="out of order"):
        answer.feed(messages[-1])
