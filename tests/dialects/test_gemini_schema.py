"""Schemas as Gemini takes them: whatever goes in, only what the API knows comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.dialects import Change
from vaultcore.dialects.gemini.schema import KNOWN, sanitised
from vaultcore.simulators.gemini_rules import check_schema

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "a", "b", "date-time"])
)
references = st.sampled_from(["#/$defs/A", "#/definitions/B", "#/$defs/Gone", "#", "https://x.test/s", 7])
KEYWORDS = (
    *("type", "format", "title", "description", "enum", "const", "default", "examples", "$schema", "$id"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "pattern"),
    *("required", "nullable", "uniqueItems", "readOnly", "x-order", "contentEncoding", "propertyOrdering"),
)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas of a few keywords, right and wrong, whose inner ones are of `inner`."""
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


schemas: st.SearchStrategy[Any] = st.recursive(st.one_of(st.just({}), scalars), grown, max_leaves=6)
roots = st.builds(
    lambda root, a, b: {**root, "$defs": {"A": a}, "definitions": {"B": b}},
    grown(schemas),
    grown(schemas),
    grown(schemas),
)


def keywords(schema: Any) -> set[str]:
    """Every keyword of a schema and of those inside it."""
    found = set(schema)
    for key in ("properties", "$defs"):
        for inner in (schema.get(key) or {}).values():
            found |= keywords(inner)
    for key in ("anyOf", "prefixItems"):
        for inner in schema.get(key) or []:
            found |= keywords(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found |= keywords(schema[key])
    return found


@settings(max_examples=250, deadline=None)
@given(roots)
def test_g13_nothing_unknown_comes_out(schema: dict[str, Any]) -> None:
    """Whatever a schema holds, every keyword of what is sent is one the API knows, and it is JSON."""
    out = sanitised(schema, "s", [])

    assert keywords(out) <= KNOWN
    check_schema(out, "s")
    json.dumps(out)


@settings(max_examples=250, deadline=None)
@given(roots)
def test_g13_a_second_time_changes_nothing(schema: dict[str, Any]) -> None:
    """What is sent is a fixpoint: sanitising it again gives the same, and loses nothing more."""
    changes: list[Change] = []
    once = sanitised(schema, "s", [])

    assert sanitised(once, "s", changes) == once
    assert changes == []


@pytest.mark.parametrize(
    ("schema", "expected", "lost"),
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
def test_g13_rewordings(schema: dict[str, Any], expected: dict[str, Any], lost: str) -> None:
    """What the API says in other words is put so without a report; what nothing can say is reported."""
    changes: list[Change] = []

    assert sanitised(schema, "s", changes) == expected
    assert bool(changes) == bool(lost)
    assert all(lost in change.reason for change in changes)


def test_g13_references_lead_on() -> None:
    """A definition that leads back to itself stays one, whatever stands beside its references."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node", "description": "or none"}}}
    out = sanitised({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, "s", [])

    assert out["$ref"] == "#/$defs/Node"
    assert out["$defs"]["Node"]["properties"]["next"] == {"$ref": "#/$defs/Node"}
