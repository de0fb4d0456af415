"""Requests to become a WebSocket, which the gateway declines so that clients go on over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider

UPGRADE = {"connection": "Upgrade", "upgrade": "WebSocket", "sec-websocket-version": "13"}


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/v1/realtime", "/v1/chat/completions"])
def test_p13_an_upgrade_is_answered_with_426(tmp_path: Path, provider: FakeProvider, path: str) -> None:
    """Codex falls back to HTTP at once after 426; after 404 or 405 it tries again several times."""

    async def get(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(path, headers=UPGRADE)

    response = run_with_client(build_services(tmp_path, provider), get)

    assert (response.status_code, response.headers["upgrade"]) == (426, "HTTP/1.1")
    assert response.json()["error"]["code"] == "websocket_not_supported"
