"""The template's state and what keeps house for it: the table, the pepper, upkeep and its alerts."""

from __future__ import annotations

import pytest

from tests.handlers.translated import Resources, of, statements, translated
from tests.store.ministack import KEYS
from vaultcore.ledger.sealing import POSITION
from vaultcore.store import shelves
from vaultcore.store.base import Name
from vaultcore.store.dynamo_items import document_key, ending


@pytest.fixture(scope="module")
def resources() -> Resources:
    return dict(translated()["Resources"])


def test_the_data_plane_writes_no_keys_and_no_history(resources: Resources) -> None:
    """What applications can reach may change neither keys, limits and routes nor audits and seals."""
    (denied,) = [each for each in statements(resources, "StreamRole") if each.get("Effect") == "Deny"]
    protected = [shelves.KEYS, "token/*", shelves.POLICY.shelf, shelves.ROUTES.shelf]
    protected += [shelves.AUDITS, shelves.SEALS, POSITION.shelf]

    assert shelves.token("*").shelf in protected
    assert denied["Action"] == ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    assert denied["Condition"] == {
        "ForAnyValue:StringLike": {
            "dynamodb:LeadingKeys": [document_key(Name(shelf))["pk"]["S"] for shelf in protected]
        }
    }


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
    assert table["SSESpecification"] == {"SSEEnabled": True}
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
    """The topic, and the right of upkeep alone to publish to it, depend on an address to mail to."""
    sometimes = {
        role: [each["Fn::If"] for each in statements(resources, role) if "Fn::If" in each]
        for role in ("AdminRole", "UpkeepRole")
    }
    published = {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "AlertTopic"}}

    assert sometimes == {
        "AdminRole": [],
        "UpkeepRole": [["Alert", published, {"Ref": "AWS::NoValue"}]],
    }
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
