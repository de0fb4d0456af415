"""Reading a request's JSON body without trusting it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import accumulate
from math import isinf
from typing import NoReturn

from starlette.requests import Request

from vaultcore.errors import InvalidRequest, TooLarge, UnsupportedMedia

Real = Callable[[str], object]

MAX_DEPTH = 128
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - {ord('"'), *_STEPS})


async def read_json(request: Request, limit: int, *, real: Real | None = None) -> object:
    """The parsed body; raises TooLarge, UnsupportedMedia or InvalidRequest, before anything else is done.

    `real` makes something else of numbers with a point or an exponent than a float.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia("the content-type must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMedia("compressed request bodies are not accepted", param="content-encoding")
    return parse(await _read(request, limit), real=real)


def parse(body: bytes, *, real: Real | None = None) -> object:
    """JSON as the standard has it: no NaN, no key twice in one object, no half characters, bounded depth."""
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
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=real or _finite
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
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit:,} bytes; send media by URL")


def _depth(body: bytes) -> int:
    """The deepest nesting, found without recursion and without a turn per byte; strings are skipped."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # in this order: what is left ends a string
    outside = b"".join(unescaped.translate(None, _OTHERS).split(b'"')[::2])
    return max(accumulate(map(_STEPS.__getitem__, outside)), default=0)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("the number has no end")  # 1e999: no JSON that we could send on
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_surrogates(value: object) -> None:
    """An escaped half of a character cannot be sent on as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the body holds half of a surrogate pair", code="invalid_json") from None
