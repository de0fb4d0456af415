"""Which rows of the table each function's role may read, write and delete, and that this is what they do.

IAM is evaluated here as far as the template uses it; `tests/deploy` asks an emulator that enforces it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.alerts.receiver import SECRET, receiving
from tests.fakes.gateway_app import ADMIN, bearer, house, visit
from tests.fakes.provider import FakeProvider
from tests.handlers.translated import Resources, statements, translated
from tests.store.dynamodb.wire import Wire, actions, wired
from tests.store.ministack import table
from vaultcore.admission.caller import GATEWAY
from vaultcore.ledger.sealing import POSITION
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Name
from vaultcore.store.dynamodb.items import account_key, document_key

STREAM, ADMINS, UPKEEP = ROLES = ("StreamRole", "AdminRole", "UpkeepRole")
NAMES = {  # one of each kind
    "KEYS": Name(document_types.KEYS, "key_1"),
    "token": document_types.token("digest"),
    "POLICY": document_types.POLICY,
    "ROUTES": document_types.ROUTES,
    "AUDITS": document_types.timed(document_types.AUDITS, 1.0, "id"),
    "ALERTS": document_types.timed(document_types.ALERTS, 1.0, "id"),
    "SEALS": Name(document_types.SEALS, "day"),
    "record": document_types.record(1.0, "id"),
    "sums": document_types.sums(1.0, "key", "provider", "model"),
    "claim": document_types.claim("key", "digest"),
    "refusal": document_types.refusal(GATEWAY, "day", "2026-11-22", 1),
}
ROWS = {kind: document_key(name)["pk"]["S"] for kind, name in NAMES.items()} | {
    "position": document_key(POSITION)["pk"]["S"],
    "content": document_key(Name("content/id"))["pk"]["S"],
    "account": account_key(GATEWAY)["pk"]["S"],
}
MADE_OF = {"stamp", "timed", "log", "usage", "sums_of", "summed"}  # what others of these names are made with
WRITERS = {
    **{kind: {ADMINS} for kind in ("KEYS", "token", "POLICY", "ROUTES", "AUDITS")},
    **{kind: {STREAM} for kind in ("record", "sums", "claim", "refusal", "content")},
    **{kind: {UPKEEP} for kind in ("SEALS", "position")},
    **{kind: {STREAM, UPKEEP} for kind in ("ALERTS", "account")},
}
HIDDEN = {
    "AUDITS",
    "ALERTS",
    "SEALS",
    "record",
    "sums",
    "refusal",
    "position",
    "content",
}  # from what applications reach
Story = Callable[[httpx.AsyncClient, Services], Awaitable[object]]
SAID = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translated()["Resources"])


def may(resources: Resources, role: str, action: str, row: str) -> bool:
    """Whether a role's policy allows an action on items with that partition key."""
    for each in statements(resources, role):
        if (
            each.get("Resource") != {"Fn::GetAtt": ["Table", "Arn"]}
            or f"dynamodb:{action}" not in each["Action"]
        ):
            continue
        assert each["Effect"] == "Allow"
        if (condition := each.get("Condition")) is None:
            return True
        assert list(condition) == ["ForAllValues:StringLike"]
        (keys,) = condition["ForAllValues:StringLike"].values()
        assert list(condition["ForAllValues:StringLike"]) == ["dynamodb:LeadingKeys"]
        if any(fnmatchcase(row, pattern) for pattern in keys):
            return True
    return False


@pytest.mark.parametrize("kind", ROWS)
def test_rows_have_their_writers(kind: str, resources: Resources) -> None:
    """What applications reach writes no keys, limits, routes or audits; no one but upkeep writes seals."""
    for action in ("PutItem", "UpdateItem"):
        assert {role for role in ROLES if may(resources, role, action, ROWS[kind])} == WRITERS[kind]


def test_every_kind_of_row_is_known_here() -> None:
    """A shelf that is new has to be given to somebody, here and in the template."""
    named = {name for name, each in vars(document_types).items() if isinstance(each, Name) or name.isupper()}
    made = {name for name, _ in inspect.getmembers(document_types, inspect.isfunction)}
    made = {name for name in made if getattr(document_types, name).__module__ == document_types.__name__}

    assert named | made == NAMES.keys() | MADE_OF
    assert WRITERS.keys() == ROWS.keys()


def test_only_tokens_are_ever_deleted(resources: Resources) -> None:
    """Deleting is the admin plane's, of what finds a key by its token; records end by their time to live."""
    deleted = {
        (role, kind)
        for role in ROLES
        for kind, row in ROWS.items()
        if may(resources, role, "DeleteItem", row)
    }

    assert deleted == {(ADMINS, "token")}


def test_applications_reach_no_lists_and_no_history(resources: Resources) -> None:
    """The data plane's role gets items whose keys it knows, of callers and of claims; it lists sums alone."""
    read = {kind for kind, row in ROWS.items() if may(resources, STREAM, "GetItem", row)}

    assert read == ROWS.keys() - HIDDEN
    assert read == {kind for kind, row in ROWS.items() if may(resources, STREAM, "BatchGetItem", row)}
    assert {kind for kind, row in ROWS.items() if may(resources, STREAM, "Query", row)} == {"sums"}
    for role in ROLES:
        assert "Scan" not in str(statements(resources, role))


