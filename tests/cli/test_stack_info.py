"""`vaultedge deploy-info`, and the AWS errors of all stack commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.aws.emulated_stack import ADMIN_KEY, PEPPER, SYSTEM_KEY, EmulatedStack, emulated_stack
from tests.cli.conftest import CommandResult
from vaultcore.aws.stack import ActionFailed, StackState
from vaultcore.cli.stack import StackError, explain_failure, require_output
from vaultcore.vault.local import LocalVault


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedStack]:
    with emulated_stack() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


def test_outputs_and_remaining_steps(
    stack: EmulatedStack, filled_vault: LocalVault, vaultedge: Callable[..., CommandResult]
) -> None:
    """Every output is printed by name, with the remaining steps; none remain once the vault is filled."""
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


def test_keys_are_printed_only_on_request(
    stack: EmulatedStack, vaultedge: Callable[..., CommandResult]
) -> None:
    """An option prints one key alone on stdout; no other output contains a secret."""
    system = vaultedge("deploy-info", "--stack", stack.name, "--show-system-key")
    admin = vaultedge("deploy-info", "--stack", stack.name, "--show-admin-key")
    plain = vaultedge("deploy-info", "--stack", stack.name)

    assert (system.out, admin.out) == (f"{SYSTEM_KEY}\n", f"{ADMIN_KEY}\n")
    output = plain.out + plain.err + system.err + admin.err
    assert not [each for each in (SYSTEM_KEY[3:], ADMIN_KEY[3:], PEPPER) if each in output]


def test_missing_permissions_hide_only_the_secrets(
    stack: EmulatedStack, vaultedge: Callable[..., CommandResult]
) -> None:
    """Without permission to read the vault, the outputs are printed with the missing permission."""
    stack.proxy.rejections["GetSecretValue", ""] = "AccessDeniedException"
    result = vaultedge("deploy-info", "--stack", stack.name)

    assert result.status == 0
    assert "BaseUrl" in result.out
    assert "secretsmanager:GetSecretValue" in result.out


COMMANDS = [("deploy-info",), ("vault", "push"), ("vault", "pull")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_such_stack(
    command: tuple[str, ...],
    stack: EmulatedStack,
    filled_vault: LocalVault,
    vaultedge: Callable[..., CommandResult],
) -> None:
    """An unknown stack is reported with the region; exit status 1, empty stdout."""
    result = vaultedge(*command, "--stack", "another", "--region", "eu-west-1")

    assert (result.status, result.out) == (1, "")
    assert "no stack another in eu-west-1" in result.err
    assert "hint: set --region" in result.err


def test_no_credentials(
    stack: EmulatedStack, vaultedge: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the hint says how to sign in."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    result = vaultedge("deploy-info", "--stack", stack.name)

    assert result.status == 1
    assert "no credentials" in result.err
    assert "aws sso login" in result.err


def test_the_stack_is_required(vaultedge: Callable[..., CommandResult]) -> None:
    """--stack is required."""
    assert {vaultedge(*command).status for command in COMMANDS} == {2}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("AccessDenied", "SecretAdmins"),
        ("AccessDeniedException", "grant the permission secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "aws sso login"),
        ("InvalidRequestException", "restore-secret"),
        ("ResourceNotFoundException", "--region"),
        ("DecryptionFailure", "kms:Decrypt"),
        ("ProfileNotFound", "list-profiles"),
        ("NoRegionError", "set --region"),
        ("EndpointConnectionError", "eu-west-1"),
        ("SomethingNew", "secretsmanager:GetSecretValue"),
    ],
)
def test_every_aws_error_has_a_hint(code: str, word: str) -> None:
    """An AWS error code is printed with its meaning and a hint."""
    error = explain_failure(ActionFailed("secretsmanager:GetSecretValue", code, "eu-west-1"), "vaultedge")

    assert code in str(error)
    assert error.hint
    assert word in error.hint


@pytest.mark.parametrize(("outputs", "word"), [({}, "ROLLBACK_COMPLETE"), ({"Other": "thing"}, "no output")])
def test_failed_and_foreign_stacks_are_distinguished(outputs: dict[str, str], word: str) -> None:
    """A failed stack and another product's stack give different errors, each with a hint."""
    with pytest.raises(StackError) as refused:
        require_output(StackState("it", "eu-west-1", "ROLLBACK_COMPLETE", outputs), "BaseUrl")

    assert refused.value.hint
    assert word in str(refused.value)
