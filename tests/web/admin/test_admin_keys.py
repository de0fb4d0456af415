"""`/admin/keys`: creating, listing, changing, rotating and revoking virtual keys."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.admin.admin_app import NOON, Client, Json, admin_services, record_request, run_admin
from vaultcore.errors import Unauthorized
from vaultcore.money import format_usd
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Document
from vaultcore.web.limit_json import dollars

FULL: Json = {
    "name": "the app",
    "rate_limit_rpm": 100,
    "rate_limit_tpm": 5_000,
    "max_parallel": 3,
    "token_quota": 1_000_000,
    "credits_usd": "12.000000001",
    "budget_day_usd": 0.1,
    "budget_month_usd": 3,
    "allowed_models": ["gpt-4o", "openai/gpt-4o-mini", "anthropic/*"],
    "allowed_ips": ["203.0.113.7", "2001:db8::/32"],
    "expires_at": "2027-01-01T01:00:00+01:00",
    "owner": "team a",
    "metadata": {"cost centre": "42"},
    "alert_marks": [50, 80, 100],
    "unbounded_inputs": "deny",
}
CLEARED: Json = {"metadata": {}, "unbounded_inputs": "reserve_max"}  # values after null, where not null
EXPECTED: Json = {
    **FULL,
    "credits_usd": 12.000000001,
    "allowed_ips": ["203.0.113.7/32", "2001:db8::/32"],
    "expires_at": "2027-01-01T00:00:00.000Z",
}


async def audits(services: Services) -> list[Document]:
    return await services.store.query(document_types.AUDITS, limit=1_000)


def test_a_created_key_has_the_requested_fields() -> None:
    """Every field of the request is in the responses under the same name, money to the nano-dollar."""

    async def scenario(client: Client) -> tuple[Json, Json, Json]:
        created = await client.post("/keys", json=FULL)
        assert created.status_code == 201
        return (
            created.json(),
            (await client.get(f"/keys/{created.json()['id']}")).json(),
            (await client.get("/keys")).json(),
        )

    created, single, page = run_admin(admin_services(), scenario)
    assert {name: created[name] for name in EXPECTED} == EXPECTED
    assert created["balance_usd"] == 12.000000001
    assert created["tokens_remaining"] == 1_000_000
    assert created["state"] == "active"
    assert created["created_at"] == "2026-11-22T12:00:00.000Z"
    assert single == {name: value for name, value in created.items() if name != "key"}
    assert page == {"data": [single], "next_cursor": None}


def test_a_token_is_shown_once() -> None:
    """Only the response that creates a token contains it; others, the audit log and the store never do."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        created = (await client.post("/keys", json=FULL)).json()
        rotated = (await client.post(f"/keys/{created['id']}/rotate", json={"grace_seconds": 60})).json()
        patched = await client.patch(f"/keys/{created['id']}", json={"name": "other"})
        credited = await client.post(f"/keys/{created['id']}/credits", json={"amount_usd": 1})
        paths = (
            "/keys",
            f"/keys/{created['id']}",
            "/audit",
            "/logs",
            "/usage",
            "/limits",
            "/config",
            "/alerts",
        )
        others = [patched, credited, *[await client.get(path) for path in paths]]
        others.append(await client.delete(f"/keys/{created['id']}"))
        tokens = {created["key"], rotated["key"]}
        stored = [
            await services.store.query(collection, limit=100)
            for collection in (document_types.KEYS, document_types.AUDITS)
        ]
        body = stored[0][0].body["signed"]
        digests = {token[0] for token in body["tokens"]}
        assert created["key"].startswith("vg_")
        assert created["key"] != rotated["key"]
        assert len(digests) == 2
        for response in others:
            assert not any(secret in response.text for secret in {*tokens, *digests})
        audit_text = repr(stored[1]) + json.dumps([document.body for document in stored[1]])
        assert not any(secret in audit_text for secret in {*tokens, *digests})
        assert not any(secret in repr(stored[0]) for secret in tokens)

    run_admin(services, scenario)


