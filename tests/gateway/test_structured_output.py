"""Structure that a provider is only asked for in words: checked here where the client is strict about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gateway_app import ask_house
from tests.fakes.provider import Answer, FakeProvider
from vaultcore.dialects import Change
from vaultcore.gateway.structured_output import matches_schema
from vaultcore.simulators.sample import sample
from vaultcore.wire import ChatCompletion, ChatRequest

TOLD = (Change("response_format", "emulated", "asked for in words: not enforced"),)
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


def asked(schema: object, *, strict: bool = True) -> ChatRequest:
    told = {"type": "json_schema", "json_schema": {"name": "x", "strict": strict, "schema": schema}}
    return cast(ChatRequest, {"model": "m", "messages": [], "response_format": told})


def said(content: object, finish: str = "stop") -> ChatCompletion:
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return cast(ChatCompletion, {"choices": [choice]})


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
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
def test_a34_a_strict_schema_is_held_to(schema: object, value: object, fits: bool) -> None:
    """An answer fits the schema, or it does not; bools are no numbers, and fences are no JSON."""
    assert matches_schema(asked(schema), TOLD, said(value)) is fits


def test_only_what_was_promised_is_checked() -> None:
    """Without `strict`, with native support, or where the answer was cut, nobody is held to anything."""
    assert matches_schema(asked(CITY, strict=False), TOLD, said("no"))
    assert matches_schema(asked(CITY), (), said("no"))
    assert matches_schema(asked(CITY), TOLD, said('{"name": "U', finish="length"))


def test_a35_json_mode_in_words_is_checked_for_json() -> None:
    """Who asked for a JSON object and was given prose is not given that prose."""
    request = cast(ChatRequest, {"response_format": {"type": "json_object"}})

    assert matches_schema(request, TOLD, said({"a": 1}))
    assert not matches_schema(request, TOLD, said("Sure! Here it is."))


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
def test_a_schema_that_nobody_can_check_ends(schema: object) -> None:
    """A schema that makes no sense or never ends is no reason to fail, and no reason to go on for ever."""
    assert matches_schema(asked(schema), TOLD, said({"a": [1, 2]})) in {True, False}


WORDS = st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"enum": ["a", 1]}])
SCHEMAS = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(
            lambda named: {
                "type": "object",
                "properties": named,
                "required": list(named),
                "additionalProperties": False,
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_a_sample_of_a_schema_fits_it(schema: dict[str, Any]) -> None:
    """What another program makes of a schema is found to fit it."""
    whole = {"type": "object", "properties": {"it": schema}, "required": ["it"]}

    assert matches_schema(asked(whole), TOLD, said(sample(whole)))


def test_an_answer_beside_the_schema_goes_to_the_next_target(tmp_path: Path) -> None:
    """A model that is told a strict schema in words and answers in prose makes way for the fallback."""
    question = {**asked(CITY), "model": "turned", "messages": [{"role": "user", "content": "Ulm?"}]}

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/chat/completions", json=question)

    with FakeProvider() as provider:
        provider.script("claude-fake", Answer(text="Ulm is a city."))
        provider.script("gpt-fake", Answer(text='{"name": "Ulm", "people": null}'))
        response = ask_house(tmp_path, provider, story)

        assert response.status_code == 200
        assert response.headers["x-vaultedge-provider"] == "one"
        assert [request.model for request in provider.requests] == ["claude-fake", "gpt-fake"]
