"""Repeated header fields and a missing Host are errors in the format of the path's client API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gateway_app import SYSTEM, build_services, run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.app import create_app

BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/models", "/admin/api/keys"])
@pytest.mark.parametrize("name", ["Authorization", "Host", "x-api-key", "api-key"])
def test_a_repeated_header_is_rejected(name: str, path: str, tmp_path: Path) -> None:
    """A field that may occur once is a 400 error if it occurs twice, even with the same value."""
    method = "GET" if path == "/v1/models" else "POST"
    headers = [("host", "gateway"), (name, f"Bearer {SYSTEM}"), (name, f"Bearer {SYSTEM}")]

    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: client.request(method, path, json=BODY, headers=headers)
        )

        body = response.json()
        assert response.status_code == 400
        assert body["error"]["type"] == "invalid_request_error"
        assert name.lower() in body["error"]["message"]
        assert (body.get("type") == "error") == (path == "/v1/messages")
        assert provider.requests == []


def test_different_key_headers_are_accepted(tmp_path: Path) -> None:
    """One Authorization and one x-api-key are not a repetition; Anthropic's SDK can send both."""
    headers = {"x-api-key": SYSTEM}

    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: client.post("/v1/messages", json=BODY, headers=headers)
        )

        assert response.status_code == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [({"http_version": "1.1"}, 400), ({"http_version": "1.0"}, 200), ({"http_version": "2"}, 200)],
)
def test_http_1_1_requires_a_host(more: dict[str, str], status: int, tmp_path: Path) -> None:
    """A request without Host is a 400 error on HTTP/1.1 only."""
    assert asyncio.run(get_without_host(tmp_path, more)) == status


def test_a_lambda_event_needs_no_host(tmp_path: Path) -> None:
    """Lambda events of the AWS console's test have no Host and are accepted."""
    assert asyncio.run(get_without_host(tmp_path, {"http_version": "1.1", "aws.event": {}})) == 200


async def get_without_host(folder: Path, more: dict[str, Any]) -> int:
    """Return the status of GET /health without a Host field."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/health",
        "query_string": b"",
        "headers": [],
        **more,
    }
    with FakeProvider() as provider:
        services = build_services(folder, provider)
        await create_app(services)(scope, receive, send)
        await services.gateway.upstream.aclose()
        await services.store.aclose()
    return statuses[0]
