"""Checks a response against the JSON schema that its provider got as an instruction only.

Supported are the keywords of OpenAI's strict schemas (https://platform.openai.com/docs/guides/structured-outputs):
types, properties, items, enum, const, anyOf, local references, and bounds. Other keywords are ignored.
The work is bounded for every schema, since a schema may refer to itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaultcore.dialects import Change, client_path
from vaultcore.wire import ChatCompletion, ChatRequest, Json

MAX_STEPS = 100_000  # schemas checked per response; a response that needs more counts as matching


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Mapping[object, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
}
BOUNDS: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]] = {
    "minLength": (TYPES["string"], lambda value, bound: len(value) >= bound),
    "maxLength": (TYPES["string"], lambda value, bound: len(value) <= bound),
    "minItems": (TYPES["array"], lambda value, bound: len(value) >= bound),
    "maxItems": (TYPES["array"], lambda value, bound: len(value) <= bound),
    "minimum": (TYPES["number"], lambda value, bound: value >= bound),
    "maximum": (TYPES["number"], lambda value, bound: value <= bound),
    "exclusiveMinimum": (TYPES["number"], lambda value, bound: value > bound),
    "exclusiveMaximum": (TYPES["number"], lambda value, bound: value < bound),
}


def matches_schema(request: ChatRequest, changes: Sequence[Change], completion: ChatCompletion) -> bool:
    """Return True if a response has the requested structure, or if nothing is to be checked.

    A structure is checked if the translation put it into the prompt, and a schema only with `strict`. Choices
    that call tools or did not end with `stop` are not checked.
    """
    if not changes or not request.get("response_format"):
        return True
    path = client_path(request, "response_format")
    if not any(change.path == path and change.kind == "emulated" for change in changes):
        return True
    schema = _requested_schema(request.get("response_format") or {})
    return schema is None or all(
        _content_matches(choice["message"].get("content"), schema)
        for choice in completion["choices"]
        if choice["finish_reason"] == "stop" and not choice["message"].get("tool_calls")
    )


def _requested_schema(response_format: Json) -> Json | None:
    match response_format:
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"strict": True, "schema": dict(schema)}}:
            return schema
        case _:
            return None


def _content_matches(content: object, schema: Json) -> bool:
    try:
        value = json.loads(content if isinstance(content, str) else "")
    except (ValueError, RecursionError):
        return False
    try:
        return _SchemaCheck(schema).matches(value, schema)
    except (RecursionError, TypeError, AttributeError, _StepLimitReached):
        return True  # a schema that cannot be checked rejects nothing


class _StepLimitReached(Exception):
    """The check took more than MAX_STEPS steps."""


class _SchemaCheck:
    """One walk over a value and its schemas."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._steps = MAX_STEPS

    def matches(self, value: object, schema: object) -> bool:
        self._steps -= 1
        if self._steps < 0:
            raise _StepLimitReached
        if not isinstance(schema, dict):
            return schema is not False
        return (
            _matches_keywords(value, schema)
            and self._matches_combined(value, schema)
            and self._matches_children(value, schema)
        )

    def _matches_combined(self, value: object, schema: Json) -> bool:
        """Check $ref, allOf, anyOf and oneOf."""
        if isinstance(reference := schema.get("$ref"), str) and not self.matches(
            value, self._resolve(reference)
        ):
            return False
        options = [schema[word] for word in ("anyOf", "oneOf") if schema.get(word)]
        return all(self.matches(value, part) for part in schema.get("allOf") or ()) and all(
            any(self.matches(value, option) for option in group) for group in options
        )

    def _matches_children(self, value: object, schema: Json) -> bool:
        """Check the properties of an object, or the items of a list."""
        if isinstance(value, list):
            return all(self.matches(item, schema.get("items")) for item in value)
        if not isinstance(value, dict):
            return True
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        return all(name in value for name in schema.get("required") or ()) and all(
            self.matches(child, properties.get(name, others)) for name, child in value.items()
        )

    def _resolve(self, reference: str) -> object:
        """Return the subschema of a local reference such as `#/$defs/name`; None if there is none."""
        subschema: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            subschema = subschema[step.replace("~1", "/").replace("~0", "~")] if step in subschema else None
        return subschema


def _matches_keywords(value: object, schema: Json) -> bool:
    """Check the keywords that do not look into a value: type, enum, const and bounds."""
    type_names = schema.get("type", [])
    types = type_names if isinstance(type_names, list) else [type_names]
    return (
        (not types or any(TYPES[name](value) for name in types if name in TYPES))
        and ("enum" not in schema or any(_equal(value, each) for each in schema["enum"]))
        and ("const" not in schema or _equal(value, schema["const"]))
        and all(
            is_within(value, schema[word])
            for word, (applies, is_within) in BOUNDS.items()
            if word in schema and applies(value)
        )
    )


def _equal(one: object, other: object) -> bool:
    """Compare as JSON: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
