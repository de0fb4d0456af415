"""Virtual keys in the hands of an administrator."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.admin.admin_app import NOON, Client, Json, office, settled, visit
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
}
TOLD: Json = {
    **FULL,
    "credits_usd": 12.000000001,
    "allowed_ips": ["203.0.113.7/32", "2001:db8::/32"],
    "expires_at": "2027-01-01T00:00:00.000Z",
}


async def audits(services: Services) -> list[Document]:
    return await services.store.query(document_types.AUDITS, limit=1_000)


def test_a_key_is_what_it_was_told_to_be() -> None:
    """Every field that is sent comes back by the same name, money to the nano-dollar."""

    async def story(client: Client) -> tuple[Json, Json, Json]:
        made = await client.post("/keys", json=FULL)
        assert made.status_code == 201
        return (
            made.json(),
            (await client.get(f"/keys/{made.json()['id']}")).json(),
            (await client.get("/keys")).json(),
        )

    made, shown, listed = visit(office(), story)
    assert {name: made[name] for name in TOLD} == TOLD
    assert made["balance_usd"] == 12.000000001
    assert made["tokens_remaining"] == 1_000_000
    assert made["state"] == "active"
    assert made["created_at"] == "2026-11-22T12:00:00.000Z"
    assert shown == {name: value for name, value in made.items() if name != "key"}
    assert listed == {"data": [shown], "next_cursor": None}


def test_a_key_is_shown_once() -> None:
    """No answer but the one that made a key ever holds it or its digest, nor does the audit or the store."""
    services = office()

    async def story(client: Client) -> None:
        made = (await client.post("/keys", json=FULL)).json()
        turned = (await client.post(f"/keys/{made['id']}/rotate", json={"grace_seconds": 60})).json()
        patched = await client.patch(f"/keys/{made['id']}", json={"name": "other"})
        credited = await client.post(f"/keys/{made['id']}/credits", json={"amount_usd": 1})
        paths = ("/keys", f"/keys/{made['id']}", "/audit", "/logs", "/usage", "/limits", "/config", "/alerts")
        told = [patched, credited, *[await client.get(path) for path in paths]]
        told.append(await client.delete(f"/keys/{made['id']}"))
        secret = {made["key"], turned["key"]}
        kept = [
            await services.store.query(shelf, limit=100)
            for shelf in (document_types.KEYS, document_types.AUDITS)
        ]
        body = kept[0][0].body["signed"]
        digests = {token[0] for token in body["tokens"]}
        assert made["key"].startswith("vg_")
        assert made["key"] != turned["key"]
        assert len(digests) == 2
        for answer in told:
            assert not any(word in answer.text for word in {*secret, *digests})
        written = repr(kept[1]) + json.dumps([document.body for document in kept[1]])
        assert not any(word in written for word in {*secret, *digests})
        assert not any(word in repr(kept[0]) for word in secret)

    visit(services, story)


def test_a_change_changes_what_is_sent_and_nothing_else() -> None:
    """PATCH keeps every field that is not sent, and null clears the one that is."""
    clearing = {name: None for name in FULL if name != "name"}

    async def story(client: Client) -> None:
        made = (await client.post("/keys", json=FULL)).json()
        before = (await client.get(f"/keys/{made['id']}")).json()
        for name, value in clearing.items():
            after = (await client.patch(f"/keys/{made['id']}", json={name: value})).json()
            gone = {**before, name: {} if name == "metadata" else None}
            gone |= {"balance_usd": None} if name == "credits_usd" else {}
            left = any(after[limit] is not None for limit in (*WHOLE, *AMOUNTS))
            gone |= {} if left else {"spent_today_usd": None, "spent_this_month_usd": None}
            gone |= {"tokens_remaining": None} if name == "token_quota" else {}
            assert after == gone
            before = after
        assert (await client.patch(f"/keys/{made['id']}", json={})).json() == before

    visit(office(), story)


def test_every_change_is_audited_before_and_after() -> None:
    """Each write leaves one entry under its request's id, with before and after; a read leaves none."""
    services = office()

    async def story(client: Client) -> list[Json]:
        made = await client.post("/keys", json={"name": "a"})
        path = f"/keys/{made.json()['id']}"
        answers = [made]
        for method, below, body in (
            ("PATCH", "", {"rate_limit_rpm": 5}),
            ("POST", "/credits", {"amount_usd": "2.5", "reason": "invoice 7"}),
            ("POST", "/rotate", {}),
            ("DELETE", "", {}),
        ):
            services.clock.time += 1  # type: ignore[attr-defined]
            answers.append(await client.request(method, path + below, json=body))
        for quiet in (
            await client.delete(path),
            await client.patch(path, json={}),
            await client.get("/keys"),
        ):
            assert quiet.status_code == 200
        told = (await client.get("/audit", params={"subject": made.json()["id"]})).json()["data"][::-1]
        assert [entry["id"] for entry in told] == [answer.headers["x-request-id"] for answer in answers]
        return list(told)

    told = visit(services, story)
    actions = ["keys.create", "keys.update", "keys.credit", "keys.rotate", "keys.revoke"]
    assert [entry["action"] for entry in told] == actions
    assert [(entry["before"] or {}).get("limits") for entry in told[:3]] == [None, {"rpm": 60}, {"rpm": 5}]
    assert told[2]["after"]["limits"] == {"rpm": 5, "credits": 2_500_000_000}
    assert told[2]["reason"] == "invoice 7"
    assert told[4]["before"]["revoked"] is None
    assert told[4]["after"]["revoked"] == NOON + 4


