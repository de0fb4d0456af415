"""The admin API, idempotency and alerts through the functions, with the template's permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.deploy.admin_requests import create_key, wait_for_rows
from tests.deploy.conftest import Deployment
from tests.fakes.provider import FakeResponse

PLENTY = {"rate_limit_rpm": 1_000_000}
READ = (
    "config",
    "health",
    "providers",
    "models",
    "keys",
    "limits",
    "routes",
    "usage",
    "logs",
    "alerts",
    "audit",
)
ROUTE = {"models": {"named-here": {"primary": "openai/gpt-4o-mini"}}}


@pytest.fixture
def admin(deployed: Deployment) -> Iterator[httpx.Client]:
    with deployed.stack.admin() as client:
        yield client


def send(client: httpx.Client, method: str, path: str, body: object = None) -> Any:
    """Send an admin request that must succeed; return the response body."""
    response = client.request(method, f"/admin/{path}", json=body)
    assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text}"
    return response.json()


@pytest.mark.parametrize("path", READ)
def test_every_admin_list_is_readable(path: str, admin: httpx.Client) -> None:
    """The admin function can read every list of the admin API."""
    assert send(admin, "GET", path) is not None


def test_create_change_credit_rotate_and_revoke(admin: httpx.Client) -> None:
    """A key is created, changed, credited, rotated and revoked, and the audit log has each step."""
    name = create_key(admin, owner="the shop", credits_usd=1)["id"]
    send(admin, "PATCH", f"keys/{name}", {"rate_limit_rpm": 7})
    credited = send(admin, "POST", f"keys/{name}/credits", {"amount_usd": 5, "reason": "invoice 7"})
    rotated = send(admin, "POST", f"keys/{name}/rotate", {"grace_seconds": 60})
    send(admin, "DELETE", f"keys/{name}")
    entries = send(admin, "GET", f"audit?subject={name}")["data"]

    assert (credited["credits_usd"], rotated["rate_limit_rpm"]) == (6, 7)
    assert send(admin, "GET", f"keys/{name}")["state"] == "revoked"
    assert len({each["action"] for each in entries}) >= 4


def test_limits_and_routes_take_effect(deployed: Deployment, admin: httpx.Client) -> None:
    """Limits and routes set by an administrator apply in the data plane."""
    key = create_key(admin, owner="the shop")["key"]
    send(admin, "PUT", "limits/gateway", PLENTY)
    send(admin, "PUT", "limits/owners/the shop", PLENTY)
    send(admin, "PUT", "routes", ROUTE)
    body = {"model": "named-here", "messages": [{"role": "user", "content": "hi"}]}
    with deployed.stack.web(key) as client:

        def successful_responses() -> list[httpx.Response]:
            response = client.post("/v1/chat/completions", json=body)
            return [response] if response.status_code == 200 else []

        assert wait_for_rows(successful_responses), client.post("/v1/chat/completions", json=body).text
    send(admin, "DELETE", "limits/owners/the shop")


def test_an_idempotency_key_replays_the_response(deployed: Deployment, admin: httpx.Client) -> None:
    """A repeated request gets the first response from any process; the provider is called once."""
    word = str(uuid4())
    body = {"model": "fast", "messages": [{"role": "user", "content": word}]}
    with deployed.stack.web(create_key(admin)["key"]) as client:
        first, second = (
            client.post("/v1/chat/completions", json=body, headers={"idempotency-key": word})
            for _ in range(2)
        )

    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert second.json() == first.json()
    assert second.headers["x-vaultedge-replayed"] == "1"
    assert sum(word.encode() in each.raw for each in deployed.openai.requests) == 1


def test_a_quota_threshold_creates_an_alert(deployed: Deployment, admin: httpx.Client) -> None:
    """At 80% of a quota the data plane stores an alert, which administrators see."""
    key = create_key(admin, token_quota=1_000)
    body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 900}
    deployed.openai.script("gpt-4o-mini", FakeResponse(usage=(10, 850)))
    with deployed.stack.web(key["key"]) as client:
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    deployed.openai.script("gpt-4o-mini", FakeResponse())

    assert len(wait_for_rows(lambda: send(admin, "GET", f"alerts?name={key['id']}")["data"])) == 1
