"""A value that a JSON schema allows, as a model that obeys one would write it: https://json-schema.org."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
BY_TYPE: dict[str, Any] = {
    "integer": 3,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
ANY_OBJECT = "JSON object"
DEPTH = 8  # a schema that leads back to itself ends here


def sample(schema: Json) -> Json:
    """Arguments that the schema allows: its required properties or, where it names none, all of them."""
    return _object(schema, schema, DEPTH)


def schema_in(text: str) -> Json | None:
    """The last JSON schema that a prompt holds in words, for models that are asked that way.

    Empty where it asks for an object of any kind.
    """
    decoder, found = json.JSONDecoder(), None
    at = text.find("{")
    while at >= 0:
        try:
            told, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            found = told if isinstance(told.get("properties"), dict) else found
        at = text.find("{", end)
    return {} if found is None and ANY_OBJECT in text else found


def _object(schema: Json, root: Json, depth: int) -> Json:
    properties = schema.get("properties") or {}
    return {
        name: _value(name, properties.get(name) or {}, root, depth)
        for name in schema.get("required") or properties
    }


def _value(name: str, schema: Json, root: Json, depth: int) -> Any:
    schema = _settled(schema, root)
    match schema:
        case {"const": told} | {"enum": [told, *_]}:
            return told
        case {"type": "object"} if depth:
            return _object(schema, root, depth - 1)
        case {"type": "array", "items": dict() as item} if depth:
            return [_value(name, item, root, depth - 1)]
        case {"type": str(kind)} if kind in BY_TYPE:
            return BY_TYPE[kind]
        case _:
            return f"a {name}"


def _settled(schema: Json, root: Json) -> Json:
    """The schema that is meant: where a reference leads, the first of several branches or types."""
    for _ in range(DEPTH):
        match schema:
            case {"$ref": str(place)}:
                schema = _held(root, place)
            case {"type": [str(first), *_]}:
                schema = {**schema, "type": first}
            case {"anyOf": [dict() as first, *_]} | {"oneOf": [dict() as first, *_]}:
                schema = first
            case {"allOf": [dict() as first, *_]}:
                schema = first
            case _:
                return schema
    return {}


def _held(root: Json, place: str) -> Json:
    """What a reference inside the same document leads to."""
    held: Any = root
    for step in place.removeprefix("#").strip("/").split("/"):
        held = held.get(step.replace("~1", "/").replace("~0", "~"), {}) if step else held
    return held if isinstance(held, dict) else {}
