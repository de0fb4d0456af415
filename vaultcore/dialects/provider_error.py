"""What a provider's error answer says, in whichever of the shapes that are about it comes."""

from __future__ import annotations

import json
import re

from vaultcore.dialects import ErrorDetail

LONGEST = 2_000  # characters of a message; whoever shows it caps it again, after redacting
STATUSES = {
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


AMONG = {1002: 429, 1004: 401, 1008: 402, 1026: 400, 1027: 400, 1039: 429, 2013: 400, 2049: 401}  # base_resp


def complaint(body: bytes) -> ErrorDetail:
    """The message and the code in an error answer's body. Never raises."""
    text = body.decode(errors="replace").strip()
    try:
        return detail(json.loads(text))
    except (ValueError, RecursionError):
        pass
    if re.match(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        return ErrorDetail("an HTML page")
    return ErrorDetail(_capped(text) or "an empty body")


def detail(told: object) -> ErrorDetail:
    """The same, of parsed JSON: an envelope, the error inside one, a list of either, a bare string."""
    match told:
        case str():
            return ErrorDetail(_capped(told) or "an empty body")
        case [first, *_]:
            return detail(first)
        case {"error": dict() | list() | str() as inner} | {"base_resp": dict() as inner} if inner:
            return detail(inner)
        case {"errors": [first, *_]}:
            return detail(first)
        case dict():
            return ErrorDetail(_message(told), _code(told), _text(told.get("param")))
        case _:
            return ErrorDetail("an error without a message")


def status(told: object) -> int | None:
    """The HTTP status an error object claims: a numeric code or status, or a type that stands for one."""
    match told:
        case {"error": dict() as inner}:
            return status(inner)
        case {"base_resp": {"status_code": int() as code}}:
            return AMONG.get(code)
        case dict():
            claims = [_status(told.get(key)) for key in ("status", "code", "status_code", "type")]
            return next((claim for claim in claims if claim), None)
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


def _message(told: dict[str, object]) -> str:
    for key in ("message", "msg", "status_msg", "detail", "error_description", "title", "reason", "type"):
        match told.get(key):
            case str() as text if text.strip():
                return _capped(text)
            case dict() | [_, *_] as inner:
                return detail(inner).message
    return "an error without a message"


def _code(told: dict[str, object]) -> str | None:
    """A word says more than a number: `insufficient_quota` rather than 429."""
    found = [code for key in ("code", "type", "status", "status_code") if (code := _text(told.get(key)))]
    return next((code for code in found if not code.isdecimal()), found[0] if found else None)


def _text(value: object) -> str | None:
    match value:
        case str() if value:
            return value[:200]
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            return None


def _capped(text: str) -> str:
    return text.strip()[:LONGEST]
