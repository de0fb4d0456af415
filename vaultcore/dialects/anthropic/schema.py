"""A JSON schema as Anthropic's structured outputs take it: no bounds, no open objects."""

from __future__ import annotations

from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import dump
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

BOUNDS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "maxItems", "uniqueItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties"),
)
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
LISTS = ("anyOf", "allOf", "prefixItems")
MAPS = ("properties", "$defs", "definitions")


def closed(schema: Json, path: str, changes: list[Change]) -> Json:
    """The schema, with what cannot be enforced said in the descriptions. Reports that."""
    said: list[str] = []
    try:
        out = _closed(schema, said)
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply", param=path) from None
    if said:
        told = f"not enforced, said in the descriptions: {', '.join(sorted(set(said)))}"
        changes.append(Change(path, "emulated", told))
    if "additionalProperties" in said:
        changes.append(Change(path, "dropped", "objects have the properties that are named, and no others"))
    return out


def _closed(schema: Json, said: list[str]) -> Json:
    out: Json = {}
    notes = []
    for key, value in schema.items():
        loose = (
            key in BOUNDS
            or (key == "minItems" and value not in (0, 1))
            or (key == "format" and value not in FORMATS)
            or (key == "additionalProperties" and isinstance(value, dict) and value)
        )
        if loose:
            notes.append(f"{key}: {value if isinstance(value, str) else dump(value)}")
            said.append(key)
        elif key in {"$schema", "$id", "additionalProperties"}:
            continue
        else:
            out["anyOf" if key == "oneOf" else key] = _inner("anyOf" if key == "oneOf" else key, value, said)
    if out.get("type") == "object" or "properties" in out:
        out["additionalProperties"] = False
    if notes:
        out["description"] = "\n".join([*([out["description"]] if out.get("description") else []), *notes])
    return out


def _inner(key: str, value: object, said: list[str]) -> object:
    match value:
        case dict() if key in MAPS:
            return {
                name: _closed(item, said) if isinstance(item, dict) else item for name, item in value.items()
            }
        case dict() if key == "items":
            return _closed(value, said)
        case list() if key in LISTS:
            return [_closed(item, said) if isinstance(item, dict) else item for item in value]
        case _:
            return value
