"""A stack as an operator gets it: template, artifacts, roles, table and secrets together, over real HTTP.

The emulator answers in one piece what streams on AWS; `test_streaming.py` streams out of the same artifact.
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

from tests.deploy.asking import eventually, made
from tests.deploy.conftest import KEYS, PASSWORD, Deployment
from tests.deploy.stack import PATIENCE, Stack
from tests.fakes.provider import Answer
from tests.handlers.deployment import EVENTS

ASKED: Any = [{"role": "user", "content": "why is the sky blue?"}]
CROWD, RPM = 20, 5
QUICK = 10.0  # seconds: a window that began meanwhile has let nobody more in by then


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
        timeout=PATIENCE,
        http_client=httpx.Client(trust_env=False),
    )


def test_an_empty_stack_waits_for_its_vault(deployed: Deployment) -> None:
    """Before the vault was pushed every answer was 503 with what to do; afterwards it works, undeployed."""
    told = deployed.empty.json()["error"]

    assert (deployed.empty.status_code, told["type"]) == (503, "service_unavailable")
    assert "the vault is empty" in told["message"]
    assert deployed.empty.headers["retry-after"]
    assert deployed.pushed.returncode == 0, deployed.pushed.stdout + deployed.pushed.stderr
    with deployed.stack.web(deployed.stack.secret("SystemKeySecretId")) as client:

        def models() -> list[str]:
            answer = client.get("/v1/models")
            return [each["id"] for each in answer.json()["data"]] if answer.status_code == 200 else []

        assert "fast" in eventually(models)


def test_what_was_pushed_was_not_shown(deployed: Deployment) -> None:
    """`vault push` prints no key and no password, and seals under another password than this machine's."""
    printed = deployed.pushed.stdout + deployed.pushed.stderr
    password = deployed.stack.secret("VaultPasswordSecretId")

    assert password not in {"empty", PASSWORD}
    assert not [each for each in (*KEYS.values(), PASSWORD, password) if each in printed]


def test_the_sdk_with_a_key_of_the_admin_api(deployed: Deployment, admin: httpx.Client) -> None:
    """A key made at the admin API's URL works at the data plane's, and the provider gets the vault's."""
    key = made(admin)["key"]
    deployed.openai.script("gpt-4o-mini", Answer(text="Rayleigh, says Zoë.", usage=(11, 7)))
    with sdk(deployed.stack, key) as client:
        answer = client.chat.completions.create(model="fast", messages=ASKED)
        pieces = list(client.chat.completions.create(model="fast", messages=ASKED, stream=True))

    assert answer.choices[0].message.content == "Rayleigh, says Zoë."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18
    assert (
        "".join(each.choices[0].delta.content or "" for each in pieces if each.choices)
        == "Rayleigh, says Zoë."
    )
    assert deployed.openai.requests[-1].key == KEYS["openai"]


def test_planes_do_not_know_each_others_keys(stack: Stack) -> None:
    """The system key opens no admin route, and the admin key no model."""
    system, admin = stack.secret("SystemKeySecretId"), stack.secret("AdminKeySecretId")
    with stack.web(system) as application, stack.web(admin) as operator:
        assert application.get("/admin/keys").status_code == 401
        assert operator.get("/v1/models").status_code == 401


def test_the_console_is_there_for_anybody(stack: Stack) -> None:
    """The page comes without a key, and so do the script and the sheet that it names."""
    with stack.web("nobody") as client:
        page = client.get("/console/")
        named = re.findall(r'"(console\.\w+\.(?:css|js))"', page.text)

        assert len(named) == 2
        assert [client.get(f"/console/{name}").status_code for name in named] == [200, 200]


def test_a_provider_that_fails_is_replaced(deployed: Deployment, admin: httpx.Client) -> None:
    """While the first provider answers 500 the second serves, in its own format, and the answer says so."""
    key = made(admin)["key"]
    deployed.openai.script("gpt-4o-mini", Answer(status=500))
    deployed.anthropic.script("claude-3-5-haiku-latest", Answer(text="the second one", usage=(5, 3)))
    try:
        with sdk(deployed.stack, key) as client:
            raw = client.chat.completions.with_raw_response.create(model="fast", messages=ASKED)
    finally:
        deployed.openai.script("gpt-4o-mini", Answer())

    assert raw.parse().choices[0].message.content == "the second one"
    assert raw.headers["x-vaultedge-provider"] == "anthropic"
    assert int(raw.headers["x-vaultedge-attempts"]) > 1
    assert deployed.anthropic.requests[-1].key == KEYS["anthropic"]


def test_limits_hold_over_all_environments(deployed: Deployment, admin: httpx.Client) -> None:
    """Of twenty requests at once, over many processes, a key with five a minute gets exactly five."""
    with deployed.stack.web("nobody") as client, ThreadPoolExecutor(CROWD) as crowd:
        list(
            crowd.map(lambda _: client.get("/v1/models"), range(CROWD))
        )  # so that none has to start meanwhile
        for _ in range(3):
            statuses, requests, took = storm(deployed, made(admin, rate_limit_rpm=RPM)["key"], client, crowd)
            if took < QUICK:
                break

    assert took < QUICK, "too slow a machine: a second minute began"
    assert statuses == {200: RPM, 429: CROWD - RPM}
    assert requests == RPM
    assert deployed.stack.emulator.said().count("Lambda worker spawned for vaultedge-StreamFunction") > 4


def storm(
    deployed: Deployment, key: str, client: httpx.Client, crowd: ThreadPoolExecutor
) -> tuple[Counter[int], int, float]:
    """Twenty requests at once: their statuses, how many of them a provider got, and the seconds it took."""
    word, began = str(uuid4()), time.monotonic()
    body = {"model": "fast", "messages": [{"role": "user", "content": word}]}

    def ask(_: int) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return client.post("/v1/chat/completions", json=body, headers=headers).status_code

    statuses = Counter(crowd.map(ask, range(CROWD)))
    took = time.monotonic() - began
    return statuses, sum(word.encode() in each.raw for each in deployed.openai.requests), took


def test_what_was_used_is_told(deployed: Deployment, admin: httpx.Client) -> None:
    """The admin function tells what the data plane's counted: tokens, money, and a row per request."""
    key = made(admin, credits_usd=1)
    deployed.openai.script("gpt-4o-mini", Answer(usage=(20, 10)))
    with sdk(deployed.stack, key["key"]) as client:
        raw = client.chat.completions.with_raw_response.create(model="fast", messages=ASKED)
    deployed.openai.script("gpt-4o-mini", Answer())
    asked = {"key": key["id"]}
    (row,) = eventually(lambda: admin.get("/admin/logs", params=asked).json()["data"])
    usage = admin.get(f"/admin/keys/{key['id']}").json()["usage"]

    assert row["id"] == raw.headers["x-request-id"]
    assert (row["provider"], row["status"]) == ("openai", 200)
    assert (usage["requests"], usage["total_tokens"]) == (1, 30)
    assert usage["cost_usd"] == pytest.approx(0.000009)  # 0.15 and 0.60 dollars per million
    assert ASKED[0]["content"] not in json.dumps(row)


def test_the_upkeep_function_runs(stack: Stack) -> None:
    """Invoked as its schedule does it, upkeep finds its table and its pepper, and no step fails."""
    told = stack.client("lambda").invoke(
        FunctionName=stack.resources["UpkeepFunction"],
        Qualifier="live",
        Payload=(EVENTS / "upkeep.json").read_bytes(),
    )

    assert "FunctionError" not in told, told["Payload"].read()
    assert json.loads(told["Payload"].read()) == {"failed": []}
