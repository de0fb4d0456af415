"""Where a request would go and what would be sent: told without a call, and true."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider

QUESTION = {
    "model": "fast",
    "messages": [{"role": "system", "content": "short"}, {"role": "user", "content": "hi"}],
    "max_tokens": 50,
    "seed": 7,
}


def test_an_explanation_calls_nobody_and_shows_no_key(tmp_path: Path) -> None:
    """Every candidate is told in order, with its key masked, and no provider hears of it."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.post("/v1/explain", json=QUESTION))

        told = response.json()
        assert [(each["provider"], each["model"], each["state"]) for each in told["candidates"]] == [
            ("one", "gpt-fake", "ready"),
            ("two", "claude-fake", "ready"),
        ]
        assert told["estimate"] == {
            "prompt_tokens": 10,
            "max_completion_tokens": 50,
            "max_cost_usd": "0.00051",
        }
        assert provider.requests == []
        assert "sk-one-0123456789" not in response.text
        assert "sk-two-0123456789" not in response.text


@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_what_is_explained_is_what_is_sent(model: str, tmp_path: Path) -> None:
    """The explained body is the body of the real call, byte for byte, and its changes are counted."""
    question = {**QUESTION, "model": model}

    async def story(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        explained = await client.post("/v1/explain", json=question)
        return explained, await client.post("/v1/chat/completions", json=question)

    with FakeProvider() as provider:
        explained, answered = run_gateway(tmp_path, provider, story)

        request = explained.json()["request"]
        sent = provider.requests[0]
        assert json.dumps(request["body"], separators=(",", ":"), ensure_ascii=False).encode() == sent.raw
        assert request["url"].endswith(sent.path)
        assert answered.headers.get("x-vaultedge-translation", "0") == str(len(request["translation"]))


def test_what_cannot_be_reached_is_said(tmp_path: Path) -> None:
    """A model without a key in the vault has no candidate, and the reason is told."""
    question = {**QUESTION, "model": "claude-sonnet-4-5"}
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.post("/v1/explain", json=question))

    told = response.json()
    assert told["candidates"] == []
    assert told["skipped"][0]["reason"] == "the vault holds no key for anthropic"
    assert told["request"] is None


def test_an_explanation_needs_a_key(tmp_path: Path) -> None:
    """Nobody learns of routes without the system key."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path,
            provider,
            lambda client: client.post("/v1/explain", json=QUESTION, headers={"authorization": "Bearer no"}),
        )

    assert response.status_code == 401
