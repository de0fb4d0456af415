"""Finds violations of the rules for strict JSON schemas.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

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


def open_objects(schema: object, path: str = "schema") -> Iterator[str]:
    """Yield the path of each object that allows additional properties."""
    for place, subschema in _schemas(schema, path):
        if subschema.get("type") == "object" and subschema.get("additionalProperties") is not False:
            yield place


def optional_properties(schema: object, path: str = "schema") -> Iterator[str]:
    """Yield the path of each object with properties that are not required."""
    for place, subschema in _schemas(schema, path):
        if set(subschema.get("properties") or ()) - set(subschema.get("required") or ()):
            yield place


def bounded_values(schema: object, path: str = "schema") -> Iterator[str]:
    """Yield the path of each bound of a number or a string."""
    for place, subschema in _schemas(schema, path):
        yield from (f"{place}.{name}" for name in BOUNDS if name in subschema)


def _schemas(schema: object, path: str) -> Iterator[tuple[str, Json]]:
    """Yield a schema and all schemas inside it, with their paths."""
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
