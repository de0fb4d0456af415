"""Reads the error bodies of providers, in the shapes that are in use.

OpenAI: `{"error": {"message", "type", "code", "param"}}`; Google: the same in a list, with `status`;
MiniMax: `{"base_resp": {"status_code", "status_msg"}}`; others: `{"errors": [...]}`, `{"message"}`,
`{"detail"}`, text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from vaultcore.dialects import ErrorDetail
from vaultcore.dialects.error_fields import further_fields, parse_param, parse_rpc_details
from vaultcore.dialects.wait_time import parse_wait

MAX_MESSAGE = 2_000  # characters; the reader of a message redacts it and cuts it again
MAX_CODE = 200  # characters
STATUSES: Mapping[str, int] = {  # error type -> HTTP status
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
# MiniMax `base_resp.status_code` -> HTTP status: https://platform.minimax.io/docs/api-reference/errorcode
BASE_RESP_STATUSES = {1002: 429, 1004: 401, 1008: 402, 1026: 400, 1027: 400, 1039: 429, 2013: 400, 2049: 401}


def parse_error_body(body: bytes) -> ErrorDetail:
    """Return the message and code of an error response. Never raises."""
    text = body.decode(errors="replace").strip()
    try:
        return error_detail(json.loads(text))
    except (ValueError, RecursionError):
        pass
    if re.match(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        return ErrorDetail("an HTML page")
    return ErrorDetail(_cap(text) or "an empty body")


def error_detail(error: object) -> ErrorDetail:
    """Return the content of parsed JSON: an envelope, its error, a list of either, or a string."""
    return replace(_detail(error), retry_after=parse_wait(error), request_id=_request_id(error))


def _detail(error: object) -> ErrorDetail:
    match error:
        case str():
            return ErrorDetail(_cap(error) or "an empty body")
        case {"error": dict() as inner} if inner:
            return replace(_detail(inner), fields=further_fields(inner))
        case {"error": list() | str() as inner} | {"base_resp": dict() as inner} if inner:
            return _detail(inner)
        case [first, *_] | {"errors": [first, *_]}:
            return _detail(first)
        case dict():
            return _fields(error)
        case _:
            return ErrorDetail("an error without a message")


def _fields(error: dict[str, object]) -> ErrorDetail:
    details = error.get("details")
    return ErrorDetail(
        _message(error),
        _code(error),
        _text(error.get("param")) or _text(parse_param(error)),
        details=details if isinstance(details, dict) else None,
        rpc_details=parse_rpc_details(error),
    )


def error_status(error: object) -> int | None:
    """Return the HTTP status that an error object claims in `status`, `code` or `type`, or None."""
    match error:
        case {"error": dict() as inner}:
            return error_status(inner)
        case {"base_resp": {"status_code": int() as code}}:
            return BASE_RESP_STATUSES.get(code)
        case dict():
            claims = [_status(error.get(key)) for key in ("status", "code", "status_code", "type")]
            return next((claim for claim in claims if claim), None)
        case _:
            return None


def _request_id(error: object) -> str | None:
    """Return the provider's id of the request, which stands beside an error."""
    match error:
        case {"request_id": str(request_id)}:
            return request_id[:MAX_CODE]
        case _:
            return None


def _status(claim: object) -> int | None:
    match claim:
        case bool():
            return None
        case int():
            number = claim
        case str() if claim.isascii() and claim.isdecimal() and len(claim) == 3:
            number = int(claim)
        case str():
            return STATUSES.get(claim)
        case _:
            return None
    return number if 400 <= number <= 599 else None


def _message(error: dict[str, object]) -> str:
    for key in ("message", "msg", "status_msg", "detail", "error_description", "title", "reason", "type"):
        match error.get(key):
            case str() as text if text.strip():
                return _cap(text)
            case dict() | [_, *_] as inner:
                return _detail(inner).message
    return "an error without a message"


def _code(error: dict[str, object]) -> str | None:
    """Return the first code that is a word, else the first number: `insufficient_quota` rather than 429."""
    codes = [code for key in ("code", "type", "status", "status_code") if (code := _text(error.get(key)))]
    return next((code for code in codes if not code.isdecimal()), codes[0] if codes else None)


def _text(value: object) -> str | None:
    match value:
        case str() if value:
            return value[:MAX_CODE]
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            return None


def _cap(text: str) -> str:
    return text.strip()[:MAX_MESSAGE]
