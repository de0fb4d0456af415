"""JSON of requests, responses and events: orjson where it is installed, otherwise the standard library.

orjson parses a request of 100 kB in 0.04 ms and writes it in 0.004 ms; the standard library takes 0.2 ms for
each. The standard library decides wherever they differ. It parses what orjson rejects (NaN, lone surrogates)
or approximates (integers beyond 64 bits), and writes what orjson does not (such integers, deep values).
"""

from __future__ import annotations

import json
import marshal
from math import isfinite
from types import ModuleType
from typing import NoReturn, Protocol

from vaultcore.casts import cast

MEDIUM = 8_192  # bytes; in longer texts, the search for `null` takes more than marshal
PART = 500  # items of a list that the standard library encodes at a time
LARGE_FLOAT = b"e+"  # orjson writes every float of 1e16 or more with it
_DIGITS = bytes(ord("0") if chr(code).isdigit() and code < 128 else ord(" ") for code in range(256))
_LONG = b"0" * 19  # digits of an integer that may need more than 64 bits


class FastJson(Protocol):
    """The functions of orjson in use."""

    def loads(self, data: bytes | str, /) -> object:
        """Return the value. Raises ValueError."""

    def dumps(self, value: object, /) -> bytes:
        """Return compact UTF-8, `null` for NaN. Raises TypeError for what it cannot write."""


def _load_orjson() -> FastJson | None:
    try:
        import orjson
    except ImportError:
        return None
    module: ModuleType = orjson
    return cast(FastJson, module) if orjson.dumps(1e22) == b"1e+22" else None  # web.strict_json relies on it


ORJSON = _load_orjson()


def standard_loads(data: bytes | str) -> object:
    """Return the value of JSON with the standard library. Raises ValueError or RecursionError."""
    value: object = json.loads(data)
    return value


def standard_loads_finite(text: str) -> object:
    """Return the value. Raises ValueError, also for NaN and infinite numbers, or RecursionError."""
    value: object = _FINITE.decode(text)
    return value


def standard_dumps(value: object) -> bytes:
    """Return compact UTF-8 with the standard library. Raises ValueError, TypeError or RecursionError."""
    return standard_dumps_text(value).encode()


def standard_dumps_finite(value: object) -> bytes:
    """Return compact UTF-8. Raises ValueError, also for NaN and infinity, TypeError or RecursionError."""
    return _encode_fields(value).encode()


def standard_dumps_text(value: object) -> str:
    """Return compact JSON with the standard library. Raises like `dumps_text`."""
    try:
        return _encode_fields(value)
    except ValueError:
        return _encode_fields(_with_nulls(value))


def _orjson_loads(data: bytes | str) -> object:
    """Return the value; of duplicate keys the last one counts. Raises ValueError or RecursionError."""
    try:
        raw = data.encode() if isinstance(data, str) else data
        if _LONG not in raw.translate(_DIGITS):
            return _fast_loads(raw)
    except ValueError:
        pass
    return standard_loads(data)


def _orjson_loads_finite(text: str) -> object:
    """Return the value. Raises ValueError, also for NaN and infinite numbers, or RecursionError."""
    try:
        raw = text.encode()
        if _LONG not in raw.translate(_DIGITS):
            return _fast_loads(raw)
    except ValueError:
        pass
    return standard_loads_finite(text)


def _orjson_dumps(value: object) -> bytes:
    """Return compact UTF-8, null for NaN and infinity. Raises ValueError, TypeError or RecursionError."""
    try:
        return _fast_dumps(value)
    except TypeError:
        return standard_dumps(value)


def _orjson_dumps_finite(value: object) -> bytes:
    """Return compact UTF-8. Raises ValueError, also for NaN and infinity, TypeError or RecursionError."""
    try:
        written = _fast_dumps(value)
        if not _may_have_nan(value, written) or _fast_loads(written) == value:
            return written
    except (ValueError, TypeError):
        pass
    return standard_dumps_finite(value)


def _orjson_dumps_text(value: object) -> str:
    """Return compact JSON; a lone surrogate stays. Raises ValueError, TypeError or RecursionError."""
    try:
        return _fast_dumps(value).decode()
    except TypeError:
        return standard_dumps_text(value)


def _may_have_nan(value: object, written: bytes) -> bool:
    """Return False if orjson has written no null for NaN or infinity.

    The bytes of such a float contain 7f or ff. A search for `null` takes 1 ms per megabyte, marshal 0.07.
    """
    if len(written) < MEDIUM:
        return b"null" in written
    stored = marshal.dumps(cast(str, value))
    return b"\x7f" in stored or b"\xff" in stored


def _encode_fields(value: object) -> str:
    if isinstance(value, dict) and _has_long_list(value):
        return f"{{{','.join(f'{_encode(name)}:{_encode_parts(value[name])}' for name in value)}}}"
    return _encode(value)


def _with_nulls(value: object) -> object:
    """Return the value with null for NaN and infinity, as orjson writes them."""
    match value:
        case float():
            return value if isfinite(value) else None
        case dict():
            return {name: _with_nulls(each) for name, each in value.items()}
        case list() | tuple():
            return [_with_nulls(each) for each in value]
        case _:
            return value


def _has_long_list(body: dict[str, object]) -> bool:
    return any(isinstance(value, list) and len(value) > PART for value in body.values())


def _encode_parts(value: object) -> str:
    """Return JSON; of a long list in parts, since one long call of the C encoder would stop other threads."""
    if not isinstance(value, list):
        return _encode(value)
    parts = (_encode(value[start : start + PART])[1:-1] for start in range(0, len(value), PART))
    return f"[{','.join(parts)}]"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("the number is infinite")
    return number


_FINITE = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
if ORJSON is None:
    loads, loads_finite = standard_loads, standard_loads_finite
    dumps, dumps_finite, dumps_text = standard_dumps, standard_dumps_finite, standard_dumps_text
else:
    _fast_loads, _fast_dumps = ORJSON.loads, ORJSON.dumps
    loads, loads_finite = _orjson_loads, _orjson_loads_finite
    dumps, dumps_finite, dumps_text = _orjson_dumps, _orjson_dumps_finite, _orjson_dumps_text
