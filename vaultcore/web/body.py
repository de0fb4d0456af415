"""Reads a request's JSON body within bounds: size, depth, encoding."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import accumulate
from math import isinf
from typing import NoReturn

from starlette.requests import Request

from vaultcore.errors import InvalidRequest, RequestTooLarge, UnsupportedMedia

ParseFloat = Callable[[str], object]

MAX_DEPTH = 128  # levels of arrays and objects
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - {ord('"'), *_STEPS})


async def read_json(request: Request, limit: int, *, parse_float: ParseFloat | None = None) -> object:
    """Return the parsed body. Raises RequestTooLarge, UnsupportedMedia or InvalidRequest.

    `limit` is in bytes. `parse_float` parses numbers with a point or an exponent, in place of `float`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia("the content-type must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMedia("compressed request bodies are not accepted", param="content-encoding")
    return parse(await _read(request, limit), parse_float=parse_float)


def parse(body: bytes, *, parse_float: ParseFloat | None = None) -> object:
    """Parse strict JSON: no NaN, duplicate keys or lone surrogates, bounded depth. Raises InvalidRequest."""
    if not body:
        raise InvalidRequest("the request has no body", code="invalid_json")
    if _depth(body) > MAX_DEPTH:
        raise InvalidRequest(f"the body is nested deeper than {MAX_DEPTH} levels", code="invalid_json")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not UTF-8", code="invalid_json") from None
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=parse_float or _finite,
        )
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not valid JSON", code="invalid_json") from None
    if "\\ud" in text or "\\uD" in text:
        _refuse_surrogates(value)
    return value


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than {limit:,} bytes; send media by URL")


def _depth(body: bytes) -> int:
    """Return the deepest nesting level, without recursion and without a loop over bytes."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # in this order: other quotes delimit strings
    outside = b"".join(unescaped.translate(None, _OTHERS).split(b'"')[::2])
    return max(accumulate(map(_STEPS.__getitem__, outside)), default=0)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("duplicate key in an object")
    return unique


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("the number is infinite")  # 1e999: JSON cannot carry the result
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_surrogates(value: object) -> None:
    """Raise InvalidRequest for an escaped lone surrogate: UTF-8 cannot encode it."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the body contains a lone surrogate", code="invalid_json") from None
