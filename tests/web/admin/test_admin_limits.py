"""`/admin/limits`, `/admin/routes`, `/admin/alerts`, provider key checks, settings and documentation."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.web.admin.admin_app import (
    ADMIN,
    NOON,
    SYSTEM,
    Client,
    Json,
    admin_services,
    record_request,
    run_admin,
)
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.simulators.server import simulated
from vaultcore.store import document_types
from vaultcore.store.base import Put

LIMIT_FIELDS: Json = {
    "rate_limit_rpm": 5,
    "rate_limit_tpm": 6,
    "max_parallel": 7,
    "token_quota": 8,
    "credits_usd": 0.000000009,
    "budget_day_usd": 10.5,
    "budget_month_usd": 11,
}
LIMITS = Limits(5, 6, 7, 8, 9, 10_500_000_000, 11_000_000_000)  # type: ignore[arg-type]  # nano-dollars


def test_limits_of_owners_and_the_gateway_apply_at_once() -> None:
    """New limits apply to the next request. PUT replaces all limits of a level; DELETE removes them."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        issued = await services.keys.create(VirtualKey("", "a", 0.0, (), owner="team/a b"), "made")

        async def levels() -> list[Limits]:
            caller = await services.authenticator.authenticate(issued.token, None)
            return [level.limits for level in caller.levels[1:]]

        assert await levels() == []
        owner = "/limits/owners/team%2Fa%20b"
        body = (await client.put(owner, json=LIMIT_FIELDS)).json()
        assert {name: body["owners"]["team/a b"][name] for name in LIMIT_FIELDS} == LIMIT_FIELDS
        assert await levels() == [LIMITS]
        await client.put("/limits/gateway", json={"rate_limit_rpm": 3})
        assert await levels() == [LIMITS, Limits(rpm=3)]
        await client.put(owner, json={"rate_limit_rpm": 4})
        assert await levels() == [Limits(rpm=4), Limits(rpm=3)]
        assert (await client.delete(owner)).status_code == 200
        assert (await client.delete(owner)).status_code == 404
        assert await levels() == [Limits(rpm=3)]

    run_admin(services, scenario)


def test_limits_are_audited_and_have_their_usage() -> None:
    """Each change has one audit entry with before and after, and the response has the usage of each level."""
    services = admin_services()

    async def scenario(client: Client) -> tuple[Json, list[Json]]:
        await client.put("/limits/owners/me", json={"token_quota": 100})
        services.clock.time += 1  # type: ignore[attr-defined]
        issued = await services.keys.create(VirtualKey("", "a", 0.0, (), owner="me"), "made")
        caller = await services.authenticator.authenticate(issued.token, None)
        await record_request(services, "r1", caller=caller, tokens=(30, 12))
        await client.put("/limits/owners/me", json={"token_quota": 50})
        body = (await client.get("/limits")).json()
        return body, (await client.get("/audit", params={"action": "limits.set"})).json()["data"]

    body, audit = run_admin(services, scenario)
    assert body["owners"]["me"]["usage"]["total_tokens"] == 42
    assert body["owners"]["me"]["tokens_remaining"] == 8
    assert [(entry["before"], entry["after"]) for entry in audit] == [
        ({"tokens": 100}, {"tokens": 50}),
        (None, {"tokens": 100}),
    ]
    assert {entry["subject"] for entry in audit} == {"owner:me"}


def test_concurrent_limits_are_all_stored() -> None:
    """Concurrent changes for different owners are all stored."""

    async def scenario(client: Client) -> Json:
        owners = [f"o{number}" for number in range(4)]
        requests = [client.put(f"/limits/owners/{owner}", json={"rate_limit_rpm": 9}) for owner in owners]
        assert {response.status_code for response in await asyncio.gather(*requests)} == {200}
        return dict((await client.get("/limits")).json()["owners"])

    assert set(run_admin(admin_services(), scenario)) == {"o0", "o1", "o2", "o3"}


def test_thresholds_replace_those_that_were_read() -> None:
    """Thresholds have a default. `instead_of` with outdated thresholds is a 409 error. Limits do not
    change."""
    services = admin_services()

    async def scenario(client: Client) -> list[Json]:
        assert (await client.get("/limits")).json()["alert_marks"] == [80, 100]
        await client.put("/limits/owners/me", json={"token_quota": 100})
        first = await client.put("/limits/alerts", json={"alert_marks": [50], "instead_of": [80, 100]})
        assert (first.status_code, first.json()["alert_marks"]) == (200, [50])
        stale = await client.put("/limits/alerts", json={"alert_marks": [60], "instead_of": [80, 100]})
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "conflict")
        await client.put("/limits/gateway", json={"token_quota": 9})
        services.clock.time += 1  # type: ignore[attr-defined]
        body = (await client.put("/limits/alerts", json={"alert_marks": []})).json()
        assert body == (await client.get("/limits")).json()
        assert (body["alert_marks"], body["gateway"]["token_quota"]) == ([], 9)
        assert body["owners"]["me"]["token_quota"] == 100
        return list((await client.get("/audit", params={"action": "alerts.set"})).json()["data"])

    audit = run_admin(services, scenario)
    assert [(entry["subject"], entry["before"], entry["after"]) for entry in audit] == [
        ("alerts", {"marks": [50]}, {"marks": []}),
        ("alerts", {"marks": [80, 100]}, {"marks": [50]}),
    ]


