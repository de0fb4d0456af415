"""The size limit of a chat request."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.settings import Settings

LAMBDA_LIMIT = 6 * 1024 * 1024  # bytes of one synchronous event


def test_x28_a_body_over_the_limit_is_rejected(tmp_path: Path) -> None:
    """A body over the limit gets a 413 error that names the limit, and no provider is called."""

    async def post(client: httpx.AsyncClient) -> httpx.Response:
        body = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "x" * 2_000}]}
        return await client.post("/v1/chat/completions", json=body)

    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, post, max_body=1_000)

        assert response.status_code == 413
        assert response.json()["error"]["code"] == "request_too_large"
        assert "1000" in response.json()["error"]["message"].replace(",", "")
        assert provider.requests == []


def test_x28_the_default_limit_is_below_lambdas() -> None:
    """The default limit is below the size of one synchronous Lambda event."""
    assert Settings().max_body < LAMBDA_LIMIT
