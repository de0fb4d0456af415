"""A vector as numbers or as base64 of little-endian 32-bit floats, which is what OpenAI's SDKs ask for."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from binascii import Error
from math import isfinite

Vector = list[float] | str


def read(value: object) -> Vector:
    """A vector as a provider gave it, or ValueError."""
    match value:
        case list() if _numbers(value):
            return value
        case str() if value:
            _unpack(value)
            return value
        case _:
            raise ValueError("a vector that is none")


def floats(vector: Vector) -> list[float]:
    return list(_unpack(vector)) if isinstance(vector, str) else vector


def base64(vector: Vector) -> str:
    return vector if isinstance(vector, str) else b64encode(_pack(vector)).decode()


def _numbers(values: list[object]) -> bool:
    """Whether all are finite numbers that 32 bits can hold: one sum tells it of all of them."""
    try:
        return bool(_pack(values)) and isfinite(sum(values))  # type: ignore[arg-type]  # TypeError tells
    except (TypeError, OverflowError):
        return False


def _pack(values: list[object] | list[float]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}f", *values)
    except struct.error as error:
        raise TypeError("not a number") from error


def _unpack(text: str) -> tuple[float, ...]:
    try:
        raw = b64decode(text, validate=True)
    except (Error, ValueError):
        raw = b""
    if not raw or len(raw) % 4:
        raise ValueError("a vector that is no base64 of 32-bit floats")
    found = struct.unpack(f"<{len(raw) // 4}f", raw)
    if not isfinite(sum(found)):
        raise ValueError("a vector that is not finite")
    return found
