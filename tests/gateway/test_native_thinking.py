"""Thinking in a Messages request to Claude, if a route sends it to another model than the client named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

Json = dict[str, Any]
BUDGET: Json = {"thinking": {"type": "enabled", "budget_tokens": 4_000}}
ADAPTIVE: Json = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}


def send(folder: Path, provider: FakeProvider, model: str, fields: Json) -> httpx.Response:
    """Return the response to a Messages request, whose first target may be down."""
    overlay = folder / "thinking.yaml"
    overlay.write_text(
        f"""
providers:
  anthropic: {{base_url: "{provider.base_url}", local: true}}
models:
  later: {{primary: anthropic/claude-opus-4-8}}
  earlier: {{primary: anthropic/claude-sonnet-4-5}}
  down: {{primary: anthropic/claude-sonnet-4-5, fallbacks: [anthropic/claude-opus-4-8]}}
"""
    )
    keys = [("anthropic", "sk-ant-0123456789")]
    services = build_services(folder, provider, keys=keys, backoff=0.001, providers_file=overlay)
    turns = [{"role": "user", "content": "Hi"}]
    body = {"model": model, "max_tokens": 9_000, "messages": turns, **fields}
    headers = {"x-vaultedge-explain": "1"}
    return run_with_client(services, lambda client: client.post("/v1/messages", json=body, headers=headers))


@pytest.mark.parametrize("model", ["later", "down"])
def test_a27_a_budget_becomes_an_effort_where_only_that_is_accepted(tmp_path: Path, model: str) -> None:
    """A route or fallback to a model that chooses its own budget sends adaptive thinking and an effort."""
    with FakeProvider() as provider:
        provider.script("claude-sonnet-4-5", FakeResponse(status=529))
        response = send(tmp_path, provider, model, BUDGET)

    body = provider.requests[-1].body
    assert response.status_code == 200
    assert body["model"] == "claude-opus-4-8"
    assert body["thinking"]["type"] == "adaptive"
    assert body["output_config"] == {"effort": "high"}


def test_a26_adaptive_thinking_becomes_a_budget_where_only_that_is_accepted(tmp_path: Path) -> None:
    """A route to a model with budgets sends a budget of the size of the effort."""
    with FakeProvider() as provider:
        send(tmp_path, provider, "earlier", ADAPTIVE)

    body = provider.requests[-1].body
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2_048}
    assert "output_config" not in body


@pytest.mark.parametrize("name", ["claude-opus-4-8", "anthropic/claude-opus-4-8"])
def test_a27_the_model_that_the_client_named_gets_its_own_words(tmp_path: Path, name: str) -> None:
    """If the client named the model, its `thinking` passes unchanged, and Anthropic judges it."""
    with FakeProvider() as provider:
        send(tmp_path, provider, name, BUDGET)

    assert provider.requests[-1].body["thinking"] == BUDGET["thinking"]
    assert "output_config" not in provider.requests[-1].body
