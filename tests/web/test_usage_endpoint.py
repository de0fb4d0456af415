"""GET /v1/usage: the daily usage of the caller's own key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.store.ministack import table
from vaultcore.services import Services
from vaultcore.web.usage import DEFAULT_DAYS, MAX_DAYS

DAY = 86_400.0
BODY = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "hi"}]}
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
    """Return services at noon, with each kind of store."""
    clock = FakeClock(NOON)
    store = {"memory": "memory", "sqlite": f"sqlite:{tmp_path / 'state.db'}"}.get(request.param, "")
    if not store:
        shared = table()
        store = shared.url
        for name, value in shared.environ.items():
            monkeypatch.setenv(name, value)
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20)))
        provider.script("broken", FakeResponse(status=500))
        yield build_services(tmp_path, provider, clock=clock, store=store, max_retries=0)


async def get_usage(client: httpx.AsyncClient, token: str, **query: object) -> list[dict[str, Any]]:
    response = await client.get("/v1/usage", params=query, headers=bearer(token))  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    assert response.json()["object"] == "list"
    return list(response.json()["data"])


def test_a_key_gets_its_own_daily_usage(services: Services) -> None:
    """There is a row for each day until today, oldest first, with the usage of this key only."""
    clock: Any = services.clock

    async def scenario(client: httpx.AsyncClient) -> tuple[list[Any], list[Any], list[Any]]:
        own = await issue_key(services, rpm=None)
        clock.time += 1  # keys are audit_entry by their time
        other = await issue_key(services, rpm=None)
        for day, token, models in (
            (-2, own, ["one/gpt-fake"] * 2),
            (0, own, ["one/gpt-fake", "one/broken"]),
        ):
            clock.time = NOON + day * DAY
            for model in models:
                await client.post(
                    "/v1/chat/completions", json={**BODY, "model": model}, headers=bearer(token)
                )
        for token in (other, SYSTEM, SYSTEM):
            await client.post("/v1/chat/completions", json=BODY, headers=bearer(token))
        return (
            await get_usage(client, own, days=4),
            await get_usage(client, other),
            await get_usage(client, SYSTEM, days=1),
        )

    own, other, system = run_with_client(services, scenario)

    used = {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23, "cost_usd": "0.000203"}
    twice = {"prompt_tokens": 6, "completion_tokens": 40, "total_tokens": 46, "cost_usd": "0.000406"}
    assert own == [
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
    "query",
    [
        *("days=0", "days=91", "days=-1", "days=+7", "days=7.0", "days=", "days=seven", "days=%D9%A3"),
        *("days=0x7", "days=7&days=8", "days=" + "1" * 5_000),
        *("day=7", "key=key_1&days=7", "sk-0123456789abcdef=7"),
    ],
)
def test_invalid_parameters_are_rejected(services: Services, query: str) -> None:
    """Anything but a whole number from 1 to 90 is a 400 error in OpenAI's format that does not quote the
    value."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(f"/v1/usage?{query}", headers=bearer(await issue_key(services)))

    response = run_with_client(services, scenario)

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["param"]
    assert "sk-01" not in response.text


@pytest.mark.parametrize("services", ["memory"], indirect=True)
def test_only_system_and_virtual_keys_get_usage(services: Services) -> None:
    """The admin key, unknown and missing keys get a 401 error, as at `/v1/key`. The maximum number of days
    works."""

    async def scenario(client: httpx.AsyncClient) -> list[tuple[int, bytes]]:
        assert len(await get_usage(client, await issue_key(services), days=MAX_DAYS)) == MAX_DAYS
        responses = [
            await client.get(f"/v1/{path}", headers=bearer(token))
            for token in (ADMIN, "vg_" + "0" * 40, "")
            for path in ("usage", "key")
        ]
        return [(each.status_code, each.content) for each in responses]

    answers = run_with_client(services, scenario)

    assert {status for status, _ in answers} == {401}
    assert answers[::2] == answers[1::2]
