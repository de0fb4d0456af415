"""A JSON schema as Gemini takes it: https://ai.google.dev/api/generate-content (responseJsonSchema).

What is sent has no keyword but those of `KNOWN`. Where another says the same in other words it is put so, a
bound that nothing can say goes, and a reference has nothing beside it. Rendering twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

KNOWN = frozenset(
    [
        *("type", "format", "title", "description", "enum", "default", "nullable"),
        *("items", "prefixItems", "minItems", "maxItems"),
        *("minimum", "maximum", "minLength", "maxLength", "pattern"),
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("anyOf", "propertyOrdering", "$ref", "$defs"),
    ]
)
SILENT = frozenset(  # their loss changes no value that is allowed
    [
        *("$schema", "$id", "$comment", "$anchor", "id", "examples", "example", "deprecated", "readOnly"),
        *("writeOnly", "discriminator", "strict", "xml", "externalDocs"),
    ]
)
TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
BY_VALUE = {str: "string", bool: "boolean", int: "integer", float: "number"}
FORMS: Mapping[str, type] = {  # of what is kept as it is; what has another form makes no sense to anyone
    **dict.fromkeys(("description", "title", "pattern", "format"), str),
    **dict.fromkeys(("properties", "items"), dict),
    **dict.fromkeys(("anyOf", "prefixItems", "required", "propertyOrdering", "enum"), list),
    "nullable": bool,
    "additionalProperties": bool,
}
POINTERS = (("#/definitions/", "#/$defs/"), ("#/$defs/", "#/$defs/"))
ALTERNATIVES = ("anyOf", "oneOf")


def sanitised(schema: Json, path: str, changes: list[Change]) -> Json:
    """The schema in the API's subset. Reports once which keywords could not be kept."""
    work = _Sanitiser(schema)
    try:
        out = work.root(schema)
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply", param=path) from None
    if work.lost:
        reason = f"not enforced, for Gemini knows no {', '.join(sorted(work.lost))}"
        changes.append(Change(path, "emulated", reason))
    return out


