"""The table rows that each function's role may read, write and delete, compared with what the functions do.

It evaluates the IAM features that the template uses; `tests/deploy` uses an emulator that enforces them.
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

from tests.alerts.webhook_receiver import SECRET, run_receiver
from tests.fakes.gateway_app import ADMIN, bearer, build_services, run_with_client
from tests.fakes.provider import FakeProvider
from tests.handlers.sam_template import Resources, statements, translate_template
from tests.store.dynamodb.proxy import DynamoDBProxy, actions, proxy_for
from tests.store.ministack import table
from vaultcore.admission.caller import GATEWAY
from vaultcore.ledger.positions import POSITION
from vaultcore.services import Services
from vaultcore.store import document_types, refusal_documents
from vaultcore.store.base import DocumentKey
from vaultcore.store.dynamodb.account_item import account_key
from vaultcore.store.dynamodb.items import document_key
from vaultcore.store.dynamodb.operation_marks import ARCHIVE

STREAM, ADMINS, UPKEEP = ROLES = ("StreamRole", "AdminRole", "UpkeepRole")
NAMES = {  # one key of each document type
    "KEYS": DocumentKey(document_types.KEYS, "key_1"),
    "token_key": document_types.token_key("digest"),
    "POLICY": document_types.POLICY,
    "ROUTES": document_types.ROUTES,
    "AUDITS": document_types.timed_key(document_types.AUDITS, 1.0, "id"),
    "ALERTS": document_types.timed_key(document_types.ALERTS, 1.0, "id"),
    "SEALS": DocumentKey(document_types.SEALS, "day"),
    "record_key": document_types.record_key(1.0, "id"),
    "usage_key": document_types.usage_key(1.0, "key", "provider", "model"),
    "claim_key": document_types.claim_key("key", "digest"),
    "refusal_key": document_types.refusal_key(GATEWAY, "day", "2026-11-22", 1),
    "refusal_row_key": refusal_documents.refusal_row_key(1.0, "id"),
    "refusal_sums_key": refusal_documents.refusal_sums_key("2026-11-22", "key_1"),
}
ROWS = {kind: document_key(name)["pk"]["S"] for kind, name in NAMES.items()} | {
    "position": document_key(POSITION)["pk"]["S"],
    "content": document_key(DocumentKey("content/id"))["pk"]["S"],
    "account": account_key(GATEWAY)["pk"]["S"],
    "marks": ARCHIVE + GATEWAY,
}
# Functions that do not build the key of a document.
HELPERS = {
    *("timestamp", "timed_key", "records_collection"),
    *("usage_collection", "usage_range", "parse_usage_id"),
    *("refusals_collection", "refusal_sums_collection"),
}
WRITERS = {
    **{kind: {ADMINS} for kind in ("KEYS", "token_key", "POLICY", "ROUTES", "AUDITS")},
    **{kind: {STREAM} for kind in ("claim_key", "content")},
    **{kind: {STREAM} for kind in ("refusal_row_key", "refusal_sums_key")},
    **{kind: {UPKEEP} for kind in ("SEALS", "position")},
    **{
        kind: {STREAM, UPKEEP}
        for kind in ("ALERTS", "account", "marks", "record_key", "refusal_key", "usage_key")
    },
}
HIDDEN = {
    "AUDITS",
    "ALERTS",
    "SEALS",
    "record_key",
    "usage_key",
    "refusal_key",
    "content",
}  # not readable by the data plane
Scenario = Callable[[httpx.AsyncClient, Services], Awaitable[object]]
BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translate_template()["Resources"])


def may(resources: Resources, role: str, action: str, row: str) -> bool:
    """Return True if the role's policy allows the action on items with that partition key."""
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
def test_each_document_type_has_its_writers(kind: str, resources: Resources) -> None:
    """The data plane writes no keys, limits, routes or audits; only maintenance writes seals."""
    for action in ("PutItem", "UpdateItem"):
        assert {role for role in ROLES if may(resources, role, action, ROWS[kind])} == WRITERS[kind]


def test_every_document_type_is_listed() -> None:
    """A new document type needs writers here and in the template."""
    named = {
        name for name, each in vars(document_types).items() if isinstance(each, DocumentKey) or name.isupper()
    }
    functions = {
        name
        for module in (document_types, refusal_documents)
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__
    }

    assert named | functions == NAMES.keys() | HELPERS
    assert WRITERS.keys() == ROWS.keys()


def test_only_token_documents_are_deleted(resources: Resources) -> None:
    """Only the admin function deletes, and only token documents; records expire by TTL."""
    deleted = {
        (role, kind)
        for role in ROLES
        for kind, row in ROWS.items()
        if may(resources, role, "DeleteItem", row)
    }

    assert deleted == {(ADMINS, "token_key")}


def test_the_data_plane_reads_no_lists_and_no_history(resources: Resources) -> None:
    """The data plane reads callers and claims by key, and lists only usage and what it has charged."""
    read = {kind for kind, row in ROWS.items() if may(resources, STREAM, "GetItem", row)}

    assert read == ROWS.keys() - HIDDEN
    assert read == {kind for kind, row in ROWS.items() if may(resources, STREAM, "BatchGetItem", row)}
    assert {kind for kind, row in ROWS.items() if may(resources, STREAM, "Query", row)} == {
        "marks",
        "usage_key",
        "record_key",
    }
    for role in ROLES:
        assert "Scan" not in str(statements(resources, role))


