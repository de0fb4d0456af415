"""Every action on every resource stands here, in roles, in the policies of secrets and in the key's."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.handlers.translated import Resources, of, statements, translated

ROOT = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
SERVICES = {
    name: {"Fn::Sub": f"{name}.${{AWS::Region}}.amazonaws.com"} for name in ("secretsmanager", "dynamodb")
}
SECRETS = {
    "Stream": ["VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"],
    "Admin": ["VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"],
    "Upkeep": ["PepperSecret"],
}
READ = {f"dynamodb:{name}" for name in ("GetItem", "BatchGetItem")}
WRITE = {f"dynamodb:{name}" for name in ("PutItem", "UpdateItem")}
TABLE = {  # which rows of it: test_template_rows.py
    "Stream": READ | WRITE | {"dynamodb:Query"},
    "Admin": READ | WRITE | {"dynamodb:Query", "dynamodb:DeleteItem"},
    "Upkeep": READ | WRITE | {"dynamodb:Query"},
}
MODELS = [
    {"Fn::Sub": f"arn:${{AWS::Partition}}:bedrock:*:{each}"}
    for each in (
        ":foundation-model/*",
        "${AWS::AccountId}:inference-profile/*",
        "${AWS::AccountId}:application-inference-profile/*",
    )
]
TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
SOMETIMES: dict[str, dict[str, set[tuple[str, str]]]] = {
    "Stream": {
        "CallBedrock": {
            (f"bedrock:{action}", str(each))
            for action in ("InvokeModel", "InvokeModelWithResponseStream")
            for each in MODELS
        },
        "Trace": TRACES,
    },
    "Admin": {"Trace": TRACES},
    "Upkeep": {"Trace": TRACES, "Alert": {("sns:Publish", str({"Ref": "AlertTopic"}))}},
}


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translated()["Resources"])


def allowed(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A statement's actions, each with each of its resources."""
    assert statement["Effect"] == "Allow"
    assert "NotAction" not in statement
    assert "NotResource" not in statement
    action, resource = statement["Action"], statement["Resource"]
    for one in action if isinstance(action, list) else [action]:
        for where in resource if isinstance(resource, list) else [resource]:
            yield one, str(where)


@pytest.mark.parametrize("plane", SECRETS)
def test_every_action_on_every_resource(plane: str, resources: Resources) -> None:
    """A function writes its own log, reads its own secrets, uses the table, and decrypts for these two."""
    always: set[tuple[str, str]] = set()
    sometimes: dict[str, set[tuple[str, str]]] = {}
    for each in statements(resources, f"{plane}Role"):
        if "Fn::If" in each:
            condition, then, otherwise = each["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
            sometimes[condition] = set(allowed(then))
        else:
            always |= set(allowed(each))

    logs, table, key = ({"Fn::GetAtt": [name, "Arn"]} for name in (f"{plane}Logs", "Table", "Key"))
    assert always == {
        ("logs:CreateLogStream", str(logs)),
        ("logs:PutLogEvents", str(logs)),
        *{("secretsmanager:GetSecretValue", str({"Ref": name})) for name in SECRETS[plane]},
        ("secretsmanager:BatchGetSecretValue", "*"),  # it knows no other
        ("kms:Decrypt", str(key)),
        *{(action, str(table)) for action in TABLE[plane]},
    }
    assert sometimes == SOMETIMES[plane]
    assert "ManagedPolicyArns" not in resources[f"{plane}Role"]["Properties"]


@pytest.mark.parametrize("plane", SECRETS)
def test_each_secret_has_a_statement_of_its_own(plane: str, resources: Resources) -> None:
    """What may be read is one secret a statement, so that the vault and its password can be parted."""
    reading = [
        each["Resource"]
        for each in statements(resources, f"{plane}Role")
        if each.get("Action") == "secretsmanager:GetSecretValue"
    ]

    assert reading == [{"Ref": name} for name in SECRETS[plane]]


@pytest.mark.parametrize("plane", SECRETS)
def test_roles_decrypt_only_through_the_services(plane: str, resources: Resources) -> None:
    """KMS decrypts for a function where Secrets Manager or DynamoDB asks, and of secrets its own."""
    conditions = [
        each["Condition"]
        for each in statements(resources, f"{plane}Role")
        if each.get("Action") == "kms:Decrypt"
    ]

    own = {"kms:EncryptionContext:SecretARN": [{"Ref": name} for name in SECRETS[plane]]}
    assert conditions == [
        {"StringEquals": {"kms:ViaService": SERVICES["secretsmanager"], **own}},
        {"StringEquals": {"kms:ViaService": SERVICES["dynamodb"]}},
    ]


def test_who_administers_the_key_decrypts_nothing(resources: Resources) -> None:
    """The account keeps the key; using it takes one of two services. It rotates, and outlives the stack."""
    key = resources["Key"]["Properties"]
    keeping, using = key["KeyPolicy"]["Statement"]
    crypto = ("kms:*Decrypt*", "kms:*Encrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:GenerateMac")

    assert keeping["Principal"] == using["Principal"] == {"AWS": ROOT}
    assert not [
        each for each in keeping["Action"] if "*" in each or any(fnmatchcase(each, c) for c in crypto)
    ]
    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"} <= set(keeping["Action"])
    assert "Condition" not in keeping  # or the key could be locked away from everybody
    assert using["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": {"Ref": "AWS::AccountId"},
            "kms:ViaService": [*SERVICES.values()],
        }
    }
    assert key["EnableKeyRotation"] is True
    assert resources["Key"]["DeletionPolicy"] == resources["Key"]["UpdateReplacePolicy"] == "Retain"
    assert resources["KeyAlias"]["Properties"]["TargetKeyId"] == {"Ref": "Key"}


def test_everything_kept_is_under_the_key(resources: Resources) -> None:
    """Each secret, and the table."""
    secrets = of(resources, "AWS::SecretsManager::Secret")

    assert secrets.keys() == {name for names in SECRETS.values() for name in names}
    for each in secrets.values():
        assert each["KmsKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}


def test_secrets_refuse_all_but_their_readers(resources: Resources) -> None:
    """Where administrators are named, a text is for its functions and them; managing it stays free."""
    policies = of(resources, "AWS::SecretsManager::ResourcePolicy")

    assert len(policies) == len(of(resources, "AWS::SecretsManager::Secret"))
    for name, policy in policies.items():
        (statement,) = policy["ResourcePolicy"]["Statement"]
        secret = policy["SecretId"]["Ref"]
        readers = [plane for plane in SECRETS if secret in SECRETS[plane]]
        assert name == f"{secret}Policy"
        assert resources[name]["Condition"] == "NameAdmins"
        assert policy["BlockPublicPolicy"] is True
        assert statement == {
            "Sid": "OnlyItsReaders",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            "Condition": {
                "ArnNotEquals": {
                    "aws:PrincipalArn": [{"Fn::GetAtt": [f"{plane}Role", "Arn"]} for plane in readers]
                },
                "ArnNotLike": {"aws:PrincipalArn": {"Fn::Split": [",", {"Ref": "SecretAdmins"}]}},
            },
        }
