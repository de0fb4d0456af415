"""What reads and writes the table, through the functions, with the rights that the template gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.deploy.asking import eventually, made
from tests.deploy.conftest import Deployment
from tests.fakes.provider import Answer

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


def asked(client: httpx.Client, method: str, path: str, body: object = None) -> Any:
    """The answer to a request that has to be done."""
    answer = client.request(method, f"/admin/{path}", json=body)
    assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


@pytest.mark.parametrize("path", READ)
def test_administrators_may_look_at_everything(path: str, admin: httpx.Client) -> None:
    """Every list of the admin API can be read by the admin function."""
    assert asked(admin, "GET", path) is not None


def test_a_key_has_its_whole_life(admin: httpx.Client) -> None:
    """A key is made, changed, paid for, rotated and revoked, and each of these is in the audit."""
    name = made(admin, owner="the shop", credits_usd=1)["id"]
    asked(admin, "PATCH", f"keys/{name}", {"rate_limit_rpm": 7})
    paid = asked(admin, "POST", f"keys/{name}/credits", {"amount_usd": 5, "reason": "invoice 7"})
    rotated = asked(admin, "POST", f"keys/{name}/rotate", {"grace_seconds": 60})
    asked(admin, "DELETE", f"keys/{name}")
    told = asked(admin, "GET", f"audit?subject={name}")["data"]

    assert (paid["credits_usd"], rotated["rate_limit_rpm"]) == (6, 7)
    assert asked(admin, "GET", f"keys/{name}")["state"] == "revoked"
    assert len({each["action"] for each in told}) >= 4


def test_limits_and_routes_are_set(deployed: Deployment, admin: httpx.Client) -> None:
    """What administrators set for owners, for the gateway and for names is in force at the data plane."""
    key = made(admin, owner="the shop")["key"]
    asked(admin, "PUT", "limits/gateway", PLENTY)
    asked(admin, "PUT", "limits/owners/the shop", PLENTY)
    asked(admin, "PUT", "routes", ROUTE)
    body = {"model": "named-here", "messages": [{"role": "user", "content": "hi"}]}
    with deployed.stack.web(key) as client:

        def served() -> list[httpx.Response]:
            answer = client.post("/v1/chat/completions", json=body)
            return [answer] if answer.status_code == 200 else []

        assert eventually(served), client.post("/v1/chat/completions", json=body).text
    asked(admin, "DELETE", "limits/owners/the shop")


def test_one_answer_for_one_idempotency_key(deployed: Deployment, admin: httpx.Client) -> None:
    """A repeat gets the first one's answer, whichever process it meets; a provider is asked once."""
    word = str(uuid4())
    body = {"model": "fast", "messages": [{"role": "user", "content": word}]}
    with deployed.stack.web(made(admin)["key"]) as client:
        first, second = (
            client.post("/v1/chat/completions", json=body, headers={"idempotency-key": word})
            for _ in range(2)
        )

    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert second.json() == first.json()
    assert second.headers["x-vaultedge-replayed"] == "1"
    assert sum(word.encode() in each.raw for each in deployed.openai.requests) == 1


def test_a_quota_that_runs_out_is_told(deployed: Deployment, admin: httpx.Client) -> None:
    """The data plane leaves an alert at 80 per cent of a quota, which administrators see."""
    key = made(admin, token_quota=1_000)
    body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 900}
    deployed.openai.script("gpt-4o-mini", Answer(usage=(10, 850)))
    with deployed.stack.web(key["key"]) as client:
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    deployed.openai.script("gpt-4o-mini", Answer())

    assert len(eventually(lambda: asked(admin, "GET", f"alerts?name={key['id']}")["data"])) == 1
