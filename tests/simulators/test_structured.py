"""Simulated providers with JSON output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from vaultcore.simulators.schema_values import find_schema, sample_object
from vaultcore.simulators.server import Simulator, simulated

SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
OBJECT = {"city": "a city", "days": [3]}
QUESTION: Any = [{"role": "user", "content": "where?"}]


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Simulator]]:
    with simulated({"one": "openai", "two": "anthropic"}) as running:
        yield running


def post(provider: Simulator, path: str, body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {provider.key}", "anthropic-version": "2023-06-01"}
    return httpx.post(f"{provider.base_url}{path}", json=body, headers=headers, trust_env=False)


def openai_body(schema: Any, *, strict: bool = True) -> Any:
    json_schema = {"name": "place", "schema": schema, "strict": strict}
    response_format = {"type": "json_schema", "json_schema": json_schema}
    return {"model": "gpt-4o", "messages": QUESTION, "response_format": response_format}


def anthropic_body(schema: Any) -> Any:
    output_config = {"format": {"type": "json_schema", "schema": schema}}
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": QUESTION,
        "output_config": output_config,
    }


def test_replies_match_the_schema(providers: dict[str, Simulator]) -> None:
    """A request with a schema gets an object that matches it."""
    completion = post(providers["one"], "/chat/completions", openai_body(SCHEMA)).json()
    message = post(providers["two"], "/messages", anthropic_body(SCHEMA)).json()

    assert json.loads(completion["choices"][0]["message"]["content"]) == OBJECT
    assert json.loads(message["content"][0]["text"]) == OBJECT


def test_replies_match_a_schema_in_the_prompt(providers: dict[str, Simulator]) -> None:
    """A schema in the instructions works as well."""
    body = {
        "model": "claude-x",
        "max_tokens": 100,
        "messages": QUESTION,
        "system": f"obey {json.dumps(SCHEMA)}",
    }

    message = post(providers["two"], "/messages", body).json()

    assert json.loads(message["content"][0]["text"]) == OBJECT


@pytest.mark.parametrize(
    "schema",
    [
        {name: value for name, value in SCHEMA.items() if name != "additionalProperties"},
        {**SCHEMA, "required": ["city"]},
    ],
    ids=["open", "optional"],
)
def test_a_strict_schema_is_checked(providers: dict[str, Simulator], schema: Any) -> None:
    """The OpenAI-style provider rejects a strict schema with open objects or optional properties."""
    assert post(providers["one"], "/chat/completions", openai_body(schema)).status_code == 400
    assert post(providers["one"], "/chat/completions", openai_body(schema, strict=False)).status_code == 200


@pytest.mark.parametrize(
    "inner",
    [{"type": "object", "properties": {}}, {"type": "integer", "minimum": 1}],
    ids=["open", "bounded"],
)
def test_an_unsupported_schema_is_rejected(providers: dict[str, Simulator], inner: Any) -> None:
    """The Anthropic-style provider rejects open objects and bounds at any depth."""
    schema = {**SCHEMA, "properties": {"city": {"type": "array", "items": inner}}}

    assert post(providers["two"], "/messages", anthropic_body(schema)).status_code == 400


def test_samples_follow_references_and_branches() -> None:
    """References, unions, constants and lists of types are resolved; recursion ends."""
    schema: Any = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "properties": {
            "node": {"$ref": "#/$defs/node"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "maybe": {"type": ["boolean", "null"]},
            "fixed": {"const": 7},
        },
    }

    sample = sample_object(schema)

    assert (sample["either"], sample["maybe"], sample["fixed"]) == (3, True, 7)
    assert isinstance(sample["node"], dict)


def test_find_schema() -> None:
    """The last schema of a prompt is found; braces without a schema are ignored."""
    assert find_schema('be {brief}, like {"a": 1}') is None
    assert find_schema('{"properties": {"a": {}}} or {"properties": {"b": {}}}') == {"properties": {"b": {}}}