def test_one_of_several_concurrent_thresholds_wins() -> None:
    """Of concurrent requests with the same `instead_of` one succeeds and the others get 409."""

    async def scenario(client: Client) -> None:
        thresholds = [[percent] for percent in range(10, 16)]
        bodies = [{"alert_marks": each, "instead_of": [80, 100]} for each in thresholds]
        responses = await asyncio.gather(*(client.put("/limits/alerts", json=body) for body in bodies))
        assert sorted(response.status_code for response in responses) == [200, *[409] * 5]
        (current,) = [response.json()["alert_marks"] for response in responses if response.status_code == 200]
        assert (await client.get("/limits")).json()["alert_marks"] == current

    run_admin(admin_services(), scenario)


def test_alerts_use_the_thresholds() -> None:
    """Thresholds apply from the next request to keys, owners and the gateway; a key's own take precedence."""
    services = admin_services()

    async def scenario(client: Client) -> list[tuple[str, int]]:
        key = (await client.post("/keys", json={"name": "a", "owner": "me", "token_quota": 100})).json()

        async def spend(id: str, tokens: int) -> None:
            caller = await services.authenticator.authenticate(key["key"], None)
            await record_request(services, id, caller=caller, tokens=(tokens, 0))

        await client.put("/limits/owners/me", json={"token_quota": 100})
        await client.put("/limits/alerts", json={"alert_marks": [20, 30]})
        await spend("r1", 25)
        await client.put("/limits/alerts", json={"alert_marks": [10, 20, 40, 50]})  # two of them are past
        await client.patch(f"/keys/{key['id']}", json={"alert_marks": [45]})
        await spend("r2", 24)
        alerts = (await client.get("/alerts")).json()["data"]
        assert not any(each["refused"] for each in alerts)
        return sorted((each["level"], each["percent"]) for each in alerts)

    assert run_admin(services, scenario) == [("key", 20), ("key", 45), ("owner", 20), ("owner", 40)]


def test_routes_are_versioned_checked_and_audited() -> None:
    """Routes are replaced as a whole. An invalid target is a 400 error that names it, and changes nothing."""
    services = admin_services([("openai", "sk-0123456789")])
    valid: Json = {"fast": {"primary": "openai/gpt-4o-mini", "fallbacks": ["anthropic/claude-sonnet-4-5"]}}
    invalid: Json = {**valid, "slow": {"targets": ["openai/gpt-4o", {"target": "unknown/model"}]}}

    async def scenario(client: Client) -> None:
        assert (await client.get("/routes")).json()["version"] == 0
        created = await client.put("/routes", json={"models": valid}, headers={"if-match": '"0"'})
        assert (created.status_code, created.headers["etag"]) == (200, '"1"')
        rejected = await client.put("/routes", json={"models": invalid})
        assert rejected.status_code == 400
        assert rejected.json()["error"]["param"].startswith("models.slow.targets[1]")
        for stale in ({"headers": {"if-match": '"0"'}}, {"json": {"models": {}, "version": 0}}):
            assert (await client.put("/routes", **{"json": {"models": {}}, **stale})).status_code == 409
        body = (await client.get("/routes")).json()
        assert (body["version"], body["models"], body["broken"]) == (1, valid, {})
        assert "fast" in {model["id"] for model in (await client.get("/models")).json()["data"]}
        services.clock.time += 1  # type: ignore[attr-defined]
        last = {"models": {}, "version": 1, "reason": "not needed"}
        assert (await client.put("/routes", json=last)).json()["version"] == 2
        audit = (await client.get("/audit", params={"subject": "routes"})).json()["data"]
        assert [(entry["before"], entry["after"]) for entry in audit] == [(valid, {}), ({}, valid)]
        assert [entry["reason"] for entry in audit] == ["not needed", None]

    run_admin(services, scenario)


