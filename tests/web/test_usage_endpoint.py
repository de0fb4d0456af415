"""GET /v1/usage: a key's own use by day, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from tests.store.ministack import table
from vaultcore.services import Services
from vaultcore.web.usage import DEFAULT_DAYS, MAX_DAYS

DAY = 86_400.0
QUESTION = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "hi"}]}
NOTHING = {
    "requests": 0,
    "failed": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "cost_usd": "0",
}


@pytest.fixture(params=["memory", "sqlite", "dynamo"])
def services(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A house at noon, over each kind of store."""
    clock = FakeClock(NOON)
    where = {"memory": "memory", "sqlite": f"sqlite:{tmp_path / 'state.db'}"}.get(request.param, "")
    if not where:
        shared = table()
        where = shared.url
        for name, value in shared.environ.items():
            monkeypatch.setenv(name, value)
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20)))
        provider.script("broken", FakeResponse(status=500))
        yield build_services(tmp_path, provider, clock=clock, store=where, max_retries=0)


async def told(client: httpx.AsyncClient, token: str, **asked: object) -> list[dict[str, Any]]:
    answer = await client.get("/v1/usage", params=asked, headers=bearer(token))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.json()["object"] == "list"
    return list(answer.json()["data"])


def test_a_key_is_told_its_own_days(services: Services) -> None:
    """A row for each day to today, oldest first, of this key alone, whatever others did meanwhile."""
    clock: Any = services.clock

    async def story(client: httpx.AsyncClient) -> tuple[list[Any], list[Any], list[Any]]:
        mine = await issue_key(services, rpm=None)
        clock.time += 1  # keys are audit_entry by their time
        other = await issue_key(services, rpm=None)
        for day, token, models in (
            (-2, mine, ["one/gpt-fake"] * 2),
            (0, mine, ["one/gpt-fake", "one/broken"]),
        ):
            clock.time = NOON + day * DAY
            for model in models:
                await client.post(
                    "/v1/chat/completions", json={**QUESTION, "model": model}, headers=bearer(token)
                )
        for token in (other, SYSTEM, SYSTEM):
            await client.post("/v1/chat/completions", json=QUESTION, headers=bearer(token))
        return await told(client, mine, days=4), await told(client, other), await told(client, SYSTEM, days=1)

    mine, other, system = run_with_client(services, story)

    used = {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23, "cost_usd": "0.000203"}
    twice = {"prompt_tokens": 6, "completion_tokens": 40, "total_tokens": 46, "cost_usd": "0.000406"}
    assert mine == [
        {"day": "2026-11-19", **NOTHING},
        {"day": "2026-11-20", "requests": 2, "failed": 0, **twice},
        {"day": "2026-11-21", **NOTHING},
        {"day": "2026-11-22", "requests": 2, "failed": 1, **used},
    ]
    assert len(other) == DEFAULT_DAYS
    assert other[-1] == {"day": "2026-11-22", "requests": 1, "failed": 0, **used}
    assert other[:-1] == [{"day": row["day"], **NOTHING} for row in other[:-1]]
    assert system == [{"day": "2026-11-22", "requests": 2, "failed": 0, **twice}]


@pytest.mark.parametrize("services", ["memory"], indirect=True)
@pytest.mark.parametrize(
    "asked",
    [
        *("days=0", "days=91", "days=-1", "days=+7", "days=7.0", "days=", "days=seven", "days=%D9%A3"),
        *("days=0x7", "days=7&days=8", "days=" + "1" * 5_000),
        *("day=7", "key=key_1&days=7", "sk-0123456789abcdef=7"),
    ],
)
def test_what_makes_no_sense_is_refused(services: Services, asked: str) -> None:
    """Anything but a whole number from 1 to 90 is a 400 in OpenAI's form that quotes nothing."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(f"/v1/usage?{asked}", headers=bearer(await issue_key(services)))

    answer = run_with_client(services, story)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["param"]
    assert "sk-01" not in answer.text


@pytest.mark.parametrize("services", ["memory"], indirect=True)
def test_only_callers_of_models_are_told(services: Services) -> None:
    """The admin key, unknown keys and none are refused as by `/v1/key`; the longest question works."""

    async def story(client: httpx.AsyncClient) -> list[tuple[int, bytes]]:
        assert len(await told(client, await issue_key(services), days=MAX_DAYS)) == MAX_DAYS
        found = [
            await client.get(f"/v1/{path}", headers=bearer(token))
            for token in (ADMIN, "vg_" + "0" * 40, "")
            for path in ("usage", "key")
        ]
        return [(each.status_code, each.content) for each in found]

    answers = run_with_client(services, story)

    assert {status for status, _ in answers} == {401}
    assert answers[::2] == answers[1::2]
