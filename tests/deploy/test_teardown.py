"""What a stack leaves behind when it is deleted."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import Deployment
from tests.deploy.stack import Stack, delete, deploy

NAME = "short-lived"
SECRETS = ("VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "AdminKeySecret", "PepperSecret")


@pytest.fixture
def deleted(deployed: Deployment) -> Stack:
    """A second stack beside the first, as it was described before it was deleted."""
    first = deployed.stack
    second = deploy(first.built, first.emulator, "AccessLogRole=existing", name=NAME)
    delete(second)
    return second


def test_secrets_and_table_outlive_their_stack(deleted: Stack) -> None:
    """Deleting a stack ends its functions and its API; vault, keys, pepper and table are still there."""
    functions = deleted.client("lambda").list_functions()["Functions"]
    apis = deleted.client("apigateway").get_rest_apis()["items"]
    table = deleted.client("dynamodb").describe_table(TableName=deleted.resources["Table"])["Table"]
    manager = deleted.client("secretsmanager")
    secrets = [manager.describe_secret(SecretId=deleted.resources[name]) for name in SECRETS]

    assert not [each["FunctionName"] for each in functions if each["FunctionName"].startswith(NAME)]
    assert deleted.resources["Api"] not in {each["id"] for each in apis}
    assert table["TableStatus"] == "ACTIVE"
    assert [each.get("DeletedDate") for each in secrets] == [None] * len(SECRETS)
