from __future__ import annotations

import random
import string
from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vaultcore.aws.signature import AwsCredentials, SignatureV4

PATHS = ("/", "/", "/", "/path", "/a b/%7E~", "/ünïcode/")
VALUES = ("application/x-amz-json-1.0", "two  spaces", " around ", "DynamoDB_20120810.GetItem")


def text(random_source: random.Random, least: int, most: int) -> str:
    characters = string.ascii_letters + string.digits + "+/="
    return "".join(random_source.choices(characters, k=random_source.randint(least, most)))


@pytest.mark.parametrize("seed", range(50))
def test_signatures_are_those_of_botocore(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For any body, credentials, region, path and time, the headers equal those of botocore's signer."""
    draw = random.Random(seed)
    region, service = (
        draw.choice(["eu-central-1", "us-gov-west-1", "cn-north-1"]),
        draw.choice(["dynamodb", "sqs"]),
    )
    signature = SignatureV4(region, service)  # one for all: it caches the key of a day
    secrets = [text(draw, 16, 40) for _ in range(2)]
    for _ in range(20):
        at = float(draw.randint(1_700_000_000, 1_900_000_000)) if draw.random() < 0.5 else 1_795_348_800.0
        token = text(draw, 100, 1_000) if draw.random() < 0.5 else None
        key_id, secret = text(draw, 16, 20), draw.choice(secrets)
        body, path = draw.randbytes(draw.randint(0, 2_000)), draw.choice(PATHS)
        headers = {
            "content-type": draw.choice(VALUES),
            "host": "dynamodb.example",
            "x-amz-target": draw.choice(VALUES),
        }
        moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment)
        request = AWSRequest("POST", f"https://dynamodb.example{path}", headers=dict(headers), data=body)
        SigV4Auth(Credentials(key_id, secret, token), service, region).add_auth(request)

        signed = signature.sign(path, headers, body, AwsCredentials(key_id, secret, token), at)

        assert signed == {name.lower(): value for name, value in request.headers.items()}


def test_credentials_hide_their_secrets() -> None:
    """The repr of credentials shows the key's ID only."""
    assert repr(AwsCredentials("AKID", "hidden", "token")) == "AwsCredentials(id='AKID')"
