"""What a JSON schema must be for a provider to hold its model to it: no object may be left open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
)


def left_open(schema: object, path: str = "schema") -> Iterator[str]:
    """Where an object does not forbid properties that it does not name."""
    for place, held in _schemas(schema, path):
        if held.get("type") == "object" and held.get("additionalProperties") is not False:
            yield place


def optional(schema: object, path: str = "schema") -> Iterator[str]:
    """Where an object has properties that it does not require."""
    for place, held in _schemas(schema, path):
        if set(held.get("properties") or ()) - set(held.get("required") or ()):
            yield place


def bounded(schema: object, path: str = "schema") -> Iterator[str]:
    """Where a number or a text has bounds."""
    for place, held in _schemas(schema, path):
        yield from (f"{place}.{name}" for name in BOUNDS if name in held)


def _schemas(schema: object, path: str) -> Iterator[tuple[str, Json]]:
    """A schema and every one inside it."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name in ("properties", "$defs", "definitions"):
        for key, inner in (schema.get(name) or {}).items():
            yield from _schemas(inner, f"{path}.{name}.{key}")
    for name in ("anyOf", "allOf", "oneOf"):
        for at, inner in enumerate(schema.get(name) or []):
            yield from _schemas(inner, f"{path}.{name}[{at}]")
    yield from _schemas(schema.get("items"), f"{path}.items")
