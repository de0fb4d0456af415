"""Limits of owners and of the gateway, routes, alerts, and the checks of provider keys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.web.admin.admin_app import ADMIN, NOON, SYSTEM, Client, Json, office, settled, visit
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.simulators.server import simulated
from vaultcore.store import document_types
from vaultcore.store.base import Put

ALL: Json = {
    "rate_limit_rpm": 5,
    "rate_limit_tpm": 6,
    "max_parallel": 7,
    "token_quota": 8,
    "credits_usd": 0.000000009,
    "budget_day_usd": 10.5,
    "budget_month_usd": 11,
}
OURS = Limits(5, 6, 7, 8, 9, 10_500_000_000, 11_000_000_000)  # type: ignore[arg-type]  # nano-dollars


def test_limits_of_owners_and_the_gateway_are_in_force_at_once() -> None:
    """What is put is what callers meet, whole and signed; what is not sent is not limited; DELETE ends it."""
    services = office()

    async def story(client: Client) -> None:
        issued = await services.keys.create(VirtualKey("", "a", 0.0, (), owner="team/a b"), "made")

        async def levels() -> list[Limits]:
            caller = await services.authenticator.authenticate(issued.token, None)
            return [level.limits for level in caller.levels[1:]]

        assert await levels() == []
        owner = "/limits/owners/team%2Fa%20b"
        told = (await client.put(owner, json=ALL)).json()
        assert {name: told["owners"]["team/a b"][name] for name in ALL} == ALL
        assert await levels() == [OURS]
        await client.put("/limits/gateway", json={"rate_limit_rpm": 3})
        assert await levels() == [OURS, Limits(rpm=3)]
        await client.put(owner, json={"rate_limit_rpm": 4})
        assert await levels() == [Limits(rpm=4), Limits(rpm=3)]
        assert (await client.delete(owner)).status_code == 200
        assert (await client.delete(owner)).status_code == 404
        assert await levels() == [Limits(rpm=3)]

    visit(services, story)


def test_limits_are_audited_and_tell_their_use() -> None:
    """Each setting leaves one entry with before and after, and the answer shows what was used of each."""
    services = office()

    async def story(client: Client) -> tuple[Json, list[Json]]:
        await client.put("/limits/owners/me", json={"token_quota": 100})
        services.clock.time += 1  # type: ignore[attr-defined]
        issued = await services.keys.create(VirtualKey("", "a", 0.0, (), owner="me"), "made")
        caller = await services.authenticator.authenticate(issued.token, None)
        await settled(services, "r1", caller=caller, tokens=(30, 12))
        await client.put("/limits/owners/me", json={"token_quota": 50})
        told = (await client.get("/limits")).json()
        return told, (await client.get("/audit", params={"action": "limits.set"})).json()["data"]

    told, audit = visit(services, story)
    assert told["owners"]["me"]["usage"]["total_tokens"] == 42
    assert told["owners"]["me"]["tokens_remaining"] == 8
    assert [(entry["before"], entry["after"]) for entry in audit] == [
        ({"tokens": 100}, {"tokens": 50}),
        (None, {"tokens": 100}),
    ]
    assert {entry["subject"] for entry in audit} == {"owner:me"}


def test_limits_set_at_once_are_all_kept() -> None:
    """Many who limit different owners at the same moment lose nothing to each other."""

    async def story(client: Client) -> Json:
        owners = [f"o{number}" for number in range(4)]
        setting = [client.put(f"/limits/owners/{owner}", json={"rate_limit_rpm": 9}) for owner in owners]
        assert {answer.status_code for answer in await asyncio.gather(*setting)} == {200}
        return dict((await client.get("/limits")).json()["owners"])

    assert set(visit(office(), story)) == {"o0", "o1", "o2", "o3"}


def test_marks_are_set_over_those_that_were_read() -> None:
    """Marks are the usual ones until others are set; who has read others is a 409; limits stay."""
    services = office()

    async def story(client: Client) -> list[Json]:
        assert (await client.get("/limits")).json()["alert_marks"] == [80, 100]
        await client.put("/limits/owners/me", json={"token_quota": 100})
        first = await client.put("/limits/alerts", json={"alert_marks": [50], "instead_of": [80, 100]})
        assert (first.status_code, first.json()["alert_marks"]) == (200, [50])
        stale = await client.put("/limits/alerts", json={"alert_marks": [60], "instead_of": [80, 100]})
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "conflict")
        await client.put("/limits/gateway", json={"token_quota": 9})
        services.clock.time += 1  # type: ignore[attr-defined]
        told = (await client.put("/limits/alerts", json={"alert_marks": []})).json()
        assert told == (await client.get("/limits")).json()
        assert (told["alert_marks"], told["gateway"]["token_quota"]) == ([], 9)
        assert told["owners"]["me"]["token_quota"] == 100
        return list((await client.get("/audit", params={"action": "alerts.set"})).json()["data"])

    audit = visit(services, story)
    assert [(entry["subject"], entry["before"], entry["after"]) for entry in audit] == [
        ("alerts", {"marks": [50]}, {"marks": []}),
        ("alerts", {"marks": [80, 100]}, {"marks": [50]}),
    ]


def test_of_several_who_set_marks_at_once_one_does() -> None:
    """Of those who read the same marks and set others at the same moment one succeeds, and knows."""

    async def story(client: Client) -> None:
        wanted = [[each] for each in range(10, 16)]
        asked = [{"alert_marks": marks, "instead_of": [80, 100]} for marks in wanted]
        answers = await asyncio.gather(*(client.put("/limits/alerts", json=body) for body in asked))
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
        (done,) = [answer.json()["alert_marks"] for answer in answers if answer.status_code == 200]
        assert (await client.get("/limits")).json()["alert_marks"] == done

    visit(office(), story)


def test_what_is_set_is_what_alerts_are_at() -> None:
    """Marks hold from the next request on, for keys, owners and the gateway; a key's own go before them."""
    services = office()

    async def story(client: Client) -> list[tuple[str, int]]:
        made = (await client.post("/keys", json={"name": "a", "owner": "me", "token_quota": 100})).json()

        async def spend(id: str, tokens: int) -> None:
            caller = await services.authenticator.authenticate(made["key"], None)
            await settled(services, id, caller=caller, tokens=(tokens, 0))

        await client.put("/limits/owners/me", json={"token_quota": 100})
        await client.put("/limits/alerts", json={"alert_marks": [20, 30]})
        await spend("r1", 25)
        await client.put("/limits/alerts", json={"alert_marks": [10, 20, 40, 50]})  # two of them are past
        await client.patch(f"/keys/{made['id']}", json={"alert_marks": [45]})
        await spend("r2", 24)
        told = (await client.get("/alerts")).json()["data"]
        assert not any(each["refused"] for each in told)
        return sorted((each["level"], each["percent"]) for each in told)

    assert visit(services, story) == [("key", 20), ("key", 45), ("owner", 20), ("owner", 40)]


