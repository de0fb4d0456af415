"""Structured output that the provider got as an instruction only: the gateway checks it if it is strict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.dialects import Change
from vaultcore.gateway.structured_output import matches_schema
from vaultcore.simulators.schema_values import sample_object
from vaultcore.wire import ChatCompletion, ChatRequest

EMULATED = (Change("response_format", "emulated", "instruction in the prompt: not enforced"),)
CITY = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "people": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "people"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {"kind": {"enum": ["leaf", "twig"]}, "below": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["kind", "below"],
    "additionalProperties": False,
}
LEAF: dict[str, Any] = {"kind": "leaf", "below": []}


def request_for(schema: object, *, strict: bool = True) -> ChatRequest:
    """Return a request for JSON of a schema."""
    response_format = {
        "type": "json_schema",
        "json_schema": {"name": "x", "strict": strict, "schema": schema},
    }
    return cast(ChatRequest, {"model": "m", "messages": [], "response_format": response_format})


def completion_of(content: object, finish: str = "stop") -> ChatCompletion:
    """Return a completion with this content, as JSON unless it is a string."""
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return cast(ChatCompletion, {"choices": [choice]})


@pytest.mark.parametrize(
    ("schema", "value", "matches"),
    [
        (CITY, {"name": "Ulm", "people": 126_000}, True),
        (CITY, {"name": "Ulm", "people": None}, True),
        (CITY, {"name": "", "people": 1}, False),
        (CITY, {"name": "Ulm"}, False),
        (CITY, {"name": "Ulm", "people": "many"}, False),
        (CITY, {"name": "Ulm", "people": 1.5}, False),
        (CITY, {"name": "Ulm", "people": True}, False),
        (CITY, {"name": "Ulm", "people": 1, "more": 1}, False),
        (CITY, [], False),
        (CITY, "not JSON at all", False),
        (CITY, "```json\n{}\n```", False),
        (TREE, LEAF, True),
        (TREE, {"kind": "twig", "below": [LEAF, LEAF]}, True),
        (TREE, {"kind": "twig", "below": [{"kind": "root", "below": []}]}, False),
        ({"const": 1}, True, False),
        ({"type": ["string", "null"]}, None, True),
        ({"type": "integer", "minimum": 2}, 1, False),
    ],
)
def test_a34_responses_are_checked_against_a_strict_schema(
    schema: object, value: object, matches: bool
) -> None:
    """A response matches the schema or not; booleans are not numbers, and Markdown fences are not JSON."""
    assert matches_schema(request_for(schema), EMULATED, completion_of(value)) is matches


def test_responses_are_checked_only_if_strict_and_complete() -> None:
    """Without `strict`, with native support, or after a cut response, nothing is checked."""
    assert matches_schema(request_for(CITY, strict=False), EMULATED, completion_of("no"))
    assert matches_schema(request_for(CITY), (), completion_of("no"))
    assert matches_schema(request_for(CITY), EMULATED, completion_of('{"name": "U', finish="length"))


def test_a35_emulated_json_mode_rejects_text_that_is_not_json() -> None:
    """With `json_object`, a response must be a JSON object."""
    request = cast(ChatRequest, {"response_format": {"type": "json_object"}})

    assert matches_schema(request, EMULATED, completion_of({"a": 1}))
    assert not matches_schema(request, EMULATED, completion_of("Sure! Here it is."))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/none"},
        {"type": 5},
        {"enum": 7},
        {"anyOf": 3},
        {"properties": []},
        {"minimum": "a"},
    ],
)
def test_checking_an_invalid_schema_ends(schema: object) -> None:
    """An invalid or endlessly recursive schema neither raises nor loops."""
    assert matches_schema(request_for(schema), EMULATED, completion_of({"a": [1, 2]})) in {True, False}


LEAF_SCHEMAS = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"enum": ["a", 1]}]
)
SCHEMAS = st.recursive(
    LEAF_SCHEMAS,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_a_sample_of_a_schema_matches_it(schema: dict[str, Any]) -> None:
    """A value that the simulator generates from a schema matches that schema."""
    object_schema = {"type": "object", "properties": {"it": schema}, "required": ["it"]}

    assert matches_schema(request_for(object_schema), EMULATED, completion_of(sample_object(object_schema)))


def test_a_response_that_breaks_the_schema_goes_to_the_next_target(tmp_path: Path) -> None:
    """If a model breaks a strict schema that was in its prompt, the fallback is tried."""
    question = {**request_for(CITY), "model": "turned", "messages": [{"role": "user", "content": "Ulm?"}]}

    async def send_request(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/chat/completions", json=question)

    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(text="Ulm is a city."))
        provider.script("gpt-fake", FakeResponse(text='{"name": "Ulm", "people": null}'))
        response = run_gateway(tmp_path, provider, send_request)

        assert response.status_code == 200
        assert response.headers["x-vaultedge-provider"] == "one"
        assert [request.model for request in provider.requests] == ["claude-fake", "gpt-fake"]