def test_alerts_are_listed_newest_first() -> None:
    """Pages contain every alert once, newest first. `refused` filters rejections."""
    services = admin_services()

    async def scenario(client: Client) -> list[str]:
        for number in range(7):
            at = NOON - number * 60
            body = {
                "id": f"a{number}",
                "at": at,
                "level": "key",
                "name": "k",
                "limit": "tokens",
                "percent": 80,
                "period": "2026-11-22",
                "used": 8,
                "most": 10,
                "unit": "tokens",
                "delivered": None,
                **({"refused": True} if number in {2, 5} else {}),
            }
            await services.store.write(
                Put(document_types.timed_key(document_types.ALERTS, at, f"a{number}"), body)
            )
        for refused, numbers in (("true", [2, 5]), ("false", [0, 1, 3, 4, 6])):
            some = (await client.get("/alerts", params={"refused": refused})).json()["data"]
            assert [alert["id"] for alert in some] == [f"a{number}" for number in numbers]
        ids, cursor = list[str](), dict[str, str]()
        while True:
            page = (await client.get("/alerts", params={"limit": 3, **cursor})).json()
            ids += [alert["id"] for alert in page["data"]]
            if page["next_cursor"] is None:
                return ids
            cursor = {"cursor": page["next_cursor"]}

    assert run_admin(services, scenario) == [f"a{number}" for number in range(7)]


DIALECTS = ("openai", "anthropic", "cohere", "gemini", "bedrock")


@pytest.mark.parametrize("has_model_list", [True, False])
def test_a_check_finds_invalid_keys(has_model_list: bool, tmp_path: Path) -> None:
    """Each key is tested once, by a list of models or one token; the response contains no key."""
    with simulated({name: name for name in DIALECTS}) as providers:
        rows = "\n".join(
            f'  {name}: {{base_url: "{each.base_url}", local: true, static_models: [{name}-model]'
            f"{'' if has_model_list else ', models_path: null'}}}"
            for name, each in providers.items()
        )
        (tmp_path / "providers.yaml").write_text(f"providers:\n{rows}\n")
        invalid_key = "sk-wrong-0123456789"
        keys = [(name, key) for name, each in providers.items() for key in (each.key, invalid_key)]
        services = admin_services(
            keys, providers_file=tmp_path / "providers.yaml", environ={"AWS_REGION": "eu-west-1"}
        )

        async def scenario(client: Client) -> dict[str, httpx.Response]:
            return {name: await client.post(f"/providers/{name}/check") for name in DIALECTS}

        results = run_admin(services, scenario)
    for name, response in results.items():
        assert response.status_code == 200
        assert response.json()["name"] == name
        assert response.json()["ok"] is False
        valid, invalid = response.json()["keys"]
        assert (valid["ok"], valid["status"], valid["reason"]) == (True, 200, None), (name, response.text)
        assert (invalid["ok"], invalid["status"]) == (False, 401), (name, response.text)
        assert invalid["reason"]
        assert not any(key in response.text for _, key in keys)


def test_checks_of_providers_without_keys() -> None:
    """A provider without keys is not ok, an unknown one is a 404, and a second check at once is a 429."""
    services = admin_services()

    async def scenario(client: Client) -> list[int]:
        first = await client.post("/providers/openai/check")
        assert first.json() == {"name": "openai", "ok": False, "keys": []}
        again = await client.post("/providers/OpenAI/check")
        assert again.headers["retry-after"] == "2"
        services.clock.time += 2  # type: ignore[attr-defined]
        later = await client.post("/providers/openai/check")
        return [again.status_code, later.status_code, (await client.post("/providers/no/check")).status_code]

    assert run_admin(services, scenario) == [429, 200, 404]


def test_the_settings_contain_no_secret() -> None:
    """The settings show kinds and hosts, but no store path and no webhook URL."""
    services = admin_services(
        store="memory:",
        alert_webhook="https://hooks.example/services/T0/SECRET",
        alert_webhook_secret="whsec_" + "c2VjcmV0" * 4,
    )

    async def scenario(client: Client) -> httpx.Response:
        return await client.get("/config")

    response = run_admin(services, scenario)
    assert response.json()["store"] == "memory"
    assert response.json()["alerts"] == {
        "topic": None,
        "webhook_host": "hooks.example",
        "webhook_signed": True,
    }
    assert not any(word in response.text for word in ("SECRET", "whsec_", ADMIN, SYSTEM))


def test_the_documentation_is_one_page_that_loads_nothing() -> None:
    """The page documents every operation and contains no script or URL; its policy allows none."""

    async def scenario(client: Client) -> tuple[httpx.Response, Json]:
        return await client.get("/docs"), (await client.get("/openapi.json")).json()

    page, described = run_admin(admin_services(), scenario)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'; style-src 'sha256-" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    active = ("<script", "http://", "https://", "src=", "href=", "onload")
    assert not any(word in page.text.lower() for word in active)
    assert described["servers"] == [{"url": "/admin"}]
    for path, item in described["paths"].items():
        assert f"/admin{path}" in page.text
        for operation in item.values():
            assert operation["description"]
            assert operation["security"]
    assert "ADMIN" not in json.dumps(described)
