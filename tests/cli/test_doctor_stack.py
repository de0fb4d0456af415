"""`vaultedge doctor --stack` with an emulated AWS, a running gateway and simulated providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.emulated_stack import ADMIN_KEY, PEPPER, SYSTEM_KEY, EmulatedStack, emulated_stack
from tests.cli.conftest import CommandResult
from tests.fakes.served import prepare_home, run_serve
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

PASSWORD = "password-CANARY-of-the-vault"
Doctor = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, Simulator]]:
    with simulated({"openai": "openai", "anthropic": "anthropic"}, pace=0.02) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulators: dict[str, Simulator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a gateway that has the stack's system key."""
    home = tmp_path_factory.mktemp("gateway")
    overlay = prepare_home(home, simulators)
    with run_serve(
        home, "--providers", str(overlay), environ={"VAULTEDGE_SYSTEM_KEY": SYSTEM_KEY}
    ) as running:
        yield f"{running.url}/v1"


@pytest.fixture
def stack(
    gateway: str, monkeypatch: pytest.MonkeyPatch, simulators: dict[str, Simulator]
) -> Iterator[EmulatedStack]:
    """A stack without problems."""
    keys = [Credential(each.name, each.key) for each in simulators.values()]
    with emulated_stack(gateway) as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        fake.forget_and_restore()
        fake.write("VaultSecretId", seal(keys, PASSWORD))
        fake.write("VaultPasswordSecretId", PASSWORD)
        yield fake