def test_routes_are_versioned_checked_and_audited() -> None:
    """Routes are set as a whole over a version; a bad target names its place and leaves all as it was."""
    services = office([("openai", "sk-0123456789")])
    good: Json = {"fast": {"primary": "openai/gpt-4o-mini", "fallbacks": ["anthropic/claude-sonnet-4-5"]}}
    bad: Json = {**good, "slow": {"targets": ["openai/gpt-4o", {"target": "nobody/model"}]}}

    async def story(client: Client) -> None:
        assert (await client.get("/routes")).json()["version"] == 0
        made = await client.put("/routes", json={"models": good}, headers={"if-match": '"0"'})
        assert (made.status_code, made.headers["etag"]) == (200, '"1"')
        refused = await client.put("/routes", json={"models": bad})
        assert refused.status_code == 400
        assert refused.json()["error"]["param"].startswith("models.slow.targets[1]")
        for stale in ({"headers": {"if-match": '"0"'}}, {"json": {"models": {}, "version": 0}}):
            assert (await client.put("/routes", **{"json": {"models": {}}, **stale})).status_code == 409
        told = (await client.get("/routes")).json()
        assert (told["version"], told["models"], told["broken"]) == (1, good, {})
        assert "fast" in {model["id"] for model in (await client.get("/models")).json()["data"]}
        services.clock.time += 1  # type: ignore[attr-defined]
        last = {"models": {}, "version": 1, "reason": "not needed"}
        assert (await client.put("/routes", json=last)).json()["version"] == 2
        audit = (await client.get("/audit", params={"subject": "routes"})).json()["data"]
        assert [(entry["before"], entry["after"]) for entry in audit] == [(good, {}), ({}, good)]
        assert [entry["reason"] for entry in audit] == ["not needed", None]

    visit(services, story)


