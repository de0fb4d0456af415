"""Parses a request's body: strict JSON within bounds, with exact errors.

orjson accepts duplicate keys and rounds large integers. So orjson also writes the value, and both texts need
the same number of colons: a duplicate key would lose one. Wherever a doubt remains, the standard library
parses the body again. It finds the reason of every error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import accumulate
from math import isinf
from typing import Final, NoReturn

from vaultcore.errors import InvalidRequest
from vaultcore.json_codec import LARGE_FLOAT, ORJSON

ParseFloat = Callable[[str], object]

MAX_DEPTH = 128  # levels of arrays and objects
MAX_VALUES = 400_000  # values in arrays and objects: more than the tokens of any embeddings request
MAX_CONTAINERS = 50_000  # arrays and objects
ORJSON_DEPTH = 254  # levels that orjson writes
SMALL = 2 * MAX_CONTAINERS  # bytes of a body that cannot have more containers; `[]` takes two
SHALLOW = 2 * MAX_DEPTH  # bytes of a body that cannot be nested deeper
SPARSE = 32  # occurrences of a byte that are found one by one
_COLONS = (b"\\u003a", b"\\u003A")  # escaped
_DOUBT: Final = object()
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile("[\ud800-\udfff]")
_OTHERS = bytes(set(range(256)) - {ord('"'), ord(","), *_STEPS})


def parse(body: bytes, *, parse_float: ParseFloat | None = None) -> object:
    """Parse strict JSON: no NaN, duplicate keys or lone surrogates, bounded depth. Raises InvalidRequest.

    `parse_float` parses numbers with a point or an exponent, in place of `float`.
    """
    if parse_float is None and (value := _parse_fast(body)) is not _DOUBT:
        return value
    return parse_exactly(body, parse_float=parse_float)


def parse_exactly(body: bytes, *, parse_float: ParseFloat | None = None) -> object:
    """Parse as `parse` does, with the standard library. Raises InvalidRequest."""
    if not body:
        raise InvalidRequest("the request has no body", code="invalid_json")
    _check_structure(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not UTF-8", code="invalid_json") from None
    try:
        value: object = (_decoder(parse_float) if parse_float else DECODER).decode(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not valid JSON", code="invalid_json") from None
    if "\\ud" in text or "\\uD" in text:
        _refuse_surrogates(value)
    return value


def _parse_fast(body: bytes) -> object:
    """Return the value, or _DOUBT if the standard library has to parse the body."""
    if ORJSON is None or (len(body) > SMALL and _may_have_too_many(body)):
        return _DOUBT
    try:
        value = ORJSON.loads(body)
        written = ORJSON.dumps(value if len(body) < SHALLOW else _wrap(value))
    except (ValueError, TypeError):
        return _DOUBT
    margin = 0 if len(body) < SHALLOW else _LEVELS
    size = len(written) - 2 * margin
    if size == len(body) and written.startswith(body, margin):
        return value  # the same bytes: nothing was lost
    is_certain = (
        _count(body, b":") == _count(written, b":")
        and not (b"\\" in body and (_COLONS[0] in body or _COLONS[1] in body))
        and not (b"+" in written and LARGE_FLOAT in written)
    )
    return value if is_certain else _DOUBT


_LEVELS = ORJSON_DEPTH - MAX_DEPTH


def _wrap(value: object) -> object:
    """Return the value in so many lists that orjson rejects it if it is nested deeper than MAX_DEPTH."""
    for _ in range(_LEVELS):
        value = [value]
    return value


def _may_have_too_many(body: bytes) -> bool:
    """Return True if a body may have too many values or containers, counting those in strings too."""
    if _count(body, b"[") + _count(body, b"{") > MAX_CONTAINERS:
        return True
    return len(body) > MAX_VALUES and _count(body, b",") > MAX_VALUES


def _count(text: bytes, byte: bytes) -> int:
    """Return how often a byte occurs.

    `bytes.count` of Python 3.11 reads each byte, 0.34 ms for a megabyte; `find` takes 0.01 ms if it is rare.
    """
    count, place = 0, text.find(byte)
    while place >= 0:
        count += 1
        if count == SPARSE:
            return count + text.count(byte, place + 1)
        place = text.find(byte, place + 1)
    return count


def _check_structure(body: bytes) -> None:
    """Raise InvalidRequest for too many levels or values; without recursion and without a loop over bytes."""
    containers, commas = body.count(b"[") + body.count(b"{"), body.count(b",")
    if containers <= MAX_DEPTH and commas <= MAX_VALUES:
        return
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # in this order: other quotes delimit strings
    outside = b"".join(unescaped.translate(None, _OTHERS).split(b'"')[::2])
    containers, commas = outside.count(b"[") + outside.count(b"{"), outside.count(b",")
    if containers > MAX_CONTAINERS or commas > MAX_VALUES:
        raise InvalidRequest(
            f"the body has more than {MAX_VALUES:,} values, or {MAX_CONTAINERS:,} arrays and objects"
        )
    levels = map(_STEPS.__getitem__, outside.translate(None, b","))
    if max(accumulate(levels), default=0) > MAX_DEPTH:
        raise InvalidRequest(f"the body is nested deeper than {MAX_DEPTH} levels", code="invalid_json")


def _decoder(parse_float: ParseFloat) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=parse_float
    )


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
        text = "the body contains a lone surrogate, which UTF-8 cannot encode"
        raise InvalidRequest(text, param=_surrogate_path(value, ""), code="invalid_json") from None


def _surrogate_path(value: object, path: str) -> str | None:
    """Return the path of the first string with a lone surrogate, such as `messages[0].content`, or None."""
    match value:
        case str():
            return path if _SURROGATE.search(value) else None
        case dict():
            inner = [(item, f"{path}.{name}".lstrip(".")) for name, item in value.items()]
        case list():
            inner = [(item, f"{path}[{i}]") for i, item in enumerate(value)]
        case _:
            return None
    return next((match for item, place in inner if (match := _surrogate_path(item, place))), None)


DECODER = _decoder(_finite)  # json.loads would make one for every body
