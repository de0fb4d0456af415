"""What each function's role may do, where permissions are enforced: asked with the role's own credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.conftest import Deployment
from tests.deploy.stack import Stack
from vaultcore.store import document_types
from vaultcore.store.base import Name
from vaultcore.store.dynamodb.items import document_key

FUNCTIONS = ("StreamFunction", "AdminFunction", "UpkeepFunction")
READABLE = {
    "StreamFunction": {"VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"},
    "AdminFunction": {"VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"},
    "UpkeepFunction": {"PepperSecret"},
}
ADMINISTERED = {  # what only administrators write
    "keys": Name(document_types.KEYS, "key_0"),
    "token": document_types.token("0" * 64),
    "policy": document_types.POLICY,
    "routes": document_types.ROUTES,
    "audits": document_types.timed(document_types.AUDITS, 0, "0"),
    "seals": Name(document_types.SEALS, "0"),
}


def refused(call: Callable[..., Any], **asked: Any) -> bool:
    """Whether AWS says that this is not allowed; any other answer counts as allowed."""
    from botocore.exceptions import ClientError

    try:
        call(**asked)
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


@pytest.fixture
def stack(deployed: Deployment) -> Stack:
    return deployed.stack


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_its_own_secrets_only(function: str, stack: Stack) -> None:
    """Each role gets the text of the secrets that its function needs, and of no other."""
    manager = stack.role(function)("secretsmanager")
    secrets = [name for name in stack.resources if name.endswith("Secret")]
    read = {name for name in secrets if not refused(manager.get_secret_value, SecretId=stack.resources[name])}

    assert len(secrets) == 5
    assert read == READABLE[function]
    assert refused(manager.put_secret_value, SecretId=stack.resources["PepperSecret"], SecretString="x")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nobody_scans_or_drops_the_table(function: str, stack: Stack) -> None:
    """No function may read the table as a whole, copy it, or end it."""
    dynamo = stack.role(function)("dynamodb")
    table = stack.resources["Table"]

    assert refused(dynamo.scan, TableName=table)
    assert refused(dynamo.delete_table, TableName=table)
    assert refused(dynamo.create_backup, TableName=table, BackupName="copy")


@pytest.mark.parametrize("shelf", ADMINISTERED)
def test_the_data_plane_writes_nothing_of_the_administrators(shelf: str, stack: Stack) -> None:
    """What applications can reach may put, change or delete no key, limit, route, audit or seal."""
    dynamo = stack.role("StreamFunction")("dynamodb")
    table, key = stack.resources["Table"], document_key(ADMINISTERED[shelf])
    put = {"Put": {"TableName": table, "Item": key}}
    harmless = {"Put": {"TableName": table, "Item": document_key(document_types.claim("key_0", "0"))}}

    assert refused(dynamo.put_item, TableName=table, Item=key)
    assert refused(dynamo.update_item, TableName=table, Key=key)
    assert refused(dynamo.delete_item, TableName=table, Key=key)
    assert refused(dynamo.transact_write_items, TransactItems=[harmless, put])


@pytest.mark.parametrize("shelf", ["audits", "seals", "log"])
def test_the_data_plane_reads_no_history(shelf: str, stack: Stack) -> None:
    """Who changed what, what was sealed, and who asked when is not for what applications can reach."""
    dynamo, table = stack.role("StreamFunction")("dynamodb"), stack.resources["Table"]
    key = document_key({**ADMINISTERED, "log": document_types.record(0, "0")}[shelf])
    asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}

    assert refused(dynamo.get_item, TableName=table, Key=key)
    assert refused(dynamo.query, TableName=table, **asked)


def test_the_data_plane_writes_its_own_rows(stack: Stack) -> None:
    """The same calls are allowed for what requests leave, so the refusals above are the shelves'."""
    dynamo = stack.role("StreamFunction")("dynamodb")
    table, key = stack.resources["Table"], document_key(document_types.claim("key_0", "1"))

    assert not refused(dynamo.put_item, TableName=table, Item=key)
    assert not refused(dynamo.update_item, TableName=table, Key=key)
    assert not refused(dynamo.get_item, TableName=table, Key=key)