def needed(operation: str, asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The permissions that a request takes, as actions and partition keys."""
    match operation:
        case "BatchGetItem":
            for wanted in asked["RequestItems"].values():
                yield from ((operation, key["pk"]["S"]) for key in wanted["Keys"])
        case "TransactWriteItems":
            for item in asked["TransactItems"]:
                for kind, action in item.items():
                    yield f"{kind}Item", _key(action)
        case "Query":
            _, _, value = asked["KeyConditionExpression"].split()[:3]
            yield operation, asked["ExpressionAttributeValues"][value]["S"]
        case _:
            yield operation, _key(asked)


def _key(action: dict[str, Any]) -> str:
    return str((action.get("Item") or action["Key"])["pk"]["S"])


def used_by(wire: Wire) -> set[tuple[str, str]]:
    return {each for operation, asked in wire.asked for each in needed(operation, asked)}


def test_transactions_are_looked_into() -> None:
    """What is found to be needed covers each write of a transaction."""
    writes = [{"Put": {"Item": document_key(Name("a"))}}, {"Delete": {"Key": account_key("b")}}]

    assert len(actions({"TransactItems": writes})) == 2
    assert list(needed("TransactWriteItems", {"TransactItems": writes})) == [
        ("PutItem", "D#a"),
        ("DeleteItem", "A#b"),
    ]


async def administer(client: httpx.AsyncClient, services: Services) -> str:
    """Everything that is written through the admin API; a key to go on with."""
    client.headers["authorization"] = f"Bearer {ADMIN}"
    limits = {"rate_limit_rpm": 60, "token_quota": 100, "max_parallel": 5}
    made = (await client.post("/admin/keys", json={"name": "a", "owner": "me", **limits})).json()
    path = f"/admin/keys/{made['id']}"
    gone = (await client.post("/admin/keys", json={"name": "b"})).json()
    routes = {"models": {"fast": {"primary": "one/gpt-fake"}}}
    for answer in (
        await client.patch(path, json={"name": "c"}),
        await client.post(f"{path}/credits", json={"amount_usd": 1}),
        await client.put("/admin/limits/owners/me", json={"rate_limit_rpm": 50}),
        await client.put("/admin/limits/gateway", json={"rate_limit_rpm": 500}),
        await client.put("/admin/routes", json=routes),
        turned := await client.post(f"{path}/rotate", json={"grace_seconds": 0}),
        await client.delete(f"/admin/keys/{gone['id']}"),
        *[
            await client.get(f"/admin/{each}")
            for each in ("keys", "limits", "logs", "usage", "alerts", "audit")
        ],
    ):
        assert answer.status_code < 300, answer.text
    return str(turned.json()["key"])


def test_roles_allow_what_their_functions_do(
    tmp_path: Path, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request to DynamoDB of an administrator's day, of applications' and of upkeep is allowed."""
    held, tokens, wires = table(), list[str](), dict[str, Wire]()

    async def apply(client: httpx.AsyncClient, _: Services) -> None:
        headers = {**bearer(tokens[0]), "idempotency-key": "once"}
        asked = [headers, headers, *[bearer(tokens[0])] * 7, {}]  # the second is answered as the first was
        told = [await client.post("/v1/chat/completions", json=SAID, headers=more) for more in asked]
        assert [each.status_code for each in told] == [200] * 8 + [429, 200], [each.text for each in told]
        assert (await client.post("/v1/chat/completions", json={**SAID, "stream": True})).status_code == 200
        assert (await client.get("/v1/key", headers=headers)).status_code == 200
        assert (await client.get("/v1/usage?days=3", headers=headers)).status_code == 200

    async def keep_house(_: httpx.AsyncClient, services: Services) -> None:
        assert await services.maintenance.run() == []

    async def over(role: str, story: Story, **settings: Any) -> None:
        async with wired(held) as wire:
            wires[role] = wire
            await asyncio.to_thread(play, wire, story, settings)

    def play(wire: Wire, story: Story, settings: dict[str, Any]) -> None:
        for name, value in wire.table.environ.items():
            monkeypatch.setenv(name, value)
        services = house(tmp_path, provider, store=held.url, keep_content=60.0, **settings)
        told = visit(services, lambda client: story(client, services))
        tokens.extend([told] if isinstance(told, str) else [])

    with FakeProvider() as provider, receiving() as heard:
        asyncio.run(over(ADMINS, administer))
        asyncio.run(over(STREAM, apply))
        asyncio.run(over(UPKEEP, keep_house, alert_webhook=heard.url, alert_webhook_secret=SECRET))

    for role, wire in wires.items():
        refused = [each for each in sorted(used_by(wire)) if not may(resources, role, *each)]
        assert refused == [], role
    written = {row for action, row in used_by(wires[STREAM]) if not action.endswith(("GetItem", "Query"))}
    shelved = {row.partition("/")[0] for row in written if row.startswith("D#")}
    assert shelved == {"D#log", "D#usage", "D#claim", "D#content", "D#alerts", "D#refused"}
