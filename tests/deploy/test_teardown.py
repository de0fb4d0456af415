"""A second stack: only named roles read its secrets, and some resources outlive it."""

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
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUSTED = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True, slots=True)
class ShortLived:
    """The stack before its deletion, and the secrets that each role could read."""

    stack: Stack
    read: dict[str, set[str]]


def create_admin_role(stack: Stack, name: str) -> str:
    """Create a role with all permissions in the account; return its ARN."""
    iam = stack.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUSTED]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(ALLOW_ALL))
    return str(role["Arn"])


def readable(stack: Stack, role: str) -> set[str]:
    """Return the secrets that a role can read."""
    credentials = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
    session = new_session(stack.emulator.url)
    session.set_credentials(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )
    manager, readable_secrets = session.create_client("secretsmanager"), set()
    for name in SECRETS:
        try:
            manager.get_secret_value(SecretId=stack.resources[name])
            readable_secrets.add(name)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017
    return readable_secrets


@pytest.fixture(scope="module")
def short_lived(deployed: Deployment) -> ShortLived:
    first = deployed.stack
    named, other = create_admin_role(first, "named"), create_admin_role(first, "other")
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
    """With SecretAdmins no other permission in the account reads a secret; functions still read theirs."""
    assert short_lived.read == {
        "StreamFunction": {"VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"},
        "AdminFunction": {"VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"},
        "UpkeepFunction": {"PepperSecret"},
        "named": set(SECRETS),
        "other": set(),
    }


def test_secrets_and_table_outlive_their_stack(short_lived: ShortLived) -> None:
    """Deleting a stack deletes its functions and its API; secrets and table remain."""
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
