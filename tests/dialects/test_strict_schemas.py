"""JSON schemas of clients whose API enforces every schema, by OpenAI's rules for `strict`."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.client_apis import gemini, messages
from vaultcore.dialects import Change
from vaultcore.dialects.strict_schemas import adapt_strict, strict_schema
from vaultcore.simulators.strict_schema import open_objects, optional_properties

TEXT = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}


def object_of(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    fields = {} if required is None else {"required": required}
    return {"type": "object", "properties": properties, **fields}


CLOSED = {"additionalProperties": False}
STRICT = {
    "closed": (object_of(["a"], a=TEXT), object_of(["a"], a=TEXT) | CLOSED),
    "nullable instead of optional": (
        object_of(["a"], a=TEXT, b=NULLABLE),
        object_of(["a", "b"], a=TEXT, b=NULLABLE) | CLOSED,
    ),
    "inner objects": (
        object_of(["a"], a={"type": "array", "items": object_of(["b"], b=TEXT)}),
        object_of(["a"], a={"type": "array", "items": object_of(["b"], b=TEXT) | CLOSED}) | CLOSED,
    ),
    "annotations": (
        object_of(["a"], a={"type": "integer", "format": "int32", "default": 3}),
        object_of(["a"], a={"type": "integer"}) | CLOSED,
    ),
    "words": (
        object_of(["a"], a={"enum": ["x"]}),
        object_of(["a"], a={"type": "string", "enum": ["x"]}) | CLOSED,
    ),
    "references": (
        {
            **object_of(["a"], a={"$ref": "#/$defs/B", "description": "b"}),
            "$defs": {"B": object_of(["c"], c=TEXT)},
        },
        {
            **object_of(["a"], a={"$ref": "#/$defs/B"}),
            "$defs": {"B": object_of(["c"], c=TEXT) | CLOSED},
            **CLOSED,
        },
    ),
}
NOT_STRICT = {
    "an optional property": object_of(["a"], a=TEXT, b=TEXT),
    "no required properties": object_of(a=TEXT),
    "a map": {"type": "object", "additionalProperties": TEXT},
    "any object": {"type": "object"},
    "a list": {"type": "array", "items": TEXT},
    "any value": object_of(["a"], a={}),
    "a keyword": object_of(["a"], a={"type": "string", "minLength": 3}),
    "a combination": object_of(["a"], a={"allOf": [TEXT]}),
    "a bound beside a reference": object_of(["a"], a={"$ref": "#/$defs/B", "pattern": "x"}),
    "any items": object_of(["a"], a={"type": "array"}),
}


@pytest.mark.parametrize("name", STRICT)
def test_o4_a_schema_gets_its_strict_form(name: str) -> None:
    """The strict form accepts no value that the schema rejects, and requires nothing that may be absent."""
    schema, expected = STRICT[name]
    strict = strict_schema(schema)

    assert strict == expected
    assert [*open_objects(strict), *optional_properties(strict)] == []
    assert strict_schema(expected) == expected


@pytest.mark.parametrize("name", NOT_STRICT)
def test_o4_other_schemas_are_not_strict(name: str) -> None:
    """A schema whose meaning would change is sent without `strict`, which is reported."""
    schema = NOT_STRICT[name]
    described = {"name": "answer", "schema": schema, "strict": True}
    changes: list[Change] = []
    request: Any = {"response_format": {"type": "json_schema", "json_schema": described}}
    adapted: Any = adapt_strict(request, changes)

    assert strict_schema(schema) is None
    assert adapted["response_format"]["json_schema"] == {**described, "strict": False}
    assert [(change.path, change.kind) for change in changes] == [("response_format", "emulated")]
    assert described["strict"], "the client's request is unchanged"


def test_o4_strict_tools_are_adapted() -> None:
    """A strict tool gets a strict schema, or loses `strict`; others stay as they are."""
    tools = [
        {"type": "function", "function": {"name": "a", "parameters": schema, "strict": strict}}
        for schema, strict in (
            (STRICT["closed"][0], True),
            (NOT_STRICT["an optional property"], True),
            (NOT_STRICT["an optional property"], False),
        )
    ]
    changes: list[Change] = []
    request: Any = {"tools": tools}
    adapted: Any = adapt_strict(request, changes)

    assert [tool["function"]["strict"] for tool in adapted["tools"]] == [True, False, False]
    assert adapted["tools"][0]["function"]["parameters"] == STRICT["closed"][1]
    assert [change.path for change in changes] == ["tools[1].strict"]


def test_o4_google_and_anthropic_promise_their_schemas() -> None:
    """A schema of a Gemini or a Messages client is strict until a target cannot enforce it."""
    config = {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}}
    contents = [{"parts": [{"text": "a"}]}]
    google = gemini.parse_request({"model": "m", "contents": contents, "generationConfig": config})
    fields = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    output = {"format": {"type": "json_schema", "schema": TEXT}}
    anthropic = messages.parse_request({**fields, "output_config": output})

    assert google["response_format"]["json_schema"]["strict"] is True
    assert anthropic["response_format"]["json_schema"]["strict"] is True
