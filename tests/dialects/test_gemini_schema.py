"""Properties of simplified schemas: any schema converts to keywords that Gemini supports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.dialects import Change
from vaultcore.dialects.gemini.json_schema import SUPPORTED, simplify_schema
from vaultcore.simulators.gemini_rules import check_schema

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "a", "b", "date-time"])
)
references = st.sampled_from(["#/$defs/A", "#/definitions/B", "#/$defs/Missing", "#", "https://x.test/s", 7])
KEYWORDS = (
    *("type", "format", "title", "description", "enum", "const", "default", "examples", "$schema", "$id"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "pattern"),
    *("required", "nullable", "uniqueItems", "readOnly", "x-order", "contentEncoding", "propertyOrdering"),
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas of a few valid and invalid keywords, whose subschemas are drawn from `inner`."""
    maps, several = (
        st.dictionaries(st.sampled_from(["a", "b", "$ref", "type"]), inner, max_size=2),
        st.lists(inner, max_size=2),
    )
    deep = {
        **dict.fromkeys(("properties", "patternProperties"), maps),
        **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), several),
        **dict.fromkeys(("not", "if", "additionalProperties"), inner),
        "items": st.one_of(inner, several),
        "type": st.sampled_from(
            ["object", "STRING", "array", "integer", ["string", "null"], ["x"], 1, "null"]
        ),
        "$ref": references,
        "enum": st.lists(scalars, max_size=3),
    }
    flat = st.tuples(st.sampled_from(KEYWORDS), st.one_of(scalars, st.lists(scalars, max_size=2)))
    fields = [st.tuples(st.just(key), values) for key, values in deep.items()]
    return st.lists(st.one_of(*fields, flat), max_size=5).map(dict)


schemas: st.SearchStrategy[Any] = st.recursive(st.one_of(st.just({}), scalars), nested, max_leaves=6)
roots = st.builds(
    lambda root, a, b: {**root, "$defs": {"A": a}, "definitions": {"B": b}},
    nested(schemas),
    nested(schemas),
    nested(schemas),
)


def keywords(schema: Any) -> set[str]:
    """Return every keyword of a schema and of its subschemas."""
    names = set(schema)
    for key in ("properties", "$defs"):
        for inner in (schema.get(key) or {}).values():
            names |= keywords(inner)
    for key in ("anyOf", "prefixItems"):
        for inner in schema.get(key) or []:
            names |= keywords(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            names |= keywords(schema[key])
    return names


@settings(max_examples=250, deadline=None)
@given(roots)
def test_g13_every_keyword_is_supported(schema: dict[str, Any]) -> None:
    """Every keyword of a simplified schema is supported by the API, and the schema is JSON."""
    out = simplify_schema(schema, "s", [])

    assert keywords(out) <= SUPPORTED
    check_schema(out, "s")
    json.dumps(out)


@settings(max_examples=250, deadline=None)
@given(roots)
def test_g13_simplifying_twice_changes_nothing(schema: dict[str, Any]) -> None:
    """Simplifying a simplified schema returns it unchanged, without a report."""
    changes: list[Change] = []
    once = simplify_schema(schema, "s", [])

    assert simplify_schema(once, "s", changes) == once
    assert changes == []


@pytest.mark.parametrize(
    ("schema", "expected", "removed"),
    [
        ({"const": 1}, {"enum": [1], "type": "integer"}, ""),
        ({"const": True}, {"type": "boolean"}, "enum"),
        ({"const": None}, {}, ""),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}, ""),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}, ""),
        (
            {"type": "number", "minimum": 1, "exclusiveMinimum": True},
            {"type": "number", "minimum": 1},
            "excl",
        ),
        ({"oneOf": [{"type": "STRING"}, False]}, {"anyOf": [{"type": "string"}]}, ""),
        (
            {"type": "array", "items": [{"type": "string"}]},
            {"type": "array", "prefixItems": [{"type": "string"}]},
            "",
        ),
        (
            {"properties": {"a": True}, "required": ["a", "b", "a"]},
            {"properties": {"a": {}}, "required": ["a"], "type": "object"},
            "",
        ),
        ({"$ref": "https://elsewhere.test"}, {}, "$ref"),
        ({"$comment": "x", "examples": [1], "x-a": 1, "title": "T"}, {"title": "T"}, ""),
        ({"not": {"type": "string"}}, {}, "not"),
        (
            {"allOf": [{"type": "object", "properties": {"a": {}}}, {"properties": {"b": {}}}]},
            {"type": "object", "properties": {"a": {}, "b": {}}},
            "",
        ),
    ],
)
def test_g13_replaced_keywords(schema: dict[str, Any], expected: dict[str, Any], removed: str) -> None:
    """A keyword that another can express is replaced without a report; any other is removed and reported."""
    changes: list[Change] = []

    assert simplify_schema(schema, "s", changes) == expected
    assert bool(changes) == bool(removed)
    assert all(removed in change.reason for change in changes)


def test_g13_recursive_references_are_kept() -> None:
    """A recursive definition stays recursive, even if keywords stand next to its references."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node", "description": "or none"}}}
    out = simplify_schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, "s", [])

    assert out["$ref"] == "#/$defs/Node"
    assert out["$defs"]["Node"]["properties"]["next"] == {"$ref": "#/$defs/Node"}
