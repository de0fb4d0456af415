from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.secrets_manager import SecretsManagerServer, secrets_manager


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManagerServer]:
    """A Secrets Manager that boto3 finds through the environment."""
    with secrets_manager() as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": "absent",
            "AWS_SHARED_CREDENTIALS_FILE": "absent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield server
