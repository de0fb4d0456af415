"""Error answers, in the shapes that providers send them in."""

from __future__ import annotations

import json

import pytest

from vaultcore.dialects import ErrorDetail, dialect
from vaultcore.dialects.provider_error import LONGEST, complaint, status

CASES = {
    "OpenAI": (
        {"error": {"message": "No", "type": "invalid_request_error", "param": "messages", "code": None}},
        ErrorDetail("No", "invalid_request_error", "messages"),
    ),
    "a word before a number": (
        {"error": {"message": "No", "code": 402, "type": "insufficient_quota"}},
        ErrorDetail("No", "insufficient_quota"),
    ),
    "a number where there is no word": ({"error": {"message": "No", "code": 402}}, ErrorDetail("No", "402")),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ErrorDetail("Overloaded", "overloaded_error"),
    ),
    "a string in the envelope": ({"error": "model is loading"}, ErrorDetail("model is loading")),
    "a list of envelopes": (
        [{"error": {"message": "No", "status": "NOT_FOUND"}}],
        ErrorDetail("No", "NOT_FOUND"),
    ),
    "FastAPI": ({"detail": [{"loc": ["body"], "msg": "field required"}]}, ErrorDetail("field required")),
    "detail": ({"detail": "Not found"}, ErrorDetail("Not found")),
    "bare message": ({"message": "No", "code": "x"}, ErrorDetail("No", "x")),
    "errors": ({"errors": [{"message": "No", "code": 7003}]}, ErrorDetail("No", "7003")),
    "bare string": ("no such key", ErrorDetail("no such key")),
    "empty object": ({}, ErrorDetail("an error without a message")),
    "a number": (7, ErrorDetail("an error without a message")),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("spoken", ["openai", "anthropic"])
def test_shapes(name: str, spoken: str) -> None:
    """The message and the code are found wherever they are."""
    told, detail = CASES[name]

    assert dialect(spoken).parse_error(400, json.dumps(told).encode()) == detail


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<!DOCTYPE html><html><h1>502 Bad Gateway</h1></html>", "an HTML page"),
        (b"<html>\r\n<head>", "an HTML page"),
        (b"upstream connect error", "upstream connect error"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 50_000, "[" * LONGEST),
        (json.dumps({"error": {"message": "x" * 9_999}}).encode(), "x" * LONGEST),
    ],
)
def test_q36_what_is_no_json(body: bytes, message: str) -> None:
    """A page or a text instead of JSON is told as such, and nothing is told at length."""
    assert complaint(body) == ErrorDetail(message)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"code": 503}, 503),
        ({"code": "429"}, 429),
        ({"type": "overloaded_error"}, 529),
        ({"type": "authentication_error"}, 401),
        ({"error": {"type": "rate_limit_error"}}, 429),
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, 429),
        ({"code": 7003}, None),
        ({"code": True, "status": [], "type": {}}, None),
        ("text", None),
    ],
)
def test_statuses(told: object, expected: int | None) -> None:
    """An error inside a stream has the status its code or its type stands for."""
    assert status(told) == expected
