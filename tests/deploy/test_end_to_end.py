"""A stack as an operator gets it: template, artifacts, roles, table and secrets, over HTTP.

The emulator buffers responses that stream on AWS; `test_streaming.py` streams from the same artifact.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import openai
import pytest

from tests.deploy.admin_requests import create_key, wait_for_rows
from tests.deploy.conftest import KEYS, PASSWORD, Deployment
from tests.deploy.stack import TIMEOUT, Stack
from tests.fakes.provider import FakeResponse
from tests.handlers.deployment import EVENTS

MESSAGES: Any = [{"role": "user", "content": "why is the sky blue?"}]
CALLERS, RPM = 20, 5
QUICK = 10.0  # seconds; faster calls fall into one rate-limit window


@pytest.fixture
def stack(deployed: Deployment) -> Stack:
    return deployed.stack


@pytest.fixture
def admin(stack: Stack) -> Iterator[httpx.Client]:
    with stack.admin() as client:
        yield client


def sdk(stack: Stack, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=key,
        base_url=f"{stack.url}/v1",
        max_retries=0,
        timeout=TIMEOUT,
        http_client=httpx.Client(trust_env=False),
    )


def test_an_empty_stack_works_after_the_push(deployed: Deployment) -> None:
    """Before the push every response is a 503 with instructions; afterwards it works without a deployment."""
    response = deployed.empty.json()["error"]

    assert (deployed.empty.status_code, response["type"]) == (503, "service_unavailable")
    assert "the vault is empty" in response["message"]
    assert deployed.empty.headers["retry-after"]
    assert deployed.pushed.returncode == 0, deployed.pushed.stdout + deployed.pushed.stderr
    with deployed.stack.web(deployed.stack.secret("SystemKeySecretId")) as client:

        def models() -> list[str]:
            answer = client.get("/v1/models")
            return [each["id"] for each in answer.json()["data"]] if answer.status_code == 200 else []

        assert "fast" in wait_for_rows(models)


def test_push_prints_no_secret(deployed: Deployment) -> None:
    """`vault push` prints no key and no password, and seals with a new password."""
    printed = deployed.pushed.stdout + deployed.pushed.stderr
    password = deployed.stack.secret("VaultPasswordSecretId")

    assert password not in {"empty", PASSWORD}
    assert not [each for each in (*KEYS.values(), PASSWORD, password) if each in printed]


def test_the_sdk_with_a_key_of_the_admin_api(deployed: Deployment, admin: httpx.Client) -> None:
    """A key from the admin API works in the data plane, and the provider gets the vault's key."""
    key = create_key(admin)["key"]
    deployed.openai.script("gpt-4o-mini", FakeResponse(text="Rayleigh, says Zoë.", usage=(11, 7)))
    with sdk(deployed.stack, key) as client:
        answer = client.chat.completions.create(model="fast", messages=MESSAGES)
        chunks = list(client.chat.completions.create(model="fast", messages=MESSAGES, stream=True))

    assert answer.choices[0].message.content == "Rayleigh, says Zoë."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18
    assert (
        "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
        == "Rayleigh, says Zoë."
    )
    assert deployed.openai.requests[-1].key == KEYS["openai"]


def test_each_plane_rejects_the_others_key(stack: Stack) -> None:
    """The admin API rejects the system key, and the data plane the admin key."""
    system, admin = stack.secret("SystemKeySecretId"), stack.secret("AdminKeySecretId")
    with stack.web(system) as application, stack.web(admin) as operator:
        assert application.get("/admin/keys").status_code == 401
        assert operator.get("/v1/models").status_code == 401


def test_the_console_needs_no_key(stack: Stack) -> None:
    """The page, its script and its style sheet are served without a key."""
    with stack.web("no-key") as client:
        page = client.get("/console/")
        assets = re.findall(r'"(console\.\w+\.(?:css|js))"', page.text)

        assert len(assets) == 2
        assert [client.get(f"/console/{name}").status_code for name in assets] == [200, 200]


