"""The permissions of each function's role, tested with its credentials where permissions are enforced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.conftest import Deployment
from tests.deploy.stack import Stack
from vaultcore.store import document_types
from vaultcore.store.base import DocumentKey
from vaultcore.store.dynamodb.items import document_key

FUNCTIONS = ("StreamFunction", "AdminFunction", "UpkeepFunction")
READABLE = {
    "StreamFunction": {"VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"},
    "AdminFunction": {"VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"},
    "UpkeepFunction": {"PepperSecret"},
}
ADMIN_DOCUMENTS = {  # documents that only administrators write
    "keys": DocumentKey(document_types.KEYS, "key_0"),
    "token": document_types.token_key("0" * 64),
    "policy": document_types.POLICY,
    "routes": document_types.ROUTES,
    "audits": document_types.timed_key(document_types.AUDITS, 0, "0"),
    "seals": DocumentKey(document_types.SEALS, "0"),
}


def is_denied(call: Callable[..., Any], **query: Any) -> bool:
    """Return True if AWS denies the call; any other response counts as allowed."""
    from botocore.exceptions import ClientError

    try:
        call(**query)
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


@pytest.fixture
def stack(deployed: Deployment) -> Stack:
    return deployed.stack


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_its_own_secrets_only(function: str, stack: Stack) -> None:
    """Each role can read the secrets of its function and no others."""
    manager = stack.role(function)("secretsmanager")
    secrets = [name for name in stack.resources if name.endswith("Secret")]
    read = {
        name for name in secrets if not is_denied(manager.get_secret_value, SecretId=stack.resources[name])
    }

    assert len(secrets) == 5
    assert read == READABLE[function]
    assert is_denied(manager.put_secret_value, SecretId=stack.resources["PepperSecret"], SecretString="x")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_scans_or_deletes_the_table(function: str, stack: Stack) -> None:
    """No function may scan, back up or delete the table."""
    dynamo = stack.role(function)("dynamodb")
    table = stack.resources["Table"]

    assert is_denied(dynamo.scan, TableName=table)
    assert is_denied(dynamo.delete_table, TableName=table)
    assert is_denied(dynamo.create_backup, TableName=table, BackupName="copy")


@pytest.mark.parametrize("kind", ADMIN_DOCUMENTS)
def test_the_data_plane_writes_no_admin_documents(kind: str, stack: Stack) -> None:
    """The data plane may not write or delete keys, limits, routes, audits or seals."""
    dynamo = stack.role("StreamFunction")("dynamodb")
    table, key = stack.resources["Table"], document_key(ADMIN_DOCUMENTS[kind])
    put = {"Put": {"TableName": table, "Item": key}}
    harmless = {"Put": {"TableName": table, "Item": document_key(document_types.claim_key("key_0", "0"))}}

    assert is_denied(dynamo.put_item, TableName=table, Item=key)
    assert is_denied(dynamo.update_item, TableName=table, Key=key)
    assert is_denied(dynamo.delete_item, TableName=table, Key=key)
    assert is_denied(dynamo.transact_write_items, TransactItems=[harmless, put])


@pytest.mark.parametrize("kind", ["audits", "seals", "log"])
def test_the_data_plane_reads_no_history(kind: str, stack: Stack) -> None:
    """The data plane may not read audits, seals or request logs, but it lists records for GET /v1/usage."""
    dynamo, table = stack.role("StreamFunction")("dynamodb"), stack.resources["Table"]
    key = document_key({**ADMIN_DOCUMENTS, "log": document_types.record_key(0, "0")}[kind])
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}

    assert is_denied(dynamo.get_item, TableName=table, Key=key)
    assert is_denied(dynamo.query, TableName=table, **query) == (kind != "log")


def test_the_data_plane_writes_its_own_rows(stack: Stack) -> None:
    """The same calls succeed on the data plane's documents, so the denials above come from the types."""
    dynamo = stack.role("StreamFunction")("dynamodb")
    table, key = stack.resources["Table"], document_key(document_types.claim_key("key_0", "1"))

    assert not is_denied(dynamo.put_item, TableName=table, Item=key)
    assert not is_denied(dynamo.update_item, TableName=table, Key=key)
    assert not is_denied(dynamo.get_item, TableName=table, Key=key)