@pytest.fixture
def doctor(
    stack: EmulatedStack,
    vaultedge: Callable[..., CommandResult],
    tmp_path: Path,
    simulators: dict[str, Simulator],
) -> Doctor:
    """Run `doctor --stack`; return the exit status and the results by check. No output contains a secret."""
    overlay = prepare_home(tmp_path, simulators)
    secrets = [SYSTEM_KEY[3:], ADMIN_KEY[3:], PEPPER, PASSWORD, *(each.key for each in simulators.values())]

    def run(*options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        result = vaultedge("doctor", "--stack", stack.name, "--providers", str(overlay), "--json", *options)
        report = json.loads(result.out)
        assert report["ok"] is (result.status == 0)
        assert not [each for each in secrets if each in result.out + result.err]
        return result.status, {each["check"]: each for each in report["checks"]}

    return run


def failed_checks(results: dict[str, dict[str, Any]]) -> set[str]:
    names = {name for name, each in results.items() if each["state"] == "failed"}
    assert all(results[name]["cure"] for name in names)
    return names


def test_all_checks_pass(doctor: Doctor, stack: EmulatedStack) -> None:
    """Secrets, vault, table, keys, URL, models, stream and clock are checked; no secret is changed."""
    status, results = doctor("--live", "--model", "fast-llm")

    assert (status, failed_checks(results)) == (0, set())
    assert list(results) == [
        *("stack", "vault", "password", "system key", "admin key", "pepper", "vault opens", "table"),
        *("key openai", "key anthropic", "url", "models", "stream", "clock"),
    ]
    assert results["stream"]["told"].startswith("fast-llm: first token after ")
    assert {each["state"] for each in results.values()} == {"ok"}
    assert results["clock"]["told"].endswith(" s of 4 servers")
    assert stack.proxy.put() == []


def test_the_cheapest_model_streams(doctor: Doctor) -> None:
    """Without --model, the request goes to a provider with a working key; without --live there is none."""
    _, results = doctor("--live")
    _, quiet = doctor()

    assert results["stream"]["state"] == "ok"
    assert quiet["stream"]["state"] == "skipped"


def test_no_such_stack(doctor: Doctor, vaultedge: Callable[..., CommandResult]) -> None:
    """An unknown stack gives one failed check with a fix."""
    result = vaultedge("doctor", "--stack", "another", "--json")
    [check] = json.loads(result.out)["checks"]

    assert (result.status, check["check"], check["state"]) == (1, "stack", "failed")
    assert "--region" in check["cure"]


def test_an_empty_vault(doctor: Doctor, stack: EmulatedStack) -> None:
    """An empty vault fails with the command that fills it; only the checks that need it are skipped."""
    stack.write("VaultSecretId", "empty")
    status, results = doctor()

    assert (status, failed_checks(results)) == (1, {"vault"})
    assert results["vault"]["cure"] == f"run vaultedge vault push --stack {stack.name}"
    assert (results["vault opens"]["state"], results["provider keys"]["state"]) == ("skipped", "skipped")
    assert results["models"]["state"] == "ok"


def test_a_wrong_vault_password_fails(doctor: Doctor, stack: EmulatedStack) -> None:
    """A password that does not open the vault fails its check."""
    stack.write("VaultPasswordSecretId", "another")

    assert failed_checks(doctor()[1]) == {"vault opens"}


def test_missing_permissions_are_reported(doctor: Doctor, stack: EmulatedStack) -> None:
    """A missing permission is reported for each secret; the other checks still run."""
    stack.proxy.rejections["GetSecretValue", ""] = "AccessDeniedException"
    status, results = doctor()

    assert status == 1
    assert failed_checks(results) == {"vault", "password", "system key", "admin key", "pepper"}
    assert "secretsmanager:GetSecretValue" in results["pepper"]["cure"]
    assert (results["table"]["state"], results["url"]["state"]) == ("ok", "ok")
    assert results["models"]["state"] == "skipped"


def test_short_keys_fail(doctor: Doctor, stack: EmulatedStack) -> None:
    """Keys that are too short, which the functions reject, fail."""
    stack.write("AdminKeySecretId", "va-short")

    assert failed_checks(doctor()[1]) == {"admin key"}


def test_an_unknown_system_key_fails(doctor: Doctor, stack: EmulatedStack) -> None:
    """A 401 from the gateway fails with a fix."""
    stack.write("SystemKeySecretId", "ve-" + "0" * 48)
    status, results = doctor("--live")

    assert (status, failed_checks(results)) == (1, {"models"})
    assert "401" in results["models"]["told"]


@pytest.mark.parametrize("off", ["ttl", "recovery"])
def test_disabled_ttl_or_recovery_fails(off: str, doctor: Doctor, stack: EmulatedStack) -> None:
    """A table without TTL or point-in-time recovery fails with the command that enables it."""
    client, name = stack.client("dynamodb"), stack.outputs["TableName"]
    if off == "ttl":
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"AttributeName": "exp", "Enabled": False}
        )
    else:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        )
    status, results = doctor()

    assert (status, failed_checks(results)) == (1, {"table"})
    assert ("TTL" if off == "ttl" else "recovery") in results["table"]["told"]
    assert f"--table-name {name}" in results["table"]["cure"]


def test_a_missing_table_fails(doctor: Doctor, stack: EmulatedStack) -> None:
    """A table in the outputs that AWS does not have fails."""
    stack.client("dynamodb").delete_table(TableName=stack.outputs["TableName"])

    assert failed_checks(doctor()[1]) == {"table"}


def test_a_rejected_provider_key_fails(
    doctor: Doctor, stack: EmulatedStack, simulators: dict[str, Simulator]
) -> None:
    """A rejected key fails; the working key beside it does not."""
    keys = [Credential("openai", simulators["openai"].key), Credential("anthropic", "sk-ant-old")]
    stack.write("VaultSecretId", seal(keys, PASSWORD))
    status, results = doctor()

    assert (status, failed_checks(results)) == (1, {"key anthropic"})
    assert results["key openai"]["state"] == "ok"


def test_an_unreachable_gateway_fails(doctor: Doctor) -> None:
    """An unreachable URL fails; a remote URL without https is not called."""
    _, dead = doctor("--url", "http://127.0.0.1:1/v1")
    _, clear = doctor("--url", "http://gateway.example/v1")

    assert {"url", "models"} <= failed_checks(dead)
    assert "https" in clear["url"]["told"]
    assert "models" not in clear