def test_a_patch_changes_only_its_fields() -> None:
    """PATCH keeps every field that it does not contain; null clears a field."""
    clears = {name: None for name in FULL if name != "name"}

    async def scenario(client: Client) -> None:
        created = (await client.post("/keys", json=FULL)).json()
        before = (await client.get(f"/keys/{created['id']}")).json()
        for name, value in clears.items():
            after = (await client.patch(f"/keys/{created['id']}", json={name: value})).json()
            expected = {**before, name: CLEARED.get(name)}
            expected |= {"balance_usd": None} if name == "credits_usd" else {}
            has_limit = any(after[limit] is not None for limit in (*INTEGERS, *AMOUNTS))
            expected |= {} if has_limit else {"spent_today_usd": None, "spent_this_month_usd": None}
            expected |= {"tokens_remaining": None} if name == "token_quota" else {}
            assert after == expected
            before = after
        assert (await client.patch(f"/keys/{created['id']}", json={})).json() == before

    run_admin(admin_services(), scenario)


def test_every_change_has_an_audit_entry() -> None:
    """Each write adds one entry under its request id, with before and after; a read adds none."""
    services = admin_services()

    async def scenario(client: Client) -> list[Json]:
        created = await client.post("/keys", json={"name": "a"})
        path = f"/keys/{created.json()['id']}"
        responses = [created]
        for method, below, body in (
            ("PATCH", "", {"rate_limit_rpm": 5}),
            ("POST", "/credits", {"amount_usd": "2.5", "reason": "invoice 7"}),
            ("POST", "/rotate", {}),
            ("DELETE", "", {}),
        ):
            services.clock.time += 1  # type: ignore[attr-defined]
            responses.append(await client.request(method, path + below, json=body))
        for unchanged in (
            await client.delete(path),
            await client.patch(path, json={}),
            await client.get("/keys"),
        ):
            assert unchanged.status_code == 200
        entries = (await client.get("/audit", params={"subject": created.json()["id"]})).json()["data"][::-1]
        assert [entry["id"] for entry in entries] == [
            response.headers["x-request-id"] for response in responses
        ]
        return list(entries)

    entries = run_admin(services, scenario)
    actions = ["keys.create", "keys.update", "keys.credit", "keys.rotate", "keys.revoke"]
    assert [entry["action"] for entry in entries] == actions
    assert [(entry["before"] or {}).get("limits") for entry in entries[:3]] == [None, {"rpm": 60}, {"rpm": 5}]
    assert entries[2]["after"]["limits"] == {"rpm": 5, "credits": 2_500_000_000}
    assert entries[2]["reason"] == "invoice 7"
    assert entries[4]["before"]["revoked"] is None
    assert entries[4]["after"]["revoked"] == NOON + 4


def test_rotation_has_a_grace_period_and_revocation_has_none() -> None:
    """The old token is valid during its grace period; a revocation ends both tokens at once."""
    services = admin_services()

    async def is_valid(token: str) -> bool:
        try:
            await services.authenticator.authenticate(token, None)
        except Unauthorized:
            return False
        return True

    async def scenario(client: Client) -> list[tuple[bool, bool]]:
        created = (await client.post("/keys", json={"name": "a"})).json()
        path = f"/keys/{created['id']}"
        rotated = (await client.post(f"{path}/rotate", json={"grace_seconds": 60})).json()
        results = [(await is_valid(created["key"]), await is_valid(rotated["key"]))]
        services.clock.time += 61  # type: ignore[attr-defined]
        results.append((await is_valid(created["key"]), await is_valid(rotated["key"])))
        await client.delete(path)
        results.append((await is_valid(created["key"]), await is_valid(rotated["key"])))
        return results

    assert run_admin(services, scenario) == [(True, True), (False, True), (False, False)]