class _Sanitiser:
    def __init__(self, schema: Json) -> None:
        self.defs = {
            name: told
            for key in ("definitions", "$defs")
            if isinstance(schema.get(key), dict)
            for name, told in schema[key].items()
            if isinstance(told, dict)
        }
        self.lost: set[str] = set()

    def root(self, schema: Json) -> Json:
        out = self.one(schema, ())
        if self.defs:
            out["$defs"] = {name: self.one(told, (name,)) for name, told in self.defs.items()}
        return out

    def one(self, told: Json, within: tuple[str, ...]) -> Json:
        """One schema; `within` names the definitions that are being written out around it."""
        told = self._merged(told, within)
        if "$ref" in told:
            return self._reference(told, within)
        out: Json = {}
        for key, value in told.items():
            name = "anyOf" if key == "oneOf" else key
            if name in out and name == "anyOf":
                self.lost.add(key)
            elif name in KNOWN and name != "$defs":
                self._keep(out, name, value, within)
            elif key not in REWORDED and key not in SILENT and not key.startswith("x-"):
                self.lost.add(key)
        self._reword(out, told)
        return _settled(out)

    def _keep(self, out: Json, key: str, value: object, within: tuple[str, ...]) -> None:
        match key, value:
            case "type", _:
                if (kind := _type(value)) is not None:
                    out["type"] = kind
            case "properties", dict():
                out[key] = {name: self._inner(it, within) for name, it in value.items() if it is not False}
            case "items", list():  # draft 4: a schema for each place
                out["prefixItems"] = [self._inner(it, within) for it in value]
            case (("items" | "additionalProperties"), dict()):
                out[key] = self.one(value, within)
            case (("anyOf" | "prefixItems"), list()):
                out[key] = [self._inner(it, within) for it in value if it is not False]
            case (("required" | "propertyOrdering"), list()):
                out[key] = list(dict.fromkeys(map(str, value)))
            case "enum", list():
                self._enum(out, value)
            case _ if isinstance(value, FORMS.get(key, object)):
                out[key] = value

    def _inner(self, told: object, within: tuple[str, ...]) -> Json:
        return self.one(told, within) if isinstance(told, dict) else {}

    def _enum(self, out: Json, values: list[object]) -> None:
        """Strings and numbers are all that can be listed; null goes into the type."""
        kept = [
            value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool)
        ]
        if any(value is None for value in values):
            out["nullable"] = True
        if any(value is not None and value not in kept for value in values) or "" in kept:
            self.lost.add("enum of anything but words and numbers")
        if kept := [value for value in kept if value != ""]:
            out["enum"] = kept

    def _reword(self, out: Json, told: Json) -> None:
        if "const" in told and "enum" not in out:
            self._enum(out, [told["const"]])
            kind = BY_VALUE.get(type(told["const"]))
            if kind is not None:
                out.setdefault("type", kind)
        whole = out.get("type") == "integer"
        for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            value = told.get(key)
            if isinstance(value, bool) and value and isinstance(told.get(bound), int | float):
                value = told[bound]  # draft 4: a flag beside the bound
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            exact = whole and value == int(value)
            out[bound] = int(value) + step if exact else value
            if not exact:
                self.lost.add(key)

    def _merged(self, told: Json, within: tuple[str, ...]) -> Json:
        """The schema with everything in its `allOf` said in itself."""
        parts = told.get("allOf")
        if not isinstance(parts, list):
            return told
        out: Json = {key: value for key, value in told.items() if key != "allOf"}
        if len(parts) == 1 and isinstance(parts[0], dict) and "$ref" in parts[0]:
            return {**out, **parts[0]}
        for part in parts:
            if isinstance(part, dict):
                self._join(out, self._merged(self._resolved(part, within), within))
        return out

    def _join(self, out: Json, more: Json) -> None:
        for key, value in more.items():
            match key, out.get(key), value:
                case "properties", dict() as mine, dict():
                    out[key] = {**mine, **value}
                case "required", list() as mine, list():
                    out[key] = [*mine, *value]
                case "anyOf" | "oneOf" | "not" | "if", held, _ if held is not None:
                    self.lost.add("allOf")
                case _, None, _:
                    out[key] = value

    def _resolved(self, told: Json, within: tuple[str, ...]) -> Json:
        """What a reference in an `allOf` leads to; nothing where it leads back to itself."""
        name = _target(told.get("$ref"))
        if name is None or name not in self.defs:
            return told
        if name in within or len(within) > DEEPEST:
            self.lost.add("allOf")
            return {}
        rest = {key: value for key, value in told.items() if key != "$ref"}
        return {**self._merged(self.defs[name], (*within, name)), **rest}

    def _reference(self, told: Json, within: tuple[str, ...]) -> Json:
        """A reference stands alone: what is said beside it is said of a copy of what it leads to."""
        name = _target(told["$ref"])
        if name is None or name not in self.defs:
            if told["$ref"] != "#":
                self.lost.add("$ref")
            return {}
        beside = {key: value for key, value in told.items() if key in KNOWN - {"$ref", "$defs"}}
        if not beside:
            return {"$ref": f"#/$defs/{name}"}
        if name in within or len(within) > DEEPEST:
            return {"$ref": f"#/$defs/{name}"}
        return self.one({**self.defs[name], **beside}, (*within, name))


DEEPEST = 8  # definitions written out inside each other
REWORDED = {"const", "exclusiveMinimum", "exclusiveMaximum", "oneOf", "allOf", "definitions", "$defs"}


def _target(reference: object) -> str | None:
    if isinstance(reference, str):
        for prefix, _ in POINTERS:
            if reference.startswith(prefix):
                return reference.removeprefix(prefix).replace("~1", "/").replace("~0", "~")
    return None


def _type(value: object) -> str | list[str] | None:
    """A type in lower case, several as a list."""
    if isinstance(value, str):
        return value.lower() if value.lower() in TYPES else None
    if not isinstance(value, list):
        return None
    kinds = [kind for kind in dict.fromkeys(str(item).lower() for item in value) if kind in TYPES]
    return kinds[0] if len(kinds) == 1 else kinds or None


def _settled(out: Json) -> Json:
    """What one keyword demands of another."""
    if out.pop("nullable", None) is True:
        match out.get("type"):
            case str(kind) if kind != "null":
                out["type"] = [kind, "null"]
            case list() as kinds if "null" not in kinds:
                out["type"] = [*kinds, "null"]
    if not out.get("enum", True):
        del out["enum"]
    if not out.get("anyOf", True):
        del out["anyOf"]
    properties = out.get("properties")
    if isinstance(properties, dict):
        out.setdefault("type", "object")
        for key in ("required", "propertyOrdering"):
            if key in out and (kept := [name for name in out[key] if name in properties]) != out[key]:
                out[key] = kept
    if not out.get("required", True):
        del out["required"]
    return out
