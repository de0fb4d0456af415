"""An embedding as a list of floats, or as base64 of little-endian 32-bit floats.

OpenAI's SDKs ask for base64: https://platform.openai.com/docs/api-reference/embeddings/create.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from binascii import Error
from math import isfinite

Vector = list[float] | str


def parse_vector(value: object) -> Vector:
    """Return a provider's embedding unchanged. Raises ValueError if it is not an embedding."""
    match value:
        case list() if _are_numbers(value):
            return value
        case str() if value:
            _unpack(value)
            return value
        case _:
            raise ValueError("an embedding must be a list of numbers or a base64 string")


def to_floats(vector: Vector) -> list[float]:
    return list(_unpack(vector)) if isinstance(vector, str) else vector


def to_base64(vector: Vector) -> str:
    return vector if isinstance(vector, str) else b64encode(_pack(vector)).decode()


def _are_numbers(values: list[object]) -> bool:
    """Return True if all values are finite numbers that fit 32 bits. Their sum is finite only if all are."""
    try:
        return bool(_pack(values)) and isfinite(sum(values))  # type: ignore[arg-type]  # TypeError is caught
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
        raise ValueError("an embedding that is not base64 of 32-bit floats")
    numbers = struct.unpack(f"<{len(raw) // 4}f", raw)
    if not isfinite(sum(numbers)):
        raise ValueError("an embedding with infinite or undefined numbers")
    return numbers
