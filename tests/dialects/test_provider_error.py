"""Error bodies in the shapes that providers send."""

from __future__ import annotations

import json

import pytest

from vaultcore.dialects import ErrorDetail, load_dialect
from vaultcore.dialects.provider_error import MAX_MESSAGE, error_status, parse_error_body

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
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_error_bodies(name: str, dialect: str) -> None:
    """The message and the code are read from every shape."""
    body, detail = CASES[name]

    assert load_dialect(dialect).parse_error(400, json.dumps(body).encode()) == detail


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<!DOCTYPE html><html><h1>502 Bad Gateway</h1></html>", "an HTML page"),
        (b"<html>\r\n<head>", "an HTML page"),
        (b"upstream connect error", "upstream connect error"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 50_000, "[" * MAX_MESSAGE),
        (json.dumps({"error": {"message": "x" * 9_999}}).encode(), "x" * MAX_MESSAGE),
    ],
)
def test_q36_bodies_without_json(body: bytes, message: str) -> None:
    """An HTML page or plain text becomes a message, which is cut at MAX_MESSAGE."""
    assert parse_error_body(body) == ErrorDetail(message)


@pytest.mark.parametrize(
    ("error", "expected"),
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
def test_statuses(error: object, expected: int | None) -> None:
    """An error inside a stream has the HTTP status of its code or type."""
    assert error_status(error) == expected
