"""The content log: requests and responses are stored encrypted, for the configured time, if enabled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import ADMIN, bearer, build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

PROMPT, RESPONSE = "CANARY-question", "CANARY-answer"
BODY = {"model": "fast", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 20}


async def read_content(client: httpx.AsyncClient, id: str) -> httpx.Response:
    return await client.get(f"/admin/logs/{id}/content", headers=bearer(ADMIN))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("hours", [0, 1])
def test_content_is_stored_encrypted_for_the_configured_time(
    hours: int, stream: bool, tmp_path: Path
) -> None:
    """With an hour configured, the administrator can read a call's content for an hour.

    Each read has an audit entry. The store never contains plain text, and nothing without the setting.
    """
    clock = FakeClock()
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text=RESPONSE))
        services = build_services(tmp_path, provider, clock=clock, keep_content=hours * 3_600.0)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[httpx.Response], str, Any]:
            response = await client.post("/v1/chat/completions", json={**BODY, "stream": stream})
            name = response.headers["x-request-id"]
            responses = [await read_content(client, name)]
            clock.time += 1
            responses.append(await read_content(client, "another"))
            clock.time += 3_598
            responses.append(await read_content(client, name))
            clock.time += 2
            responses.append(await read_content(client, name))
            audit = (await client.get("/admin/audit", headers=bearer(ADMIN))).json()["data"]
            return responses, repr(services.store._documents), audit  # type: ignore[attr-defined]

        responses, store, audit = run_with_client(services, scenario)

    assert [each.status_code for each in responses] == ([200, 404, 200, 404] if hours else [404] * 4)
    assert "CANARY" not in store
    assert [each["action"] for each in audit] == ["content.read"] * (2 * hours)
    if hours:
        assert responses[0].json()["request"]["messages"] == BODY["messages"]
        assert RESPONSE in str(responses[0].json()["answer"])


def test_content_that_is_too_large_is_reported(tmp_path: Path) -> None:
    """If the content exceeds a document, its size is stored, and the client gets its response."""
    import os

    long = os.urandom(400_000).hex()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, keep_content=3_600.0)

        async def scenario(client: httpx.AsyncClient) -> tuple[int, Any]:
            body = {**BODY, "messages": [{"role": "user", "content": long}]}
            response = await client.post("/v1/chat/completions", json=body)
            return response.status_code, (await read_content(client, response.headers["x-request-id"])).json()

        status, content = run_with_client(services, scenario)

    assert status == 200
    assert set(content) == {"too_large"}
