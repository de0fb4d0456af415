"""Targets that cannot carry a request: they are passed over, and never hide why the others failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
# What provider `one` (OpenAI) can carry and provider `two` (Anthropic) cannot.
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": [SOUND]}]}),
    "responses": ("/v1/responses", {"input": [{"role": "user", "content": [SOUND]}]}),
}
DOWN = FakeResponse(503, {"error": {"message": "down"}})


def post(
    folder: Path, provider: FakeProvider, path: str, body: dict[str, Any], **headers: str
) -> httpx.Response:
    """Return the gateway's response to one request."""
    services = build_services(folder, provider, backoff=0.001)
    return run_with_client(services, lambda client: client.post(path, json=body, headers=headers))


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("api", REQUESTS)
def test_an_incapable_primary_is_passed_over(
    tmp_path: Path, provider: FakeProvider, api: str, stream: bool
) -> None:
    """If the first target cannot carry the request, the next one answers, in one attempt."""
    path, body = REQUESTS[api]
    response = post(tmp_path, provider, path, {**body, "model": "turned", "stream": stream})

    assert response.status_code == 200, response.text
    assert [request.model for request in provider.requests] == ["gpt-fake"]
    assert response.headers["x-vaultedge-attempts"] == "1"


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("api", REQUESTS)
def test_an_incapable_fallback_does_not_hide_the_failure(
    tmp_path: Path, provider: FakeProvider, api: str, stream: bool
) -> None:
    """If the primary failed, the client gets that failure; `attempts` lists the fallback and its reason."""
    provider.script("gpt-fake", DOWN)
    path, body = REQUESTS[api]
    response = post(tmp_path, provider, path, {**body, "model": "fast", "stream": stream})

    assert response.status_code == 502
    assert {request.model for request in provider.requests} == {"gpt-fake"}
    *failed, skipped = response.json()["error"]["attempts"]
    assert {(entry["provider"], entry["status"]) for entry in failed} == {("one", 503)}
    assert (skipped["provider"], skipped["status"]) == ("two", None)
    assert "input_audio" in skipped["reason"]


@pytest.mark.parametrize("api", REQUESTS)
def test_no_capable_target_is_the_clients_error(tmp_path: Path, provider: FakeProvider, api: str) -> None:
    """If no target can carry the request, the client gets a 400 that names the field; nothing is called."""
    path, body = REQUESTS[api]
    response = post(tmp_path, provider, path, {**body, "model": "two/claude-fake"})

    assert response.status_code == 400
    assert "input_audio" in response.json()["error"]["message"]
    assert provider.requests == []


def test_strict_mode_passes_over_targets_that_lose_something(tmp_path: Path, provider: FakeProvider) -> None:
    """In strict mode a target that would lose a field is passed over for one that keeps it."""
    body = {"model": "turned", "messages": [{"role": "user", "content": "hi"}], "seed": 7}
    lenient = post(tmp_path, provider, "/v1/chat/completions", body)
    strict = post(tmp_path, provider, "/v1/chat/completions", body, **{"x-vaultedge-strict": "true"})

    assert [request.model for request in provider.requests] == ["claude-fake", "gpt-fake"]
    assert (lenient.status_code, strict.status_code) == (200, 200)
