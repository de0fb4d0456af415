"""JSON schemas in Gemini's subset: https://ai.google.dev/api/generate-content (responseJsonSchema).

The API rejects keywords that are not in `SUPPORTED`. A keyword that another can express is replaced,
others are removed and reported. A `$ref` stands alone, without other keywords. A second conversion
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

SUPPORTED = frozenset(
    [
        *("type", "format", "title", "description", "enum", "default", "nullable"),
        *("items", "prefixItems", "minItems", "maxItems"),
        *("minimum", "maximum", "minLength", "maxLength", "pattern"),
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("anyOf", "propertyOrdering", "$ref", "$defs"),
    ]
)
ANNOTATIONS = frozenset(  # keywords that restrict no value, removed without a report
    [
        *("$schema", "$id", "$comment", "$anchor", "id", "examples", "example", "deprecated", "readOnly"),
        *("writeOnly", "discriminator", "strict", "xml", "externalDocs"),
    ]
)
REPLACED = {"const", "exclusiveMinimum", "exclusiveMaximum", "oneOf", "allOf", "definitions", "$defs"}
TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
TYPE_OF_CONSTANT = {str: "string", bool: "boolean", int: "integer", float: "number"}
VALUE_TYPES: Mapping[
    str, type
] = {  # keywords that are copied; a value of another type is invalid and removed
    **dict.fromkeys(("description", "title", "pattern", "format"), str),
    **dict.fromkeys(("properties", "items"), dict),
    **dict.fromkeys(("anyOf", "prefixItems", "required", "propertyOrdering", "enum"), list),
    "nullable": bool,
    "additionalProperties": bool,
}
REFERENCES = ("#/definitions/", "#/$defs/")  # prefixes of references to a definition
MAX_DEPTH = 8  # definitions that are copied into each other


def simplify_schema(schema: Json, path: str, changes: list[Change]) -> Json:
    """Return the schema in the API's subset. Report the removed keywords as one change of `path`.

    Raise InvalidRequest if the schema is nested too deeply.
    """
    converter = _SchemaConverter(schema)
    try:
        converted = converter.convert_root(schema)
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply", param=path) from None
    if converter.removed:
        reason = f"not enforced: Gemini does not support {', '.join(sorted(converter.removed))}"
        changes.append(Change(path, "emulated", reason))
    return converted


class _SchemaConverter:
    """Converts one schema. `removed` are the keywords that cannot be expressed.

    A parameter `outer` names the definitions that are being copied around a schema.
    """

    def __init__(self, schema: Json) -> None:
        self.definitions = {
            name: definition
            for key in ("definitions", "$defs")
            if isinstance(schema.get(key), dict)
            for name, definition in schema[key].items()
            if isinstance(definition, dict)
        }
        self.removed: set[str] = set()

    def convert_root(self, schema: Json) -> Json:
        converted = self._convert(schema, ())
        if self.definitions:
            converted["$defs"] = {
                name: self._convert(definition, (name,)) for name, definition in self.definitions.items()
            }
        return converted

    def _convert(self, schema: Json, outer: tuple[str, ...]) -> Json:
        schema = self._merge_all_of(schema, outer)
        if "$ref" in schema:
            return self._convert_reference(schema, outer)
        converted: Json = {}
        for key, value in schema.items():
            name = "anyOf" if key == "oneOf" else key
            if name in converted and name == "anyOf":
                self.removed.add(key)
            elif name in SUPPORTED and name != "$defs":
                self._copy_keyword(converted, name, value, outer)
            elif key not in REPLACED and key not in ANNOTATIONS and not key.startswith("x-"):
                self.removed.add(key)
        self._replace_keywords(converted, schema)
        return _normalize(converted)

    def _copy_keyword(self, converted: Json, key: str, value: object, outer: tuple[str, ...]) -> None:
        match key, value:
            case "type", _:
                if (kind := _convert_type(value)) is not None:
                    converted["type"] = kind
            case "properties", dict():
                converted[key] = {
                    name: self._convert_value(item, outer)
                    for name, item in value.items()
                    if item is not False
                }
            case "items", list():  # draft 4: one schema for each position
                converted["prefixItems"] = [self._convert_value(item, outer) for item in value]
            case (("items" | "additionalProperties"), dict()):
                converted[key] = self._convert(value, outer)
            case (("anyOf" | "prefixItems"), list()):
                converted[key] = [self._convert_value(item, outer) for item in value if item is not False]
            case (("required" | "propertyOrdering"), list()):
                converted[key] = list(dict.fromkeys(map(str, value)))
            case "enum", list():
                self._convert_enum(converted, value)
            case _ if isinstance(value, VALUE_TYPES.get(key, object)):
                converted[key] = value

    def _convert_value(self, value: object, outer: tuple[str, ...]) -> Json:
        return self._convert(value, outer) if isinstance(value, dict) else {}

    def _convert_enum(self, converted: Json, values: list[object]) -> None:
        """Set the strings and numbers of an enum. Null makes the type nullable, other values are removed."""
        listable = [
            value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool)
        ]
        if any(value is None for value in values):
            converted["nullable"] = True
        if any(value is not None and value not in listable for value in values) or "" in listable:
            self.removed.add("enum values other than text and numbers")
        if enum := [value for value in listable if value != ""]:
            converted["enum"] = enum

    def _replace_keywords(self, converted: Json, schema: Json) -> None:
        if "const" in schema and "enum" not in converted:
            self._convert_enum(converted, [schema["const"]])
            kind = TYPE_OF_CONSTANT.get(type(schema["const"]))
            if kind is not None:
                converted.setdefault("type", kind)
        is_integer = converted.get("type") == "integer"
        for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            value = schema.get(key)
            if isinstance(value, bool) and value and isinstance(schema.get(bound), int | float):
                value = schema[bound]  # draft 4: a flag that applies to the bound
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            is_exact = is_integer and value == int(value)
            converted[bound] = int(value) + step if is_exact else value
            if not is_exact:
                self.removed.add(key)

    def _merge_all_of(self, schema: Json, outer: tuple[str, ...]) -> Json:
        """Return the schema merged with all schemas of its `allOf`."""
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        merged: Json = {key: value for key, value in schema.items() if key != "allOf"}
        if len(parts) == 1 and isinstance(parts[0], dict) and "$ref" in parts[0]:
            return {**merged, **parts[0]}
        for part in parts:
            if isinstance(part, dict):
                self._merge(merged, self._merge_all_of(self._resolve(part, outer), outer))
        return merged

    def _merge(self, merged: Json, other: Json) -> None:
        for key, value in other.items():
            match key, merged.get(key), value:
                case "properties", dict() as properties, dict():
                    merged[key] = {**properties, **value}
                case "required", list() as required, list():
                    merged[key] = [*required, *value]
                case "anyOf" | "oneOf" | "not" | "if", existing, _ if existing is not None:
                    self.removed.add("allOf")
                case _, None, _:
                    merged[key] = value

    def _resolve(self, schema: Json, outer: tuple[str, ...]) -> Json:
        """Return the definition that a schema of an `allOf` refers to; `{}` if it refers to itself."""
        name = _definition_name(schema.get("$ref"))
        if name is None or name not in self.definitions:
            return schema
        if name in outer or len(outer) > MAX_DEPTH:
            self.removed.add("allOf")
            return {}
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return {**self._merge_all_of(self.definitions[name], (*outer, name)), **others}

    def _convert_reference(self, schema: Json, outer: tuple[str, ...]) -> Json:
        """Return a reference alone, or a copy of its definition that contains the keywords next to it."""
        name = _definition_name(schema["$ref"])
        if name is None or name not in self.definitions:
            if schema["$ref"] != "#":
                self.removed.add("$ref")
            return {}
        siblings = {key: value for key, value in schema.items() if key in SUPPORTED - {"$ref", "$defs"}}
        if not siblings or name in outer or len(outer) > MAX_DEPTH:
            return {"$ref": f"#/$defs/{name}"}
        return self._convert({**self.definitions[name], **siblings}, (*outer, name))


def _definition_name(reference: object) -> str | None:
    if isinstance(reference, str):
        for prefix in REFERENCES:
            if reference.startswith(prefix):
                return reference.removeprefix(prefix).replace("~1", "/").replace("~0", "~")
    return None


def _convert_type(value: object) -> str | list[str] | None:
    """Return the type in lower case, or a list of several types."""
    if isinstance(value, str):
        return value.lower() if value.lower() in TYPES else None
    if not isinstance(value, list):
        return None
    kinds = [kind for kind in dict.fromkeys(str(item).lower() for item in value) if kind in TYPES]
    return kinds[0] if len(kinds) == 1 else kinds or None


def _normalize(schema: Json) -> Json:
    """Make keywords consistent: nullable becomes a type, empty lists go, required names must exist."""
    if schema.pop("nullable", None) is True:
        match schema.get("type"):
            case str(kind) if kind != "null":
                schema["type"] = [kind, "null"]
            case list() as kinds if "null" not in kinds:
                schema["type"] = [*kinds, "null"]
    if not schema.get("enum", True):
        del schema["enum"]
    if not schema.get("anyOf", True):
        del schema["anyOf"]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema.setdefault("type", "object")
        for key in ("required", "propertyOrdering"):
            if key in schema:
                schema[key] = [name for name in schema[key] if name in properties]
    if not schema.get("required", True):
        del schema["required"]
    return schema
