"""How large a chat request may be."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.fakes.gateway_app import ask_house
from tests.fakes.provider import FakeProvider
from vaultcore.settings import Settings

LAMBDA_TAKES = 6 * 1024 * 1024  # bytes of one synchronous event


def test_x28_what_lambda_cannot_take_is_refused(tmp_path: Path) -> None:
    """A body over the limit is refused with 413, what was wrong is said, and no provider is called."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        body = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "x" * 2_000}]}
        return await client.post("/v1/chat/completions", json=body)

    with FakeProvider() as provider:
        response = ask_house(tmp_path, provider, story, max_body=1_000)

        assert response.status_code == 413
        assert response.json()["error"]["code"] == "request_too_large"
        assert "1000" in response.json()["error"]["message"].replace(",", "")
        assert provider.requests == []


def test_x28_the_limit_leaves_room_for_the_event() -> None:
    """Unless somebody sets another, the limit is below what one event of Lambda's may hold."""
    assert Settings().max_body < LAMBDA_TAKES
