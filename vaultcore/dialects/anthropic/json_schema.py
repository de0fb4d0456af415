"""JSON schemas as Anthropic's structured outputs accept them: no bounds, no open objects.

https://docs.claude.com/en/docs/build-with-claude/structured-outputs
"""

from __future__ import annotations

from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import dump
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

BOUNDS = (  # keywords that the API rejects
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "maxItems", "uniqueItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties"),
)
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
LISTS = ("anyOf", "allOf", "prefixItems")  # keywords whose value is a list of schemas
MAPS = ("properties", "$defs", "definitions")  # keywords whose value maps names to schemas


def close_schema(schema: Json, path: str, changes: list[Change]) -> Json:
    """Return the schema with closed objects. Keywords that are not enforced move into the descriptions.

    Report those keywords as changes of `path`. Raise InvalidRequest if the schema is nested too deeply.
    """
    unenforced = list[str]()
    try:
        closed = _close(schema, unenforced)
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply", param=path) from None
    if unenforced:
        keywords = ", ".join(sorted(set(unenforced)))
        changes.append(Change(path, "emulated", f"not enforced, added to the descriptions: {keywords}"))
    if "additionalProperties" in unenforced:
        changes.append(Change(path, "dropped", "structured output allows declared properties only"))
    return closed


def _close(schema: Json, unenforced: list[str]) -> Json:
    closed: Json = {}
    notes = []
    for key, value in schema.items():
        is_unenforced = (
            key in BOUNDS
            or (key == "minItems" and value not in (0, 1))
            or (key == "format" and value not in FORMATS)
            or (key == "additionalProperties" and isinstance(value, dict) and value)
        )
        if is_unenforced:
            notes.append(f"{key}: {value if isinstance(value, str) else dump(value)}")
            unenforced.append(key)
        elif key in {"$schema", "$id", "additionalProperties"}:
            continue
        else:
            name = "anyOf" if key == "oneOf" else key
            closed[name] = _close_value(name, value, unenforced)
    if closed.get("type") == "object" or "properties" in closed:
        closed["additionalProperties"] = False
    if notes:
        description = [closed["description"]] if closed.get("description") else []
        closed["description"] = "\n".join([*description, *notes])
    return closed


def _close_value(key: str, value: object, unenforced: list[str]) -> object:
    match value:
        case dict() if key in MAPS:
            return {
                name: _close(item, unenforced) if isinstance(item, dict) else item
                for name, item in value.items()
            }
        case dict() if key == "items":
            return _close(value, unenforced)
        case list() if key in LISTS:
            return [_close(item, unenforced) if isinstance(item, dict) else item for item in value]
        case _:
            return value
