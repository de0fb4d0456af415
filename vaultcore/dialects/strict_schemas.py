"""JSON schemas by OpenAI's rules for `strict`, for clients whose own API enforces every schema.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: objects are closed, all
properties are required, and some keywords do not exist. Anthropic and Google also enforce schemas with
optional properties.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.wire import ChatRequest, Json

ANNOTATIONS = frozenset(  # keywords that restrict no value
    {*("$schema", "$id", "$comment", "default", "example", "examples", "readOnly", "writeOnly", "deprecated")}
)
SUPPORTED = frozenset(
    {
        *("type", "title", "description", "enum", "const", "properties", "required", "additionalProperties"),
        *("items", "anyOf", "$ref", "$defs", "definitions", "minItems", "maxItems", "pattern", "format"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
)
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
MAPS = ("properties", "$defs", "definitions")  # keywords whose value maps names to schemas
MAX_DEPTH = 10  # of nested objects
REASON = "not enforced: the schema does not follow the rules for strict schemas"


class _NotStrict(Exception):
    """The schema has no strict form with the same meaning."""


def adapt_strict(request: ChatRequest, changes: list[Change]) -> ChatRequest:
    """Return the request with strict schemas in their strict form, and without `strict` where there is none.

    Report each schema that is not enforced.
    """
    adapted = cast("dict[str, Any]", copy(request))
    match request.get("response_format"):
        case {"type": "json_schema", "json_schema": {"strict": True} as described}:
            fields = _adapt(described, "schema", "response_format", changes)
            adapted["response_format"] = {"type": "json_schema", "json_schema": fields}
    if any(_is_strict(tool) for tool in request.get("tools") or ()):
        adapted["tools"] = [
            {**tool, "function": _adapt(tool["function"], "parameters", f"tools[{i}].strict", changes)}
            if _is_strict(tool)
            else tool
            for i, tool in enumerate(request["tools"])
        ]
    return cast(ChatRequest, adapted)


def strict_schema(schema: Json) -> Json | None:
    """Return a schema by the rules for `strict` with the same meaning, or None if there is none.

    >>> strict_schema({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})["required"]
    ['a']
    """
    if schema.get("type") != "object":
        return None
    try:
        return _strict(schema, 0)
    except _NotStrict:
        return None


def _is_strict(tool: Json) -> bool:
    return isinstance(tool.get("function"), dict) and tool["function"].get("strict") is True


def _adapt(holder: Json, name: str, path: str, changes: list[Change]) -> Json:
    schema = holder.get(name)
    strict = strict_schema(schema) if isinstance(schema, dict) else None
    if strict is not None:
        return {**holder, name: strict}
    changes.append(Change(path, "emulated", REASON))
    return {**holder, "strict": False}


def _strict(schema: object, depth: int) -> Json:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        raise _NotStrict
    fields = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    if "$ref" in fields:  # nothing may stand beside it
        if not fields.keys() <= {"$ref", "title", "description"}:
            raise _NotStrict
        return {"$ref": fields["$ref"]}
    if fields.get("format") not in FORMATS:
        fields.pop("format", None)  # such as Google's int32: an annotation
    if not SUPPORTED.issuperset(fields) or not {"type", "anyOf", "enum", "const"} & fields.keys():
        raise _NotStrict
    fields = _with_type({name: _strict_value(name, value, depth) for name, value in fields.items()})
    if _has_type(fields, "array") and "items" not in fields:
        raise _NotStrict
    return _close(fields) if _has_type(fields, "object") or "properties" in fields else fields


def _strict_value(name: str, value: object, depth: int) -> object:
    match value:
        case dict() if name in MAPS:
            return {key: _strict(inner, depth + 1) for key, inner in value.items()}
        case list() if name == "anyOf":
            return [_strict(option, depth) for option in value]
        case _ if name == "items":
            return _strict(value, depth)
        case _:
            return value


def _has_type(schema: Json, name: str) -> bool:
    types = schema.get("type")
    return types == name or (isinstance(types, list) and name in types)


def _close(schema: Json) -> Json:
    """Return an object's schema closed and with all properties required, if those missing may be null."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or schema.get("additionalProperties") not in (None, False):
        raise _NotStrict
    if not properties and schema.get("additionalProperties") is None:
        raise _NotStrict  # any object
    required = schema.get("required") or []
    if any(name not in required and not _allows_null(value) for name, value in properties.items()):
        raise _NotStrict
    return {**schema, "required": [*properties], "additionalProperties": False}


def _allows_null(schema: Json) -> bool:
    options = schema.get("anyOf")
    has_option = isinstance(options, list) and any(_allows_null(option) for option in options)
    return has_option or _has_type(schema, "null")


def _with_type(schema: Json) -> Json:
    """Return the schema with a type, which strict schemas need beside `enum` and `const`."""
    if "type" in schema or "anyOf" in schema:
        return schema
    values = schema["enum"] if isinstance(schema.get("enum"), list) else [schema.get("const")]
    if not values or not all(isinstance(value, str) for value in values):
        raise _NotStrict
    return {"type": "string", **schema}
