"""The number of store calls for one request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider

BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


class RecordingStore:
    """Records the names of the store's methods in the order of their calls."""

    def __init__(self, store: Any, calls: list[str]) -> None:
        self._store, self._calls = store, calls

    def now(self) -> float:
        return float(self._store.now())

    def __getattr__(self, name: str) -> Any:
        async def record(*arguments: Any, **options: Any) -> Any:
            self._calls.append(name)
            return await getattr(self._store, name)(*arguments, **options)

        return record


@pytest.mark.parametrize("stream", [False, True])
def test_store_calls_of_one_request(stream: bool, tmp_path: Path) -> None:
    """A key that is new to a process needs a read and a reservation before the provider call, and a
    settlement after it. A known key needs the last two; the system key of a gateway without limits only
    the last."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        calls: list[str] = []

        async def scenario(client: httpx.AsyncClient) -> list[list[str]]:
            token = await issue_key(services, rpm=10, tpm=10_000, tokens=10_000, credits=10**9, parallel=5)
            store: Any = RecordingStore(services.store, calls)
            services.admission.limiter._store = services.authenticator._snapshots._store = store
            calls_by_request = []
            for headers in (bearer(token), bearer(token), {}, {}):
                calls.clear()
                body = {**BODY, "stream": stream}
                response = await client.post("/v1/chat/completions", json=body, headers=headers)
                assert response.status_code == 200
                calls_by_request.append([*calls])
            return calls_by_request

        calls_by_request = run_with_client(services, scenario)

    assert calls_by_request == [
        ["get", "reserve", "settle"],
        ["reserve", "settle"],
        ["get", "settle"],
        ["settle"],
    ]
    assert Counter(request.model for request in provider.requests) == {"gpt-fake": 4}