def test_a_rotated_key_has_its_grace_and_a_revoked_one_none() -> None:
    """The old key opens for as long as it was given, the new one goes on, neither outlives a revocation."""
    services = office()

    async def opens(token: str) -> bool:
        try:
            await services.authenticator.authenticate(token, None)
        except Unauthorized:
            return False
        return True

    async def story(client: Client) -> list[tuple[bool, bool]]:
        made = (await client.post("/keys", json={"name": "a"})).json()
        path = f"/keys/{made['id']}"
        turned = (await client.post(f"{path}/rotate", json={"grace_seconds": 60})).json()
        found = [(await opens(made["key"]), await opens(turned["key"]))]
        services.clock.time += 61  # type: ignore[attr-defined]
        found.append((await opens(made["key"]), await opens(turned["key"])))
        await client.delete(path)
        found.append((await opens(made["key"]), await opens(turned["key"])))
        return found

    assert visit(services, story) == [(True, True), (False, True), (False, False)]


def test_it_is_told_how_long_replaced_keys_are_good() -> None:
    """What a rotation replaced is told with its end, the newest first, until then or until it is revoked."""
    services = office()

    async def story(client: Client) -> None:
        made = (await client.post("/keys", json={"name": "a"})).json()
        path = f"/keys/{made['id']}"
        assert made["superseded"] == []
        second = (await client.post(f"{path}/rotate", json={"grace_seconds": 60})).json()
        third = (await client.post(f"{path}/rotate", json={"grace_seconds": 3600})).json()
        assert third["superseded"] == [
            {"masked": second["masked"], "until": "2026-11-22T13:00:00.000Z"},
            {"masked": made["masked"], "until": "2026-11-22T12:01:00.000Z"},
        ]
        services.clock.time += 60  # type: ignore[attr-defined]
        assert (await client.get(path)).json()["superseded"] == third["superseded"][:1]
        assert (await client.delete(path)).json()["superseded"] == []

    visit(services, story)


def test_use_is_told_of_what_was_settled() -> None:
    """A key's usage, balance and remaining tokens are those of its account, to the nano-dollar."""
    services = office()

    async def story(client: Client) -> Json:
        made = (await client.post("/keys", json={**FULL, "credits_usd": 1, "budget_day_usd": 1})).json()
        key = await services.keys.get(made["id"])
        await settled(services, "r1", key=key, tokens=(10, 20), cost=123_456_789)
        await settled(services, "r2", key=key, tokens=(1, 2), cost=1)
        return dict((await client.get(f"/keys/{made['id']}")).json())

    told = visit(services, story)
    cost = 0.12345679
    usage = {
        "requests": 2,
        "prompt_tokens": 11,
        "completion_tokens": 22,
        "total_tokens": 33,
        "cost_usd": cost,
    }
    assert told["usage"] == {**usage, "cost_usd": cost}
    assert told["tokens_remaining"] == 1_000_000 - 33
    assert told["balance_usd"] == 0.87654321
    assert told["spent_today_usd"] == told["spent_this_month_usd"] == cost