def test_replaced_tokens_are_listed_until_they_expire() -> None:
    """Replaced tokens are listed with their end, newest first, until then or until the key is revoked."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        created = (await client.post("/keys", json={"name": "a"})).json()
        path = f"/keys/{created['id']}"
        assert created["superseded"] == []
        second = (await client.post(f"{path}/rotate", json={"grace_seconds": 60})).json()
        third = (await client.post(f"{path}/rotate", json={"grace_seconds": 3600})).json()
        assert third["superseded"] == [
            {"masked": second["masked"], "until": "2026-11-22T13:00:00.000Z"},
            {"masked": created["masked"], "until": "2026-11-22T12:01:00.000Z"},
        ]
        services.clock.time += 60  # type: ignore[attr-defined]
        assert (await client.get(path)).json()["superseded"] == third["superseded"][:1]
        assert (await client.delete(path)).json()["superseded"] == []

    run_admin(services, scenario)


def test_usage_is_that_of_the_account() -> None:
    """A key's usage, balance and remaining tokens are those of its account, to the nano-dollar."""
    services = admin_services()

    async def scenario(client: Client) -> Json:
        created = (await client.post("/keys", json={**FULL, "credits_usd": 1, "budget_day_usd": 1})).json()
        key = await services.keys.get(created["id"])
        await record_request(services, "r1", key=key, tokens=(10, 20), cost=123_456_789)
        await record_request(services, "r2", key=key, tokens=(1, 2), cost=1)
        return dict((await client.get(f"/keys/{created['id']}")).json())

    key_info = run_admin(services, scenario)
    cost = 0.12345679
    usage = {
        "requests": 2,
        "prompt_tokens": 11,
        "completion_tokens": 22,
        "total_tokens": 33,
        "cost_usd": cost,
    }
    assert key_info["usage"] == {**usage, "cost_usd": cost}
    assert key_info["tokens_remaining"] == 1_000_000 - 33
    assert key_info["balance_usd"] == 0.87654321
    assert key_info["spent_today_usd"] == key_info["spent_this_month_usd"] == cost


def test_concurrent_credits_are_all_added() -> None:
    """Concurrent additions of credits are all added."""

    async def scenario(client: Client) -> Json:
        created = (await client.post("/keys", json={"name": "a", "credits_usd": 0})).json()
        path = f"/keys/{created['id']}/credits"
        requests = [client.post(path, json={"amount_usd": 0.25}) for _ in range(4)]
        assert {response.status_code for response in await asyncio.gather(*requests)} == {200}
        return dict((await client.get(f"/keys/{created['id']}")).json())

    assert run_admin(admin_services(), scenario)["credits_usd"] == 1


@pytest.mark.parametrize("filters", [{}, {"owner": "o1"}, {"state": "revoked"}])
def test_pages_contain_every_key_once(filters: Json) -> None:
    """Following the cursor returns each existing key once, while other keys are created."""

    async def scenario(client: Client) -> tuple[set[str], list[str]]:
        expected = set()
        for number in range(23):
            created = (await client.post("/keys", json={"name": "a", "owner": f"o{number % 2}"})).json()
            if number % 3 == 0:
                await client.delete(f"/keys/{created['id']}")
            if {
                "owner": f"o{number % 2}",
                "state": "active" if number % 3 else "revoked",
            }.items() >= filters.items():
                expected.add(created["id"])
        listed, cursor = list[str](), {}
        while True:
            page = (await client.get("/keys", params={"limit": 4, **filters, **cursor})).json()
            assert len(page["data"]) <= 4
            listed += [key["id"] for key in page["data"]]
            if page["next_cursor"] is None:
                return expected, listed
            cursor = {"cursor": page["next_cursor"]}
            await client.post("/keys", json={"name": "late", "owner": "o1"})

    expected, listed = run_admin(admin_services(), scenario)
    assert len(listed) == len(set(listed))
    assert expected <= set(listed)


