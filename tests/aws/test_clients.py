from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from tests.aws.secrets_manager import SecretsManagerServer
from vaultcore.aws.clients import LOGGERS, AwsClients, AwsError


def test_warming_calls_no_server(server: SecretsManagerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work before a snapshot needs neither credentials nor a network."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    aws = AwsClients()
    aws.warm()
    assert server.requests == []

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert aws.get_secret_values(["gw/vault"])["Errors"]  # and what is made afterwards finds them


def test_no_credentials(server: SecretsManagerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing credentials are reported with botocore's class name."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(AwsError) as caught:
        AwsClients().get_secret_values(["gw/vault"])
    assert caught.value.code == "NoCredentialsError"


def test_a_broken_call_is_tried_twice(server: SecretsManagerServer) -> None:
    """A failed call is repeated once: a request is waiting."""
    server.outage = (500, "InternalServiceError")

    with pytest.raises(AwsError) as caught:
        AwsClients().get_secret_values(["gw/vault"])
    assert caught.value.code == "InternalServiceError"
    assert len(server.requests) == 2


def test_botocore_logs_warnings_only(server: SecretsManagerServer) -> None:
    """At DEBUG botocore prints bodies; no setting of ours allows that."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    AwsClients().get_secret_values(["gw/vault"])

    assert {logging.getLogger(name).level for name in LOGGERS} == {logging.WARNING}


def test_botocore_is_imported_when_used() -> None:
    """Composing a gateway with Secrets Manager does not import botocore."""
    code = """
import sys
from vaultcore.aws.secrets import managed_secrets
from vaultcore.clock import SystemClock
from vaultcore.settings import Settings
managed_secrets(Settings(vault_secret="a", password_secret="b"), SystemClock())
sys.exit("boto3" in sys.modules or "botocore" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
