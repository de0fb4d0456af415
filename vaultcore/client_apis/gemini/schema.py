"""Google's Schema as JSON Schema: https://ai.google.dev/api/caching#Schema.

Google's form is a subset of OpenAPI 3.0. It writes types in capitals, whole numbers as text, and `nullable`
for a value that may be null.
"""

from __future__ import annotations

from vaultcore.client_apis.gemini.fields import camel_case
from vaultcore.wire import Json

NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
INNER = ("items", "additionalProperties")  # keywords whose value is a schema, or a boolean
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")  # keywords whose value is a list of schemas
NAMED = ("properties", "$defs", "defs")  # keywords whose value has schemas by name
UNSPECIFIED = "type_unspecified"
ORDER = "propertyOrdering"  # the order in which Gemini writes properties: JSON Schema has none


def parse_schema(schema: object) -> Json:
    """Return the JSON schema of a Schema. The order of its properties is that of `propertyOrdering`.

    >>> parse_schema({"type": "STRING", "nullable": True})
    {'type': ['string', 'null']}
    """
    if not isinstance(schema, dict):
        return {}
    parsed: Json = {}
    for key, value in schema.items():
        name = key if key.startswith("$") else camel_case(key)
        if value is not None and name not in {"nullable", ORDER}:
            parsed[name] = _parse_keyword(name, value)
    if parsed.get("type") == UNSPECIFIED:
        del parsed["type"]
    _order_properties(parsed, schema.get(ORDER) or schema.get("property_ordering"))
    return _allow_null(parsed) if schema.get("nullable") is True else parsed


def _parse_keyword(name: str, value: object) -> object:
    parsed = value
    match value:
        case str() if name == "type":
            parsed = value.lower()
        case list() if name == "type":
            parsed = [str(each).lower() for each in value]
        case str() if name in NUMBERS and value.isascii() and value.isdecimal():
            parsed = int(value)
        case dict() if name in INNER:
            parsed = parse_schema(value)
        case list() if name in LISTS:
            parsed = [parse_schema(each) for each in value]
        case dict() if name in NAMED:
            parsed = {key: parse_schema(each) for key, each in value.items()}
    return parsed


def _order_properties(schema: Json, order: object) -> None:
    properties = schema.get("properties")
    if isinstance(properties, dict) and isinstance(order, list):
        first = [name for name in order if isinstance(name, str) and name in properties]
        names = dict.fromkeys([*first, *properties])
        schema["properties"] = {name: properties[name] for name in names}


def _allow_null(schema: Json) -> Json:
    """Return the schema that also allows null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        nullable = {**schema, "type": [kind, "null"]}
        return (
            {**nullable, "enum": [*schema["enum"], None]}
            if isinstance(schema.get("enum"), list)
            else nullable
        )
    if isinstance(options := schema.get("anyOf"), list):
        return {**schema, "anyOf": [*options, {"type": "null"}]}
    return schema