def test_credits_added_at_once_all_count() -> None:
    """Many who add credits at the same moment each add theirs."""

    async def story(client: Client) -> Json:
        made = (await client.post("/keys", json={"name": "a", "credits_usd": 0})).json()
        path = f"/keys/{made['id']}/credits"
        adding = [client.post(path, json={"amount_usd": 0.25}) for _ in range(4)]
        assert {answer.status_code for answer in await asyncio.gather(*adding)} == {200}
        return dict((await client.get(f"/keys/{made['id']}")).json())

    assert visit(office(), story)["credits_usd"] == 1


@pytest.mark.parametrize("filters", [{}, {"owner": "o1"}, {"state": "revoked"}])
def test_pages_hold_every_key_once(filters: Json) -> None:
    """Following the cursor finds every key that was there once, while others are made."""

    async def story(client: Client) -> tuple[set[str], list[str]]:
        there = set()
        for number in range(23):
            made = (await client.post("/keys", json={"name": "a", "owner": f"o{number % 2}"})).json()
            if number % 3 == 0:
                await client.delete(f"/keys/{made['id']}")
            if {
                "owner": f"o{number % 2}",
                "state": "active" if number % 3 else "revoked",
            }.items() >= filters.items():
                there.add(made["id"])
        found, cursor = list[str](), {}
        while True:
            page = (await client.get("/keys", params={"limit": 4, **filters, **cursor})).json()
            assert len(page["data"]) <= 4
            found += [key["id"] for key in page["data"]]
            if page["next_cursor"] is None:
                return there, found
            cursor = {"cursor": page["next_cursor"]}
            await client.post("/keys", json={"name": "late", "owner": "o1"})

    there, found = visit(office(), story)
    assert len(found) == len(set(found))
    assert there <= set(found)


AMOUNTS = ("credits_usd", "budget_day_usd", "budget_month_usd")
WHOLE = ("rate_limit_rpm", "rate_limit_tpm", "max_parallel", "token_quota")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BAD_MARKS: list[Any] = [
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
    **dict.fromkeys(WHOLE, st.sampled_from([-1, 1.5, "5", True, 10**16, [1], {}, 1e3, "NaN"])),
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
    "alert_marks": st.sampled_from(BAD_MARKS),
    "unknown": ANYTHING,
    "id": ANYTHING,
    "tokens": ANYTHING,
}


@settings(deadline=None, max_examples=8)
@given(st.data())
def test_a_bad_field_is_named_and_changes_nothing(data: st.DataObject) -> None:
    """Whatever is wrong with a field: a 400 that names it, and neither a change nor an audit comes of it."""
    services = office()

    async def story(client: Client) -> None:
        made = (await client.post("/keys", json=FULL)).json()
        before = (await client.get("/keys")).json()
        for name, wrong in BAD.items():
            value = data.draw(wrong, label=name)
            asked = (
                ("POST", "/keys", {**FULL, name: value}),
                ("PATCH", f"/keys/{made['id']}", {name: value}),
            )
            for method, path, body in asked:
                content, headers = json.dumps(body), {"content-type": "application/json"}
                answer = await client.request(method, path, content=content, headers=headers)
                assert answer.status_code == 400, (name, value, answer.text)
                assert answer.json()["error"]["param"].startswith(name), answer.text
        assert (await client.get("/keys")).json() == before
        assert len(await audits(services)) == 1

    visit(services, story)


@settings(deadline=None, max_examples=40)
@given(
    ANYTHING, st.sampled_from(["/keys", "/routes", "/limits/gateway", "/limits/owners/a", "/limits/alerts"])
)
def test_no_body_makes_a_crash(body: Any, path: str) -> None:
    """Any JSON at all is a 400, or does what it says."""

    async def story(client: Client) -> int:
        method = "POST" if path == "/keys" else "PUT"
        headers = {"content-type": "application/json"}
        return (await client.request(method, path, content=json.dumps(body), headers=headers)).status_code

    assert visit(office(), story) in ({200, 400} if body == {} else {400})


@given(st.integers(0, 4_000_000 * 10**9))
def test_money_goes_out_as_it_came(nanos: int) -> None:
    """A number of dollars in an answer is the amount to the nano-dollar, read as decimals or as a float."""
    told = json.dumps(dollars(nanos))

    assert Decimal(told) * 10**9 == nanos
    assert Decimal(format_usd(nanos)) == Decimal(told)
