"""What was said is kept where the operator asks for that, for as long as asked, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import ADMIN, bearer, build_services, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider

SAID, TOLD = "CANARY-question", "CANARY-answer"
QUESTION = {"model": "fast", "messages": [{"role": "user", "content": SAID}], "max_tokens": 20}


async def kept(client: httpx.AsyncClient, id: str) -> httpx.Response:
    return await client.get(f"/admin/logs/{id}/content", headers=bearer(ADMIN))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("hours", [0, 1])
def test_content_is_kept_for_its_time_and_encrypted(hours: int, stream: bool, tmp_path: Path) -> None:
    """With an hour, the administrator reads request and answer for an hour, audit_entry each time; the store
    never holds a word of them, and without one nothing is kept."""
    clock = FakeClock()
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text=TOLD))
        services = build_services(tmp_path, provider, clock=clock, keep_content=hours * 3_600.0)

        async def story(client: httpx.AsyncClient) -> tuple[list[httpx.Response], str, Any]:
            asked = await client.post("/v1/chat/completions", json={**QUESTION, "stream": stream})
            name = asked.headers["x-request-id"]
            found = [await kept(client, name)]
            clock.time += 1
            found.append(await kept(client, "another"))
            clock.time += 3_598
            found.append(await kept(client, name))
            clock.time += 2
            found.append(await kept(client, name))
            audit = (await client.get("/admin/audit", headers=bearer(ADMIN))).json()["data"]
            return found, repr(services.store._documents), audit  # type: ignore[attr-defined]

        found, store, audit = run_with_client(services, story)

    assert [each.status_code for each in found] == ([200, 404, 200, 404] if hours else [404] * 4)
    assert "CANARY" not in store
    assert [each["action"] for each in audit] == ["content.read"] * (2 * hours)
    if hours:
        assert found[0].json()["request"]["messages"] == QUESTION["messages"]
        assert TOLD in str(found[0].json()["answer"])


def test_what_is_too_large_is_said_to_be(tmp_path: Path) -> None:
    """A request beyond what a document holds leaves its size behind, and the answer goes out as ever."""
    import os

    long = os.urandom(400_000).hex()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, keep_content=3_600.0)

        async def story(client: httpx.AsyncClient) -> tuple[int, Any]:
            body = {**QUESTION, "messages": [{"role": "user", "content": long}]}
            asked = await client.post("/v1/chat/completions", json=body)
            return asked.status_code, (await kept(client, asked.headers["x-request-id"])).json()

        status, told = run_with_client(services, story)

    assert status == 200
    assert set(told) == {"too_large"}
