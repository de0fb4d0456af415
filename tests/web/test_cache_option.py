"""The option `cache` of routes: marks for clients that send none, on every client API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, bearer, run_simulated
from vaultcore.simulators.server import Simulator

DIALECTS = {"anthropic": "anthropic", "bedrock": "bedrock"}
MODELS = {
    "anthropic": "anthropic/claude-sonnet-4-5",
    "bedrock": "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
RULES = "Answer in one word."
# Client API -> path, fields of every request, field of the turns, and three turns.
APIS: dict[str, tuple[str, dict[str, Any], str, list[dict[str, Any]]]] = {
    "chat": (
        "/v1/chat/completions",
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]},
        "messages",
        [
            {"role": "system", "content": RULES},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
    ),
    "messages": (
        "/v1/messages",
        {"max_tokens": 50, "system": RULES, "tools": [{"name": "weather", "input_schema": SCHEMA}]},
        "messages",
        [
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
    ),
    "responses": (
        "/v1/responses",
        {"instructions": RULES, "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}]},
        "input",
        [
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
    ),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        {
            "systemInstruction": {"parts": [{"text": RULES}]},
            "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
        },
        "contents",
        [
            {"role": "user", "parts": [{"text": "One"}]},
            {"role": "model", "parts": [{"text": "Two"}]},
            {"role": "user", "parts": [{"text": "Three"}]},
        ],
    ),
}


def marks(value: object) -> int:
    text = json.dumps(value)
    return text.count('"cachePoint"') + text.count('"cache_control"')


async def post(client: httpx.AsyncClient, api: str, model: str, turns: int) -> None:
    path, fields, name, talk = APIS[api]
    body = {**fields, name: talk[: len(talk) - turns]}
    body |= {} if "{model}" in path else {"model": model}
    response = await client.post(path.replace("{model}", model), json=body)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("api", APIS)
def test_t8_a_route_places_marks_of_its_own(tmp_path: Path, api: str, provider: str) -> None:
    """A route with `cache: auto` marks requests without marks; a longer conversation repeats the marked
    prefix. The same model by its own name, and a route with `cache: client`, get no marks."""

    async def scenario(
        client: httpx.AsyncClient, simulators: Mapping[str, Simulator]
    ) -> list[dict[str, Any]]:
        routes = {
            "cached": {"primary": MODELS[provider], "cache": "auto"},
            "plain": {"primary": MODELS[provider], "cache": "client"},
        }
        stored = await client.put("/admin/routes", json={"models": routes}, headers=bearer(ADMIN))
        assert stored.status_code == 200, stored.text
        for model, left_out in (("cached", 2), ("cached", 0), ("plain", 0), (MODELS[provider], 0)):
            await post(client, api, model, left_out)
        return [request.body for request in simulators[provider].script.requests]

    first, second, *others = run_simulated(tmp_path, DIALECTS, scenario)

    assert marks(first) > 0
    assert second["system"] == first["system"]
    for tools in ("tools", "toolConfig"):
        assert second.get(tools) == first.get(tools)
    assert second["messages"][0] == first["messages"][0]
    assert [marks(body) for body in others] == [0, 0]
