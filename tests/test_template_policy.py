"""The complete list of permitted actions and resources, in roles, secret policies and the key policy."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.handlers.sam_template import Resources, resources_of_type, statements, translate_template

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
TABLE = {  # the rows are in test_template_rows.py
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
QUEUE = {  # of owed settlements
    "Stream": {"sqs:SendMessage"},
    "Admin": set[str](),
    "Upkeep": {"sqs:ReceiveMessage", "sqs:DeleteMessage"},
}
TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
CONDITIONAL: dict[str, dict[str, set[tuple[str, str]]]] = {
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
    return dict(translate_template()["Resources"])


def allowed(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each action of a statement with each of its resources."""
    assert statement["Effect"] == "Allow"
    assert "NotAction" not in statement
    assert "NotResource" not in statement
    action, resource = statement["Action"], statement["Resource"]
    for one in action if isinstance(action, list) else [action]:
        for target in resource if isinstance(resource, list) else [resource]:
            yield one, str(target)


@pytest.mark.parametrize("plane", SECRETS)
def test_every_action_on_every_resource(plane: str, resources: Resources) -> None:
    """A function writes its log, reads its secrets, uses the table and the queue, and decrypts."""
    unconditional: set[tuple[str, str]] = set()
    conditional: dict[str, set[tuple[str, str]]] = {}
    for each in statements(resources, f"{plane}Role"):
        if "Fn::If" in each:
            condition, then, otherwise = each["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
            conditional[condition] = set(allowed(then))
        else:
            unconditional |= set(allowed(each))

    names = (f"{plane}Logs", "Table", "Key", "OwedQueue")
    logs, table, key, queue = ({"Fn::GetAtt": [name, "Arn"]} for name in names)
    assert unconditional == {
        ("logs:CreateLogStream", str(logs)),
        ("logs:PutLogEvents", str(logs)),
        *{("secretsmanager:GetSecretValue", str({"Ref": name})) for name in SECRETS[plane]},
        ("secretsmanager:BatchGetSecretValue", "*"),  # supports no other resource
        ("kms:Decrypt", str(key)),
        *{(action, str(table)) for action in TABLE[plane]},
        *{(action, str(queue)) for action in QUEUE[plane]},
    }
    assert conditional == CONDITIONAL[plane]
    assert "ManagedPolicyArns" not in resources[f"{plane}Role"]["Properties"]


@pytest.mark.parametrize("plane", SECRETS)
def test_each_secret_has_a_statement_of_its_own(plane: str, resources: Resources) -> None:
    """Each secret has its own statement, so that access to vault and password can be separated."""
    reading = [
        each["Resource"]
        for each in statements(resources, f"{plane}Role")
        if each.get("Action") == "secretsmanager:GetSecretValue"
    ]

    assert reading == [{"Ref": name} for name in SECRETS[plane]]


@pytest.mark.parametrize("plane", SECRETS)
def test_roles_decrypt_only_through_the_services(plane: str, resources: Resources) -> None:
    """KMS decrypts for a function only through Secrets Manager and DynamoDB, and only its own secrets."""
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


def test_key_administrators_cannot_decrypt(resources: Resources) -> None:
    """The account administers the key; only two services use it. It rotates and outlives the stack."""
    key = resources["Key"]["Properties"]
    administration, usage = key["KeyPolicy"]["Statement"]
    crypto = ("kms:*Decrypt*", "kms:*Encrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:GenerateMac")

    assert administration["Principal"] == usage["Principal"] == {"AWS": ROOT}
    assert not [
        each for each in administration["Action"] if "*" in each or any(fnmatchcase(each, c) for c in crypto)
    ]
    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"} <= set(administration["Action"])
    assert "Condition" not in administration  # a condition could lock everyone out of the key
    assert usage["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": {"Ref": "AWS::AccountId"},
            "kms:ViaService": [*SERVICES.values()],
        }
    }
    assert key["EnableKeyRotation"] is True
    assert resources["Key"]["DeletionPolicy"] == resources["Key"]["UpdateReplacePolicy"] == "Retain"
    assert resources["KeyAlias"]["Properties"]["TargetKeyId"] == {"Ref": "Key"}


def test_all_secrets_use_the_key(resources: Resources) -> None:
    """Every secret is encrypted with the stack's key."""
    secrets = resources_of_type(resources, "AWS::SecretsManager::Secret")

    assert secrets.keys() == {name for names in SECRETS.values() for name in names}
    for each in secrets.values():
        assert each["KmsKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}


def test_secret_policies_deny_other_readers(resources: Resources) -> None:
    """With SecretAdmins, only a secret's functions and the named ARNs read it; managing it stays possible."""
    policies = resources_of_type(resources, "AWS::SecretsManager::ResourcePolicy")

    assert len(policies) == len(resources_of_type(resources, "AWS::SecretsManager::Secret"))
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
