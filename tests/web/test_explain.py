"""`/v1/explain`: the targets and the upstream request, without a provider call."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_gateway, run_with_client, write_overlay
from tests.fakes.provider import FakeProvider

BODY = {
    "model": "fast",
    "messages": [{"role": "system", "content": "short"}, {"role": "user", "content": "hi"}],
    "max_tokens": 50,
    "seed": 7,
}


def test_an_explanation_makes_no_call_and_shows_no_key(tmp_path: Path) -> None:
    """Every candidate is listed in order with its key masked, and no provider is called."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.post("/v1/explain", json=BODY))

        explanation = response.json()
        assert [(each["provider"], each["model"], each["state"]) for each in explanation["candidates"]] == [
            ("one", "gpt-fake", "ready"),
            ("two", "claude-fake", "ready"),
        ]
        assert explanation["estimate"] == {
            "prompt_tokens": 10,
            "max_completion_tokens": 50,
            "max_cost_usd": "0.00051",
        }
        assert provider.requests == []
        assert "sk-one-0123456789" not in response.text
        assert "sk-two-0123456789" not in response.text


def test_the_estimate_includes_the_providers_tools(tmp_path: Path) -> None:
    """A web search adds the most searches of a call, at their price, to the estimated cost."""
    body = {**BODY, "model": "one/gpt-fake", "web_search_options": {}}
    with FakeProvider() as provider:
        file, builtin = tmp_path / "own.yaml", write_overlay(tmp_path, provider).read_text()
        file.write_text(builtin.replace("output: 10", "output: 10, web_search: 0.01"))
        services = build_services(tmp_path, provider, providers_file=file)

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            return await client.post("/v1/explain", json=body)

        estimate = run_with_client(services, scenario).json()["estimate"]

    assert estimate["max_cost_usd"] == "0.50051"


@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_the_explained_request_is_the_real_one(model: str, tmp_path: Path) -> None:
    """The explained body equals the body of the real call, byte for byte, and its changes are counted."""
    body = {**BODY, "model": model}

    async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        explained = await client.post("/v1/explain", json=body)
        return explained, await client.post("/v1/chat/completions", json=body)

    with FakeProvider() as provider:
        explained, response = run_gateway(tmp_path, provider, scenario)

        request = explained.json()["request"]
        upstream = provider.requests[0]
        assert json.dumps(request["body"], separators=(",", ":"), ensure_ascii=False).encode() == upstream.raw
        assert request["url"].endswith(upstream.path)
        assert response.headers.get("x-vaultedge-translation", "0") == str(len(request["translation"]))


def test_unreachable_targets_are_listed(tmp_path: Path) -> None:
    """A model without a key in the vault has no candidate; the reason is in the response."""
    body = {**BODY, "model": "claude-sonnet-4-5"}
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.post("/v1/explain", json=body))

    explanation = response.json()
    assert explanation["candidates"] == []
    assert explanation["skipped"][0]["reason"] == "the vault has no key for anthropic"
    assert explanation["request"] is None


def test_an_explanation_needs_a_key(tmp_path: Path) -> None:
    """A request without a valid key is rejected."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path,
            provider,
            lambda client: client.post("/v1/explain", json=BODY, headers={"authorization": "Bearer no"}),
        )

    assert response.status_code == 401
