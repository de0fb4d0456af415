"""Simulated providers that are asked for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from vaultcore.simulators.sample import sample, schema_in
from vaultcore.simulators.server import Simulator, simulated

CLOSED: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
MADE = {"city": "a city", "days": [3]}
QUESTION: Any = [{"role": "user", "content": "where?"}]


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Simulator]]:
    with simulated({"one": "openai", "two": "anthropic"}) as running:
        yield running


def asked(provider: Simulator, path: str, body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {provider.key}", "anthropic-version": "2023-06-01"}
    return httpx.post(f"{provider.base_url}{path}", json=body, headers=headers, trust_env=False)


def openai_body(schema: Any, *, strict: bool = True) -> Any:
    told = {"name": "place", "schema": schema, "strict": strict}
    form = {"type": "json_schema", "json_schema": told}
    return {"model": "gpt-4o", "messages": QUESTION, "response_format": form}


def anthropic_body(schema: Any) -> Any:
    told = {"format": {"type": "json_schema", "schema": schema}}
    return {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": QUESTION, "output_config": told}


def test_a_schema_is_obeyed(providers: dict[str, Simulator]) -> None:
    """Whoever asks for JSON by a schema gets an object that it allows."""
    one = asked(providers["one"], "/chat/completions", openai_body(CLOSED)).json()
    two = asked(providers["two"], "/messages", anthropic_body(CLOSED)).json()

    assert json.loads(one["choices"][0]["message"]["content"]) == MADE
    assert json.loads(two["content"][0]["text"]) == MADE


def test_a_schema_in_words_is_obeyed(providers: dict[str, Simulator]) -> None:
    """A schema among the instructions counts as well."""
    body = {
        "model": "claude-x",
        "max_tokens": 100,
        "messages": QUESTION,
        "system": f"obey {json.dumps(CLOSED)}",
    }

    told = asked(providers["two"], "/messages", body).json()

    assert json.loads(told["content"][0]["text"]) == MADE


@pytest.mark.parametrize(
    "schema",
    [
        {name: value for name, value in CLOSED.items() if name != "additionalProperties"},
        {**CLOSED, "required": ["city"]},
    ],
    ids=["open", "optional"],
)
def test_a_strict_schema_is_checked(providers: dict[str, Simulator], schema: Any) -> None:
    """The OpenAI-style provider refuses a strict schema that is open or has optional properties."""
    assert asked(providers["one"], "/chat/completions", openai_body(schema)).status_code == 400
    assert asked(providers["one"], "/chat/completions", openai_body(schema, strict=False)).status_code == 200


@pytest.mark.parametrize(
    "inner",
    [{"type": "object", "properties": {}}, {"type": "integer", "minimum": 1}],
    ids=["open", "bounded"],
)
def test_an_unsupported_schema_is_refused(providers: dict[str, Simulator], inner: Any) -> None:
    """The Anthropic-style provider refuses open objects and bounds, however deep they are."""
    schema = {**CLOSED, "properties": {"city": {"type": "array", "items": inner}}}

    assert asked(providers["two"], "/messages", anthropic_body(schema)).status_code == 400


def test_samples_follow_references_and_branches() -> None:
    """References, unions, constants and lists of types lead to a value; a schema inside itself to an end."""
    schema: Any = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "properties": {
            "node": {"$ref": "#/$defs/node"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "maybe": {"type": ["boolean", "null"]},
            "fixed": {"const": 7},
        },
    }

    made = sample(schema)

    assert (made["either"], made["maybe"], made["fixed"]) == (3, True, 7)
    assert isinstance(made["node"], dict)


def test_words_without_a_schema_hold_none() -> None:
    """Braces that are no schema do not count, and of two schemas the last does."""
    assert schema_in('be {brief}, like {"a": 1}') is None
    assert schema_in('{"properties": {"a": {}}} or {"properties": {"b": {}}}') == {"properties": {"b": {}}}
