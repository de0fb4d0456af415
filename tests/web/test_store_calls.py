"""How often the store is asked for one request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider

QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


class Asked:
    """Notes the store's methods in the order they are called, with what happens between."""

    def __init__(self, store: Any, notes: list[str]) -> None:
        self._store, self._notes = store, notes

    def __getattr__(self, name: str) -> Any:
        async def asked(*given: Any, **named: Any) -> Any:
            self._notes.append(name)
            return await getattr(self._store, name)(*given, **named)

        return asked


@pytest.mark.parametrize("stream", [False, True])
def test_two_calls_before_and_one_after(stream: bool, tmp_path: Path) -> None:
    """A key that is new to a process costs a look and a reservation before a provider is asked, a settlement
    after; then only the last two; the system key of a gateway without limits only the last."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        notes: list[str] = []

        async def story(client: httpx.AsyncClient) -> list[list[str]]:
            token = await issue_key(services, rpm=10, tpm=10_000, tokens=10_000, credits=10**9, parallel=5)
            asked: Any = Asked(services.store, notes)
            services.limiter._store = services.authenticator._snapshots._store = asked
            found = []
            for headers in (bearer(token), bearer(token), {}, {}):
                notes.clear()
                body = {**QUESTION, "stream": stream}
                response = await client.post("/v1/chat/completions", json=body, headers=headers)
                assert response.status_code == 200
                found.append([*notes])
            return found

        found = run_with_client(services, story)

    assert found == [["get", "reserve", "settle"], ["reserve", "settle"], ["get", "settle"], ["settle"]]
    assert Counter(request.model for request in provider.requests) == {"gpt-fake": 4}
