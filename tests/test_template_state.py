"""The template's state and what keeps house for it: the table, the pepper, upkeep and its alerts."""

from __future__ import annotations

import pytest

from tests.handlers.translated import Resources, of, translated
from tests.store.ministack import KEYS
from vaultcore.store.base import Name
from vaultcore.store.dynamodb.items import document_key, ending


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translated()["Resources"])


def test_the_table_is_what_the_store_expects(resources: Resources) -> None:
    """Two texts for keys, a time to live, paid by use, encrypted, and not lost with the stack."""
    (table,) = of(resources, "AWS::DynamoDB::Table").values()

    assert {each["AttributeName"]: each["KeyType"] for each in table["KeySchema"]} == KEYS
    assert {
        each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
    } == dict.fromkeys(document_key(Name("shelf")), "S")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "exp", "Enabled": True}
    assert ending(1.0)["exp"] == {"N": "1"}
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


def test_upkeep_comes_every_five_minutes(resources: Resources) -> None:
    """A schedule starts the published version; what fails is left to the next event."""
    (rule,) = of(resources, "AWS::Events::Rule").values()
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert target["Arn"] == {"Ref": "UpkeepFunctionAliaslive"}
    (invoked,) = of(resources, "AWS::Lambda::EventInvokeConfig").values()
    assert invoked["MaximumRetryAttempts"] == 0


def test_alerts_are_published_only_where_somebody_reads_them(resources: Resources) -> None:
    """The topic depends on an address to mail to, and upkeep alone is told of it."""
    assert resources["AlertTopic"]["Condition"] == "Alert"
    for name in ("StreamFunction", "AdminFunction"):
        assert "VAULTEDGE_ALERT_TOPIC" not in resources[name]["Properties"]["Environment"]["Variables"]


def test_the_pepper_is_drawn(resources: Resources) -> None:
    """256 bits of hexadecimal digits, plain."""
    recipe = resources["PepperSecret"]["Properties"]["GenerateSecretString"]

    assert set("0123456789abcdefghijklmnopqrstuvwxyz") - set(recipe["ExcludeCharacters"]) == set(
        "0123456789abcdef"
    )
    assert recipe["ExcludeUppercase"] is recipe["ExcludePunctuation"] is True
    assert recipe["PasswordLength"] == 64
    assert "GenerateStringKey" not in recipe
