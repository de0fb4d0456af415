"""`vaultedge deploy-info`, and what all commands for a stack say where AWS does not do what it should."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.aws.stacked import ADMIN_KEY, PEPPER, SYSTEM_KEY, Stacked, stacked
from tests.cli.conftest import Ran
from vaultcore.aws.stack import ActionFailed, Deployed
from vaultcore.cli.stack import StackUnusable, output, told
from vaultcore.vault.local import LocalVault


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stacked]:
    with stacked() as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        yield made


def test_what_a_stack_says_and_what_is_to_do(
    stack: Stacked, filled: LocalVault, vaultedge: Callable[..., Ran]
) -> None:
    """Every output by its name and the step that is missing; once the vault is filled nothing is to do."""
    first = vaultedge("deploy-info", "--stack", stack.name)
    assert first.status == 0
    assert all(f"{name:<24} {value}\n" in first.out for name, value in stack.outputs.items())
    assert f"vaultedge vault push --stack {stack.name}" in first.out

    vaultedge("vault", "push", "--stack", stack.name)
    then = json.loads(vaultedge("deploy-info", "--stack", stack.name, "--json").out)
    assert then == {
        "stack": stack.name,
        "region": "eu-central-1",
        "status": "CREATE_COMPLETE",
        "outputs": stack.outputs,
        "to_do": [],
    }


def test_keys_are_shown_only_when_asked_for(stack: Stacked, vaultedge: Callable[..., Ran]) -> None:
    """A key is alone on stdout, whole, and in no other answer; no other secret ever is."""
    system = vaultedge("deploy-info", "--stack", stack.name, "--show-system-key")
    admin = vaultedge("deploy-info", "--stack", stack.name, "--show-admin-key")
    plain = vaultedge("deploy-info", "--stack", stack.name)

    assert (system.out, admin.out) == (f"{SYSTEM_KEY}\n", f"{ADMIN_KEY}\n")
    shown = plain.out + plain.err + system.err + admin.err
    assert not [each for each in (SYSTEM_KEY[3:], ADMIN_KEY[3:], PEPPER) if each in shown]


def test_secrets_that_may_not_be_read_hide_nothing_else(
    stack: Stacked, vaultedge: Callable[..., Ran]
) -> None:
    """Who may not read the vault still sees the outputs, and which permission is missing."""
    stack.door.refused["GetSecretValue", ""] = "AccessDeniedException"
    ran = vaultedge("deploy-info", "--stack", stack.name)

    assert ran.status == 0
    assert "BaseUrl" in ran.out
    assert "secretsmanager:GetSecretValue" in ran.out


COMMANDS = [("deploy-info",), ("vault", "push"), ("vault", "pull")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_such_stack(
    command: tuple[str, ...], stack: Stacked, filled: LocalVault, vaultedge: Callable[..., Ran]
) -> None:
    """A stack that is not there is told with the region that was asked; exit status 1, nothing on stdout."""
    ran = vaultedge(*command, "--stack", "another", "--region", "eu-west-1")

    assert (ran.status, ran.out) == (1, "")
    assert "no stack another in eu-west-1" in ran.err
    assert "hint: --region" in ran.err


def test_no_credentials(
    stack: Stacked, vaultedge: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the hint says how to get some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    ran = vaultedge("deploy-info", "--stack", stack.name)

    assert ran.status == 1
    assert "no credentials" in ran.err
    assert "aws sso login" in ran.err


def test_a_stack_is_needed(vaultedge: Callable[..., Ran]) -> None:
    """Which stack is meant is never guessed."""
    assert {vaultedge(*command).status for command in COMMANDS} == {2}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("AccessDenied", "SecretAdmins"),
        ("AccessDeniedException", "whoever runs this needs the permission secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "aws sso login"),
        ("InvalidRequestException", "restore-secret"),
        ("ResourceNotFoundException", "--region"),
        ("DecryptionFailure", "kms:Decrypt"),
        ("ProfileNotFound", "list-profiles"),
        ("NoRegionError", "--region REGION"),
        ("EndpointConnectionError", "eu-west-1"),
        ("SomethingNew", "secretsmanager:GetSecretValue"),
    ],
)
def test_every_refusal_has_a_cure(code: str, word: str) -> None:
    """AWS's code is told, with what it means, and what to do."""
    refused = told(ActionFailed("secretsmanager:GetSecretValue", code, "eu-west-1"), "vaultedge")

    assert code in str(refused)
    assert refused.hint
    assert word in refused.hint


@pytest.mark.parametrize(("outputs", "word"), [({}, "ROLLBACK_COMPLETE"), ({"Other": "thing"}, "no output")])
def test_what_is_no_stack_of_ours_is_told(outputs: dict[str, str], word: str) -> None:
    """A stack that failed and a stack of something else are told apart, each with its hint."""
    with pytest.raises(StackUnusable) as refused:
        output(Deployed("it", "eu-west-1", "ROLLBACK_COMPLETE", outputs), "BaseUrl")

    assert refused.value.hint
    assert word in str(refused.value)
