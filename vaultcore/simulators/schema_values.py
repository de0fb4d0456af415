"""Values that match a JSON schema, in place of a model's output: https://json-schema.org."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
VALUES: dict[str, Any] = {
    "integer": 3,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
ANY_OBJECT = "JSON object"  # in a prompt that asks for an object of any shape
MAX_DEPTH = 8  # levels; recursive schemas end here


def sample_object(schema: Json) -> Json:
    """Return an object with the schema's required properties, or with all properties if none is required."""
    return _sample_properties(schema, schema, MAX_DEPTH)


def find_schema(text: str) -> Json | None:
    """Return the last JSON schema in a prompt's text, {} if it asks for any JSON object, or None."""
    decoder, schema = json.JSONDecoder(), None
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            schema = value if isinstance(value.get("properties"), dict) else schema
        at = text.find("{", end)
    return {} if schema is None and ANY_OBJECT in text else schema


def _sample_properties(schema: Json, root: Json, depth: int) -> Json:
    properties = schema.get("properties") or {}
    return {
        name: _sample_value(name, properties.get(name) or {}, root, depth)
        for name in schema.get("required") or properties
    }


def _sample_value(name: str, schema: Json, root: Json, depth: int) -> Any:
    schema = _resolve(schema, root)
    match schema:
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"type": "object"} if depth:
            return _sample_properties(schema, root, depth - 1)
        case {"type": "array", "items": dict() as item} if depth:
            return [_sample_value(name, item, root, depth - 1)]
        case {"type": str(kind)} if kind in VALUES:
            return VALUES[kind]
        case _:
            return f"a {name}"


def _resolve(schema: Json, root: Json) -> Json:
    """Return the schema with references followed and the first of several branches or types selected."""
    for _ in range(MAX_DEPTH):
        match schema:
            case {"$ref": str(place)}:
                schema = _follow_reference(root, place)
            case {"type": [str(first), *_]}:
                schema = {**schema, "type": first}
            case {"anyOf": [dict() as first, *_]} | {"oneOf": [dict() as first, *_]}:
                schema = first
            case {"allOf": [dict() as first, *_]}:
                schema = first
            case _:
                return schema
    return {}


def _follow_reference(root: Json, place: str) -> Json:
    """Return the schema at a reference inside the same document, or {}."""
    node: Any = root
    for step in place.removeprefix("#").strip("/").split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~"), {}) if step else node
    return node if isinstance(node, dict) else {}