def test_alerts_come_newest_first() -> None:
    """Every alert is listed once, the newest first, across pages; refusals alone where they are asked for."""
    services = office()

    async def story(client: Client) -> list[str]:
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
        found, cursor = list[str](), dict[str, str]()
        while True:
            page = (await client.get("/alerts", params={"limit": 3, **cursor})).json()
            found += [alert["id"] for alert in page["data"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    assert visit(services, story) == [f"a{number}" for number in range(7)]


DIALECTS = ("openai", "anthropic", "cohere", "gemini", "bedrock")


@pytest.mark.parametrize("listed", [True, False])
def test_a_check_tells_good_keys_from_bad(listed: bool, tmp_path: Path) -> None:
    """Each key of a provider is asked once, for models or for one token; the answer never holds a key."""
    with simulated({name: name for name in DIALECTS}) as providers:
        rows = "\n".join(
            f'  {name}: {{base_url: "{each.base_url}", local: true, static_models: [{name}-model]'
            f"{'' if listed else ', models_path: null'}}}"
            for name, each in providers.items()
        )
        (tmp_path / "providers.yaml").write_text(f"providers:\n{rows}\n")
        bad = "sk-wrong-0123456789"
        keys = [(name, key) for name, each in providers.items() for key in (each.key, bad)]
        services = office(
            keys, providers_file=tmp_path / "providers.yaml", environ={"AWS_REGION": "eu-west-1"}
        )

        async def story(client: Client) -> dict[str, httpx.Response]:
            return {name: await client.post(f"/providers/{name}/check") for name in DIALECTS}

        told = visit(services, story)
    for name, answer in told.items():
        assert answer.status_code == 200
        assert answer.json()["name"] == name
        assert answer.json()["ok"] is False
        good, wrong = answer.json()["keys"]
        assert (good["ok"], good["status"], good["reason"]) == (True, 200, None), (name, answer.text)
        assert (wrong["ok"], wrong["status"]) == (False, 401), (name, answer.text)
        assert wrong["reason"]
        assert not any(key in answer.text for _, key in keys)


def test_a_check_of_nobody_is_told_and_not_repeated() -> None:
    """A provider without keys is not ok, an unknown one is a 404, and a second check has to wait."""
    services = office()

    async def story(client: Client) -> list[int]:
        first = await client.post("/providers/openai/check")
        assert first.json() == {"name": "openai", "ok": False, "keys": []}
        again = await client.post("/providers/OpenAI/check")
        assert again.headers["retry-after"] == "2"
        services.clock.time += 2  # type: ignore[attr-defined]
        later = await client.post("/providers/openai/check")
        return [again.status_code, later.status_code, (await client.post("/providers/no/check")).status_code]

    assert visit(services, story) == [429, 200, 404]


def test_the_settings_hold_no_secret() -> None:
    """Of the settings an administrator sees kinds and hosts: no path of a store, no address that may open."""
    services = office(
        store="memory:",
        alert_webhook="https://hooks.example/services/T0/SECRET",
        alert_webhook_secret="whsec_" + "c2VjcmV0" * 4,
    )

    async def story(client: Client) -> httpx.Response:
        return await client.get("/config")

    told = visit(services, story)
    assert told.json()["store"] == "memory"
    assert told.json()["alerts"] == {"topic": None, "webhook_host": "hooks.example", "webhook_signed": True}
    assert not any(word in told.text for word in ("SECRET", "whsec_", ADMIN, SYSTEM))


def test_the_documentation_is_one_page_that_loads_nothing() -> None:
    """The page names every operation, and holds neither script nor address; its policy allows none."""

    async def story(client: Client) -> tuple[httpx.Response, Json]:
        return await client.get("/docs"), (await client.get("/openapi.json")).json()

    page, described = visit(office(), story)
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
