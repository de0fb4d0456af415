"""Whether an answer has the structure that its provider was only asked for in words.

The keywords are those of OpenAI's strict schemas (https://platform.openai.com/docs/guides/structured-outputs):
types, properties, items, enum, const, anyOf, local references, and bounds. Any other keyword is let pass.
The work is bounded, whatever the schema: it may refer to itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vaultcore.dialects import Change
from vaultcore.wire import ChatCompletion, ChatRequest, Json

STEPS = 100_000  # of checking one answer; past them it counts as fitting


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Mapping[object, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _number(value) and float(value).is_integer(),
    "number": _number,
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


def matches_schema(request: ChatRequest, changes: Iterable[Change], completion: ChatCompletion) -> bool:
    """Whether an answer keeps the structure that was asked for in words; true where none was.

    A schema is held to only where the client said `strict`. Answers that call tools or were cut are let pass.
    """
    if not any(change.path == "response_format" and change.kind == "emulated" for change in changes):
        return True
    schema = _promised(request.get("response_format") or {})
    return schema is None or all(
        _fitting(choice["message"].get("content"), schema)
        for choice in completion["choices"]
        if choice["finish_reason"] == "stop" and not choice["message"].get("tool_calls")
    )


def _promised(asked: Json) -> Json | None:
    match asked:
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"strict": True, "schema": dict(schema)}}:
            return schema
        case _:
            return None


def _fitting(content: object, schema: Json) -> bool:
    try:
        value = json.loads(content if isinstance(content, str) else "")
    except (ValueError, RecursionError):
        return False
    try:
        return _Check(schema).fits(value, schema)
    except (RecursionError, TypeError, AttributeError, _Enough):
        return True  # a schema that nobody can check holds nobody to anything


class _Enough(Exception):
    """The steps are used up."""


class _Check:
    """One walk over a value and the schemas it has to fit."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._steps = STEPS

    def fits(self, value: object, schema: object) -> bool:
        self._steps -= 1
        if self._steps < 0:
            raise _Enough
        if not isinstance(schema, dict):
            return schema is not False
        return _plain(value, schema) and self._parts(value, schema) and self._inside(value, schema)

    def _parts(self, value: object, schema: Json) -> bool:
        """What other schemas that this one is made of say."""
        if isinstance(reference := schema.get("$ref"), str) and not self.fits(
            value, self._referred(reference)
        ):
            return False
        options = [schema[word] for word in ("anyOf", "oneOf") if schema.get(word)]
        return all(self.fits(value, part) for part in schema.get("allOf") or ()) and all(
            any(self.fits(value, option) for option in group) for group in options
        )

    def _inside(self, value: object, schema: Json) -> bool:
        """What is said of an object's properties and a list's items."""
        if isinstance(value, list):
            return all(self.fits(item, schema.get("items")) for item in value)
        if not isinstance(value, dict):
            return True
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        return all(name in value for name in schema.get("required") or ()) and all(
            self.fits(held, properties.get(name, others)) for name, held in value.items()
        )

    def _referred(self, reference: str) -> object:
        """What `#/$defs/name` refers to; nothing but the schema itself is read."""
        found: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = found[step.replace("~1", "/").replace("~0", "~")] if step in found else None
        return found


def _plain(value: object, schema: Json) -> bool:
    """What a schema says of a value without looking into it."""
    types = schema.get("type", [])
    wanted = types if isinstance(types, list) else [types]
    return (
        (not wanted or any(TYPES[name](value) for name in wanted if name in TYPES))
        and ("enum" not in schema or any(_same(value, each) for each in schema["enum"]))
        and ("const" not in schema or _same(value, schema["const"]))
        and all(
            holds(value, schema[word])
            for word, (applies, holds) in BOUNDS.items()
            if word in schema and applies(value)
        )
    )


def _same(one: object, other: object) -> bool:
    """Equal as JSON has it: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