def test_a_failing_provider_falls_back(deployed: Deployment, admin: httpx.Client) -> None:
    """While the first provider returns 500, the fallback responds, and the headers name it."""
    key = create_key(admin)["key"]
    deployed.openai.script("gpt-4o-mini", FakeResponse(status=500))
    deployed.anthropic.script("claude-3-5-haiku-latest", FakeResponse(text="the second one", usage=(5, 3)))
    try:
        with sdk(deployed.stack, key) as client:
            raw = client.chat.completions.with_raw_response.create(model="fast", messages=MESSAGES)
    finally:
        deployed.openai.script("gpt-4o-mini", FakeResponse())

    assert raw.parse().choices[0].message.content == "the second one"
    assert raw.headers["x-vaultedge-provider"] == "anthropic"
    assert int(raw.headers["x-vaultedge-attempts"]) > 1
    assert deployed.anthropic.requests[-1].key == KEYS["anthropic"]


def test_limits_hold_over_all_environments(deployed: Deployment, admin: httpx.Client) -> None:
    """Of twenty requests at once, over many processes, a key with five a minute gets exactly five."""
    with deployed.stack.web("no-key") as client, ThreadPoolExecutor(CALLERS) as crowd:
        list(
            crowd.map(lambda _: client.get("/v1/models"), range(CALLERS))
        )  # so that none has to start meanwhile
        for _ in range(3):
            statuses, requests, took = storm(
                deployed, create_key(admin, rate_limit_rpm=RPM)["key"], client, crowd
            )
            if took < QUICK:
                break

    assert took < QUICK, "too slow a machine: a second minute began"
    assert statuses == {200: RPM, 429: CALLERS - RPM}
    assert requests == RPM
    assert deployed.stack.emulator.read_log().count("Lambda worker spawned for vaultedge-StreamFunction") > 4


def storm(
    deployed: Deployment, key: str, client: httpx.Client, crowd: ThreadPoolExecutor
) -> tuple[Counter[int], int, float]:
    """Twenty requests at once: their statuses, how many of them a provider got, and the seconds it took."""
    word, began = str(uuid4()), time.monotonic()
    body = {"model": "fast", "messages": [{"role": "user", "content": word}]}

    def ask(_: int) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return client.post("/v1/chat/completions", json=body, headers=headers).status_code

    statuses = Counter(crowd.map(ask, range(CALLERS)))
    took = time.monotonic() - began
    return statuses, sum(word.encode() in each.raw for each in deployed.openai.requests), took


def test_usage_is_reported(deployed: Deployment, admin: httpx.Client) -> None:
    """The admin function reports the data plane's usage: tokens, cost and one row per request."""
    key = create_key(admin, credits_usd=1)
    deployed.openai.script("gpt-4o-mini", FakeResponse(usage=(20, 10)))
    with sdk(deployed.stack, key["key"]) as client:
        raw = client.chat.completions.with_raw_response.create(model="fast", messages=MESSAGES)
    deployed.openai.script("gpt-4o-mini", FakeResponse())
    query = {"key": key["id"]}
    (row,) = wait_for_rows(lambda: admin.get("/admin/logs", params=query).json()["data"])
    usage = admin.get(f"/admin/keys/{key['id']}").json()["usage"]

    assert row["id"] == raw.headers["x-request-id"]
    assert (row["provider"], row["status"]) == ("openai", 200)
    assert (usage["requests"], usage["total_tokens"]) == (1, 30)
    assert usage["cost_usd"] == pytest.approx(0.000009)  # 0.15 and 0.60 dollars per million
    assert MESSAGES[0]["content"] not in json.dumps(row)


def test_the_maintenance_function_runs(stack: Stack) -> None:
    """Invoked like by its schedule, maintenance finds its table and pepper, and no step fails."""
    response = stack.client("lambda").invoke(
        FunctionName=stack.resources["UpkeepFunction"],
        Qualifier="live",
        Payload=(EVENTS / "upkeep.json").read_bytes(),
    )

    assert "FunctionError" not in response, response["Payload"].read()
    assert json.loads(response["Payload"].read()) == {"failed": []}
