"""The template's state and maintenance: the table, the pepper, the schedule and the alert topic."""

from __future__ import annotations

import pytest

from tests.handlers.sam_template import Resources, resources_of_type, translate_template
from tests.store.ministack import KEYS
from vaultcore.store.base import DocumentKey
from vaultcore.store.dynamodb.items import document_key, expiry_attributes


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translate_template()["Resources"])


def test_the_table_is_what_the_store_expects(resources: Resources) -> None:
    """Two string keys, TTL, on-demand billing, encryption, and retention after the stack's deletion."""
    (table,) = resources_of_type(resources, "AWS::DynamoDB::Table").values()

    assert {each["AttributeName"]: each["KeyType"] for each in table["KeySchema"]} == KEYS
    assert {
        each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
    } == dict.fromkeys(document_key(DocumentKey("collection")), "S")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "exp", "Enabled": True}
    assert expiry_attributes(1.0)["exp"] == {"N": "1"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
    }
    assert (resources["Table"]["DeletionPolicy"], resources["Table"]["UpdateReplacePolicy"]) == (
        "Retain",
        "Retain",
    )


def test_owed_settlements_are_kept_encrypted(resources: Resources) -> None:
    """The queue is encrypted and keeps messages for 14 days; maintenance receives each once per run."""
    (queue,) = resources_of_type(resources, "AWS::SQS::Queue").values()
    users = {
        name
        for name in ("StreamFunction", "AdminFunction", "UpkeepFunction")
        if "VAULTEDGE_OWED_QUEUE" in resources[name]["Properties"]["Environment"]["Variables"]
    }

    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    assert queue["VisibilityTimeout"] >= resources["UpkeepFunction"]["Properties"]["Timeout"]
    assert users == {"StreamFunction", "UpkeepFunction"}


def test_maintenance_runs_every_five_minutes(resources: Resources) -> None:
    """A schedule invokes the published version; the next event repeats failed work."""
    (rule,) = resources_of_type(resources, "AWS::Events::Rule").values()
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert target["Arn"] == {"Ref": "UpkeepFunctionAliaslive"}
    (invoked,) = resources_of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    assert invoked["MaximumRetryAttempts"] == 0


def test_the_alert_topic_needs_an_address(resources: Resources) -> None:
    """The topic needs an e-mail address, and only the maintenance function gets it."""
    assert resources["AlertTopic"]["Condition"] == "Alert"
    for name in ("StreamFunction", "AdminFunction"):
        assert "VAULTEDGE_ALERT_TOPIC" not in resources[name]["Properties"]["Environment"]["Variables"]


def test_the_pepper_is_generated(resources: Resources) -> None:
    """The pepper is 256 bits of hexadecimal digits, as plain text."""
    generator = resources["PepperSecret"]["Properties"]["GenerateSecretString"]

    assert set("0123456789abcdefghijklmnopqrstuvwxyz") - set(generator["ExcludeCharacters"]) == set(
        "0123456789abcdef"
    )
    assert generator["ExcludeUppercase"] is generator["ExcludePunctuation"] is True
    assert generator["PasswordLength"] == 64
    assert "GenerateStringKey" not in generator
