"""`vaultedge doctor --stack`, over an emulated AWS, a gateway that is served, and simulated providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.stacked import ADMIN_KEY, PEPPER, SYSTEM_KEY, Stacked, stacked
from tests.cli.conftest import Ran
from tests.fakes.served import fill, served
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
    """The base URL of a gateway that knows the stack's system key."""
    home = tmp_path_factory.mktemp("gateway")
    overlay = fill(home, simulators)
    with served(home, "--providers", str(overlay), environ={"VAULTEDGE_SYSTEM_KEY": SYSTEM_KEY}) as running:
        yield f"{running.url}/v1"


@pytest.fixture
def stack(
    gateway: str, monkeypatch: pytest.MonkeyPatch, simulators: dict[str, Simulator]
) -> Iterator[Stacked]:
    """A stack in which all is well."""
    keys = [Credential(each.name, each.key) for each in simulators.values()]
    with stacked(gateway) as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        made.forget_and_restore()
        made.write("VaultSecretId", seal(keys, PASSWORD))
        made.write("VaultPasswordSecretId", PASSWORD)
        yield made


@pytest.fixture
def doctor(
    stack: Stacked, vaultedge: Callable[..., Ran], tmp_path: Path, simulators: dict[str, Simulator]
) -> Doctor:
    """Exit status and findings by their name; no secret is in them."""
    overlay = fill(tmp_path, simulators)
    secrets = [SYSTEM_KEY[3:], ADMIN_KEY[3:], PEPPER, PASSWORD, *(each.key for each in simulators.values())]

    def run(*options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        ran = vaultedge("doctor", "--stack", stack.name, "--providers", str(overlay), "--json", *options)
        told = json.loads(ran.out)
        assert told["ok"] is (ran.status == 0)
        assert not [each for each in secrets if each in ran.out + ran.err]
        return ran.status, {each["check"]: each for each in told["checks"]}

    return run


def wrong(found: dict[str, dict[str, Any]]) -> set[str]:
    names = {name for name, each in found.items() if each["state"] == "failed"}
    assert all(found[name]["cure"] for name in names)
    return names


def test_all_is_well(doctor: Doctor, stack: Stacked) -> None:
    """Secrets, vault, table, keys, URL, models, stream and clock are looked at; nothing is put."""
    status, found = doctor("--live", "--model", "fast-llm")

    assert (status, wrong(found)) == (0, set())
    assert list(found) == [
        *("stack", "vault", "password", "system key", "admin key", "pepper", "vault opens", "table"),
        *("key openai", "key anthropic", "url", "models", "stream", "clock"),
    ]
    assert found["stream"]["told"].startswith("fast-llm: first token after ")
    assert {each["state"] for each in found.values()} == {"ok"}
    assert found["clock"]["told"].endswith(" s of 4 others")
    assert stack.door.put() == []


def test_the_cheapest_model_streams(doctor: Doctor) -> None:
    """Without --model one is chosen whose provider has a key that works; without --live none is asked."""
    _, found = doctor("--live")
    _, quiet = doctor()

    assert found["stream"]["state"] == "ok"
    assert quiet["stream"]["state"] == "skipped"


def test_no_such_stack(doctor: Doctor, vaultedge: Callable[..., Ran]) -> None:
    """Without a stack there is one finding, and its cure."""
    ran = vaultedge("doctor", "--stack", "another", "--json")
    [found] = json.loads(ran.out)["checks"]

    assert (ran.status, found["check"], found["state"]) == (1, "stack", "failed")
    assert "--region" in found["cure"]


def test_an_empty_vault(doctor: Doctor, stack: Stacked) -> None:
    """What the operator has to fill is named, with the command; what needs it is skipped, the rest is not."""
    stack.write("VaultSecretId", "empty")
    status, found = doctor()

    assert (status, wrong(found)) == (1, {"vault"})
    assert found["vault"]["cure"] == f"vaultedge vault push --stack {stack.name}"
    assert (found["vault opens"]["state"], found["provider keys"]["state"]) == ("skipped", "skipped")
    assert found["models"]["state"] == "ok"


def test_a_pair_that_does_not_fit(doctor: Doctor, stack: Stacked) -> None:
    """Another password than the vault's is told by what does not open."""
    stack.write("VaultPasswordSecretId", "another")

    assert wrong(doctor()[1]) == {"vault opens"}


def test_secrets_that_may_not_be_read(doctor: Doctor, stack: Stacked) -> None:
    """A permission that is missing is named for each secret, and whatever else can be seen is."""
    stack.door.refused["GetSecretValue", ""] = "AccessDeniedException"
    status, found = doctor()

    assert status == 1
    assert wrong(found) == {"vault", "password", "system key", "admin key", "pepper"}
    assert "secretsmanager:GetSecretValue" in found["pepper"]["cure"]
    assert (found["table"]["state"], found["url"]["state"]) == ("ok", "ok")
    assert found["models"]["state"] == "skipped"


def test_short_keys(doctor: Doctor, stack: Stacked) -> None:
    """Keys that could be guessed, which functions refuse, are told."""
    stack.write("AdminKeySecretId", "va-short")

    assert wrong(doctor()[1]) == {"admin key"}


def test_a_system_key_that_the_gateway_does_not_know(doctor: Doctor, stack: Stacked) -> None:
    """A 401 is told with what it can mean."""
    stack.write("SystemKeySecretId", "ve-" + "0" * 48)
    status, found = doctor("--live")

    assert (status, wrong(found)) == (1, {"models"})
    assert "401" in found["models"]["told"]


@pytest.mark.parametrize("off", ["ttl", "recovery"])
def test_a_table_that_lacks_something(off: str, doctor: Doctor, stack: Stacked) -> None:
    """Expiry and recovery that somebody switched off are told."""
    client, name = stack.client("dynamodb"), stack.outputs["TableName"]
    if off == "ttl":
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"AttributeName": "exp", "Enabled": False}
        )
    else:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        )
    status, found = doctor()

    assert (status, wrong(found)) == (1, {"table"})
    assert ("TTL" if off == "ttl" else "recovery") in found["table"]["told"]
    assert f"--table-name {name}" in found["table"]["cure"]


def test_a_table_that_is_gone(doctor: Doctor, stack: Stacked) -> None:
    """A table that the outputs name and AWS does not know is told."""
    stack.client("dynamodb").delete_table(TableName=stack.outputs["TableName"])

    assert wrong(doctor()[1]) == {"table"}


def test_a_provider_that_refuses_a_key(
    doctor: Doctor, stack: Stacked, simulators: dict[str, Simulator]
) -> None:
    """A key that no longer works is told beside one that does."""
    keys = [Credential("openai", simulators["openai"].key), Credential("anthropic", "sk-ant-old")]
    stack.write("VaultSecretId", seal(keys, PASSWORD))
    status, found = doctor()

    assert (status, wrong(found)) == (1, {"key anthropic"})
    assert found["key openai"]["state"] == "ok"


def test_a_gateway_that_is_not_there(doctor: Doctor) -> None:
    """A URL where nothing answers is told, and one without TLS beyond this machine is not tried."""
    _, dead = doctor("--url", "http://127.0.0.1:1/v1")
    _, clear = doctor("--url", "http://gateway.example/v1")

    assert {"url", "models"} <= wrong(dead)
    assert "https" in clear["url"]["told"]
    assert "models" not in clear