AMOUNTS = ("credits_usd", "budget_day_usd", "budget_month_usd")
INTEGERS = ("rate_limit_rpm", "rate_limit_tpm", "max_parallel", "token_quota")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BAD_THRESHOLDS: list[Any] = [
    80,
    "80",
    [0],
    [101],
    [-5],
    [80.5],
    ["80"],
    [True],
    [80, 50],
    [80, 80],
    [1, 2, 3, 4, 5, 6],
]
BAD: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from([None, "", " a", "a\n", "\x00", "a" * 129, 5, ["a"], "\u202e"]),
    **dict.fromkeys(INTEGERS, st.sampled_from([-1, 1.5, "5", True, 10**16, [1], {}, 1e3, "NaN"])),
    **dict.fromkeys(
        AMOUNTS,
        st.sampled_from(
            [-1, -1e-9, "1e3", "", "five", True, 1_000_001, "0.0000000001", [1], 1e-10, " 1", "٣"]
        )
        | st.integers(1_000_001, 10**40),
    ),
    "allowed_models": st.sampled_from(
        [
            [],
            [""],
            ["*"],
            ["*/gpt"],
            ["gpt-*"],
            ["openai/**"],
            ["OpenAI/*"],
            ["/*"],
            "gpt",
            [5],
            ["a\n"],
            ["m" * 257],
        ]
    ),
    "allowed_ips": st.sampled_from(
        [
            [],
            [""],
            ["256.0.0.1"],
            ["10.0.0.0/33"],
            "10.0.0.1",
            [167772161],
            ["::1/129"],
            ["localhost"],
            ["a" * 65],
        ]
    ),
    "expires_at": st.sampled_from(
        [
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2020-01-01T00:00:00Z",
            "soon",
            "",
            -1,
            0,
            1e300,
            NOON,
            True,
            [],
            "9" * 50,
        ]
    ),
    "owner": st.sampled_from(["", " ", "a\tb", "o" * 129, 5, {}]),
    "metadata": st.sampled_from(
        [
            [],
            "a",
            {"a": 1},
            {"a": None},
            {"": "b"},
            {"a" * 65: "b"},
            {"a": "b" * 257},
            {str(n): "" for n in range(17)},
        ]
    ),
    "alert_marks": st.sampled_from(BAD_THRESHOLDS),
    "unbounded_inputs": st.sampled_from(["", "none", "Deny", 1, True, ["deny"], {}]),
    "unknown": ANY_JSON,
    "id": ANY_JSON,
    "tokens": ANY_JSON,
}


@settings(deadline=None, max_examples=8)
@given(st.data())
def test_an_invalid_field_is_named_and_changes_nothing(data: st.DataObject) -> None:
    """An invalid field is a 400 error that names it; nothing is changed and no audit entry is written."""
    services = admin_services()

    async def scenario(client: Client) -> None:
        created = (await client.post("/keys", json=FULL)).json()
        before = (await client.get("/keys")).json()
        for name, values in BAD.items():
            value = data.draw(values, label=name)
            requests = (
                ("POST", "/keys", {**FULL, name: value}),
                ("PATCH", f"/keys/{created['id']}", {name: value}),
            )
            for method, path, body in requests:
                content, headers = json.dumps(body), {"content-type": "application/json"}
                response = await client.request(method, path, content=content, headers=headers)
                assert response.status_code == 400, (name, value, response.text)
                assert response.json()["error"]["param"].startswith(name), response.text
        assert (await client.get("/keys")).json() == before
        assert len(await audits(services)) == 1

    run_admin(services, scenario)


@settings(deadline=None, max_examples=40)
@given(
    ANY_JSON, st.sampled_from(["/keys", "/routes", "/limits/gateway", "/limits/owners/a", "/limits/alerts"])
)
def test_any_json_is_accepted_or_rejected(body: Any, path: str) -> None:
    """Any JSON body gets 200 or 400."""

    async def scenario(client: Client) -> int:
        method = "POST" if path == "/keys" else "PUT"
        headers = {"content-type": "application/json"}
        return (await client.request(method, path, content=json.dumps(body), headers=headers)).status_code

    assert run_admin(admin_services(), scenario) in ({200, 400} if body == {} else {400})


@given(st.integers(0, 4_000_000 * 10**9))
def test_dollars_are_exact(nanos: int) -> None:
    """A number of dollars is exact to the nano-dollar, parsed as a decimal or as a float."""
    text = json.dumps(dollars(nanos))

    assert Decimal(text) * 10**9 == nanos
    assert Decimal(format_usd(nanos)) == Decimal(text)