def required_permissions(operation: str, call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the permissions that a request needs, as action and partition key."""
    match operation:
        case "BatchGetItem":
            for table_keys in call["RequestItems"].values():
                yield from ((operation, key["pk"]["S"]) for key in table_keys["Keys"])
        case "TransactWriteItems":
            for item in call["TransactItems"]:
                for kind, action in item.items():
                    yield f"{kind}Item", _key(action)
        case "Query":
            _, _, value = call["KeyConditionExpression"].split()[:3]
            yield operation, call["ExpressionAttributeValues"][value]["S"]
        case _:
            yield operation, _key(call)


def _key(action: dict[str, Any]) -> str:
    return str((action.get("Item") or action["Key"])["pk"]["S"])


def permissions_used(wire: DynamoDBProxy) -> set[tuple[str, str]]:
    return {each for operation, request in wire.requests for each in required_permissions(operation, request)}


def test_transactions_need_a_permission_per_write() -> None:
    """The required permissions include each write of a transaction."""
    writes = [{"Put": {"Item": document_key(DocumentKey("a"))}}, {"Delete": {"Key": account_key("b")}}]

    assert len(actions({"TransactItems": writes})) == 2
    assert list(required_permissions("TransactWriteItems", {"TransactItems": writes})) == [
        ("PutItem", "D#a"),
        ("DeleteItem", "A#b"),
    ]


async def administer(client: httpx.AsyncClient, services: Services) -> str:
    """Send every writing admin request; return a key."""
    client.headers["authorization"] = f"Bearer {ADMIN}"
    limits = {"rate_limit_rpm": 60, "token_quota": 100, "max_parallel": 5}
    created = (await client.post("/admin/keys", json={"name": "a", "owner": "me", **limits})).json()
    path = f"/admin/keys/{created['id']}"
    deleted_key = (await client.post("/admin/keys", json={"name": "b"})).json()
    routes = {"models": {"fast": {"primary": "one/gpt-fake"}}}
    for response in (
        await client.patch(path, json={"name": "c"}),
        await client.post(f"{path}/credits", json={"amount_usd": 1}),
        await client.put("/admin/limits/owners/me", json={"rate_limit_rpm": 50}),
        await client.put("/admin/limits/gateway", json={"rate_limit_rpm": 500}),
        await client.put("/admin/routes", json=routes),
        rotated := await client.post(f"{path}/rotate", json={"grace_seconds": 0}),
        await client.delete(f"/admin/keys/{deleted_key['id']}"),
        *[
            await client.get(f"/admin/{each}")
            for each in ("keys", "limits", "logs", "usage", "alerts", "audit")
        ],
    ):
        assert response.status_code < 300, response.text
    return str(rotated.json()["key"])


def test_roles_allow_their_functions_requests(
    tmp_path: Path, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every DynamoDB request of administrators, applications and maintenance is allowed."""
    table_instance, tokens, wires = table(), list[str](), dict[str, DynamoDBProxy]()

    async def apply(client: httpx.AsyncClient, _: Services) -> None:
        headers = {**bearer(tokens[0]), "idempotency-key": "once"}
        all_headers = [headers, headers, *[bearer(tokens[0])] * 7, {}]  # the second request replays the first
        responses = [
            await client.post("/v1/chat/completions", json=BODY, headers=each) for each in all_headers
        ]
        assert [each.status_code for each in responses] == [200] * 8 + [429, 200], [
            each.text for each in responses
        ]
        assert (await client.post("/v1/chat/completions", json={**BODY, "stream": True})).status_code == 200
        assert (await client.get("/v1/key", headers=headers)).status_code == 200
        assert (await client.get("/v1/usage?days=3", headers=headers)).status_code == 200

    async def run_maintenance(_: httpx.AsyncClient, services: Services) -> None:
        assert await services.maintenance.run() == []

    async def record(role: str, scenario: Scenario, **settings: Any) -> None:
        async with proxy_for(table_instance) as wire:
            wires[role] = wire
            await asyncio.to_thread(play, wire, scenario, settings)

    def play(wire: DynamoDBProxy, scenario: Scenario, settings: dict[str, Any]) -> None:
        for name, value in wire.table.environ.items():
            monkeypatch.setenv(name, value)
        services = build_services(tmp_path, provider, store=table_instance.url, keep_content=60.0, **settings)
        result = run_with_client(services, lambda client: scenario(client, services))
        tokens.extend([result] if isinstance(result, str) else [])

    with FakeProvider() as provider, run_receiver() as receiver:
        asyncio.run(record(ADMINS, administer))
        asyncio.run(record(STREAM, apply))
        asyncio.run(record(UPKEEP, run_maintenance, alert_webhook=receiver.url, alert_webhook_secret=SECRET))

    for role, wire in wires.items():
        denied = [each for each in sorted(permissions_used(wire)) if not may(resources, role, *each)]
        assert denied == [], role
    written_rows = {
        row for action, row in permissions_used(wires[STREAM]) if not action.endswith(("GetItem", "Query"))
    }
    collections = {row.partition("/")[0] for row in written_rows if row.startswith("D#")}
    assert collections == {
        *("D#log", "D#claim", "D#content", "D#alerts", "D#refused", "D#refusals"),
    }
