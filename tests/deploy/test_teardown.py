"""A second stack, whose secrets only named readers may read, and what it leaves behind when it is deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from tests.deploy.conftest import Deployment
from tests.deploy.stack import Stack, delete, deploy
from tests.store.ministack import new_session

NAME = "short-lived"
SECRETS = ("VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "AdminKeySecret", "PepperSecret")
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUSTED = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True, slots=True)
class ShortLived:
    """The stack as it was described while it was there, and which secrets each role could read then."""

    stack: Stack
    read: dict[str, set[str]]


def powerful(stack: Stack, name: str) -> str:
    """The ARN of a role that the account allows everything."""
    iam = stack.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUSTED]})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    return str(made["Arn"])


def readable(stack: Stack, role: str) -> set[str]:
    """The secrets that a role gets the text of."""
    asked = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
    made = new_session(stack.emulator.url)
    made.set_credentials(asked["AccessKeyId"], asked["SecretAccessKey"], asked["SessionToken"])
    manager, found = made.create_client("secretsmanager"), set()
    for name in SECRETS:
        try:
            manager.get_secret_value(SecretId=stack.resources[name])
            found.add(name)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017
    return found


@pytest.fixture(scope="module")
def short_lived(deployed: Deployment) -> ShortLived:
    first = deployed.stack
    named, other = powerful(first, "named"), powerful(first, "other")
    parameters = ("AccessLogRole=existing", f"SecretAdmins={named}")
    stack = deploy(first.built, first.emulator, *parameters, name=NAME)
    configured = stack.client("lambda").get_function_configuration
    roles = {
        each: configured(FunctionName=stack.resources[each])["Role"]
        for each in ("StreamFunction", "AdminFunction", "UpkeepFunction")
    }
    read = {each: readable(stack, role) for each, role in {**roles, "named": named, "other": other}.items()}
    delete(stack)
    return ShortLived(stack, read)


def test_secrets_are_for_named_readers(short_lived: ShortLived) -> None:
    """With SecretAdmins no right in the account reads a secret, and functions still read what they need."""
    assert short_lived.read == {
        "StreamFunction": {"VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"},
        "AdminFunction": {"VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"},
        "UpkeepFunction": {"PepperSecret"},
        "named": set(SECRETS),
        "other": set(),
    }


def test_secrets_and_table_outlive_their_stack(short_lived: ShortLived) -> None:
    """Deleting a stack ends its functions and its API; vault, keys, pepper and table are still there."""
    stack = short_lived.stack
    functions = stack.client("lambda").list_functions()["Functions"]
    apis = stack.client("apigateway").get_rest_apis()["items"]
    table = stack.client("dynamodb").describe_table(TableName=stack.resources["Table"])["Table"]
    manager = stack.client("secretsmanager")
    secrets = [manager.describe_secret(SecretId=stack.resources[name]) for name in SECRETS]

    assert not [each["FunctionName"] for each in functions if each["FunctionName"].startswith(NAME)]
    assert stack.resources["Api"] not in {each["id"] for each in apis}
    assert table["TableStatus"] == "ACTIVE"
    assert [each.get("DeletedDate") for each in secrets] == [None] * len(SECRETS)
