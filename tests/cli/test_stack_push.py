"""`vaultedge vault push` and `pull`, over an emulated CloudFormation and Secrets Manager."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.aws.emulated_stack import EmulatedStack, emulated_stack
from tests.cli.conftest import CommandResult
from tests.fakes.clock import FakeClock
from vaultcore.aws.clients import AwsClients
from vaultcore.aws.secret_values import SecretIds
from vaultcore.aws.secrets import REFRESH_SECONDS, ManagedSecrets
from vaultcore.aws.stack import Stack
from vaultcore.cli.vault.push import READS, StackSecrets
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import seal, unseal
from vaultcore.vault.secret_text import SecretText

PASSWORD = "correct horse battery staple"
THIRD = Credential("Mistral", "ms-CANARY-0003")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedStack]:
    with emulated_stack() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def push(stack: EmulatedStack, vaultedge: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    def run(*options: str, **rest: Any) -> CommandResult:
        return vaultedge("vault", "push", "--stack", stack.name, *options, **rest)

    return run


@pytest.fixture
def pull(stack: EmulatedStack, vaultedge: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    def run(*options: str, **rest: Any) -> CommandResult:
        return vaultedge("vault", "pull", "--stack", stack.name, *options, **rest)

    return run


def stack_credentials(stack: EmulatedStack) -> list[Credential]:
    return unseal(stack.read("VaultSecretId"), stack.read("VaultPasswordSecretId"))


def stack_secrets(stack: EmulatedStack) -> tuple[str, str]:
    return stack.read("VaultSecretId"), stack.read("VaultPasswordSecretId")


def test_push_fills_an_empty_stack_and_prints_no_secret(
    stack: EmulatedStack, filled_vault: LocalVault, run_process: Any
) -> None:
    """The stack gets the local keys under a new password; no password, string or key is printed."""
    result = run_process("vault", "push", "--stack", stack.name, **stack.environ)
    vault, password = stack_secrets(stack)

    assert (result.returncode, result.stderr) == (0, "")
    assert stack_credentials(stack) == filled_vault.credentials()
    assert len(password) >= 24
    output = result.stdout + result.stderr
    assert not [secret for secret in (vault, password, "CANARY", vault[20:60]) if secret in output]


def test_the_password_is_stored_first(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """The password is stored before the vault, which completes the pair that functions load."""
    push()

    assert stack.proxy.put() == [stack.outputs["VaultPasswordSecretId"], stack.outputs["VaultSecretId"]]


def test_pushing_the_same_keys_changes_nothing(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """A repeated push changes nothing; --force replaces both secrets."""
    push()
    before = stack_secrets(stack)
    again = push("--json")

    assert json.loads(again.out) == {
        "stack": stack.name,
        "changed": False,
        "keys": 2,
        "providers": {"OpenAI": 1, "Groq": 1},
        "dropped": [],
    }
    assert stack_secrets(stack) == before

    assert push("--force").status == 0
    assert all(new != old for new, old in zip(stack_secrets(stack), before, strict=True))
    assert stack_credentials(stack) == filled_vault.credentials()


def test_keys_can_be_rotated_with_an_overlap(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """The stack has the old and the new key until the old one is removed, which is reported masked."""
    push()
    [added] = filled_vault.add([Credential("OpenAI", "sk-test-CANARY-0004")])
    push("--keep-password")
    both = [each.key for each in stack_credentials(stack) if each.provider == "OpenAI"]
    filled_vault.remove(filled_vault.entries()[0].id)
    last = push("--keep-password")

    assert both == ["sk-test-CANARY-0001", "sk-test-CANARY-0004"]
    assert added.id in [each.id for each in filled_vault.entries()]
    assert stack_credentials(stack) == filled_vault.credentials()
    assert "removed from the stack: OpenAI key sk-t...0001" in last.err
    assert "CANARY" not in last.out + last.err


def test_keep_password_changes_only_the_vault(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """With --keep-password only the vault changes; a stack without a password fails."""
    assert push("--keep-password").status == 1
    push()
    _, password = stack_secrets(stack)
    filled_vault.add([THIRD])
    stack.proxy.calls.clear()

    assert push("--keep-password").status == 0
    assert stack.proxy.put() == [stack.outputs["VaultSecretId"]]
    assert stack_secrets(stack)[1] == password


def test_a_given_password_is_used(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult], tmp_path: Path
) -> None:
    """--password-file sets the stack's password; weak or ambiguous passwords are rejected."""
    file = tmp_path / "password"
    for refused in ("password1", f" {PASSWORD} "):
        file.write_text(refused)
        result = push("--password-file", str(file))
        assert (result.status, stack.read("VaultPasswordSecretId")) == (1, "empty")
        assert refused not in result.err
    file.write_text(f"{PASSWORD}\n")

    assert push("--password-file", str(file)).status == 0
    assert stack.read("VaultPasswordSecretId") == PASSWORD
    assert stack_credentials(stack) == filled_vault.credentials()
    assert push("--keep-password", "--password", "-").status == 2


@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_vault_string_is_pushed_like_a_vault(
    source: str, stack: EmulatedStack, push: Callable[..., CommandResult], tmp_path: Path
) -> None:
    """--file and VAULTEDGE_VAULT are opened with their own password and sealed with another."""
    string = seal([THIRD], PASSWORD)
    file = tmp_path / "vault.txt"
    file.write_text(f"VAULTEDGE_VAULT={string}\n")
    environ = {"VAULTEDGE_PASSWORD": PASSWORD}
    if source == "file":
        result = push("--file", str(file), environ=environ)
    else:
        result = push(environ={**environ, "VAULTEDGE_VAULT": string})

    assert (result.status, result.err) == (0, "")
    assert stack_credentials(stack) == [THIRD]
    assert stack.read("VaultPasswordSecretId") != PASSWORD


def test_a_failed_push_is_rolled_back(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """If storing the vault fails, the old password is restored and the old vault still opens."""
    push()
    before = stack_credentials(stack)
    filled_vault.add([THIRD])
    stack.proxy.rejections["PutSecretValue", stack.outputs["VaultSecretId"]] = "InternalServiceError"
    result = push()
    assert (result.status, stack_credentials(stack)) == (1, before)

    stack.proxy.rejections.clear()
    assert push().status == 0
    assert stack_credentials(stack) == filled_vault.credentials()


def test_a_push_is_verified(stack: EmulatedStack) -> None:
    """A push that another push overwrites fails; a delayed secret is awaited."""
    vault, password = seal([THIRD], PASSWORD), SecretText(PASSWORD)

    class LateClock(FakeClock):
        def __init__(self, after: int) -> None:
            super().__init__()
            self.after = after

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == self.after:
                stack.write("VaultPasswordSecretId", PASSWORD)

    outcomes = []
    for clock in (LateClock(2), LateClock(99)):
        with closing(Stack(stack.name)) as opened_stack:
            stored = StackSecrets.read(opened_stack)
            stored.put(vault, password)
            stack.write("VaultPasswordSecretId", "of another push")
            outcomes.append((asyncio.run(stored.contains([THIRD], clock)), len(clock.slept)))

    assert outcomes == [(True, 2), (False, READS - 1)]


def test_push_replaces_a_broken_vault(
    stack: EmulatedStack,
    filled_vault: LocalVault,
    push: Callable[..., CommandResult],
    pull: Callable[..., CommandResult],
) -> None:
    """A vault that does not open is reported by pull, with the fix, and replaced by push."""
    push()
    stack.write("VaultPasswordSecretId", PASSWORD)
    refused = pull()

    assert refused.status == 1
    assert f"vaultedge vault push --stack {stack.name}" in refused.err
    assert push().status == 0
    assert stack_credentials(stack) == filled_vault.credentials()


def test_pull_adds_missing_keys(
    stack: EmulatedStack,
    filled_vault: LocalVault,
    push: Callable[..., CommandResult],
    pull: Callable[..., CommandResult],
) -> None:
    """The stack's keys are merged into the local vault, and none is printed."""
    filled_vault.add([THIRD])
    push()
    removed = filled_vault.entries()[1]
    filled_vault.remove(removed.id)
    result = pull("--json")

    assert json.loads(result.out) == {"stack": stack.name, "keys": 3, "added": 1}
    assert sorted(each.key for each in filled_vault.credentials()) == sorted(
        each.key for each in stack_credentials(stack)
    )
    assert "added 0 of 3 keys" in pull().out
    assert "CANARY" not in result.out + result.err


def test_pull_writes_the_string_to_a_private_file(
    stack: EmulatedStack,
    filled_vault: LocalVault,
    push: Callable[..., CommandResult],
    pull: Callable[..., CommandResult],
    tmp_path: Path,
) -> None:
    """--output writes the stack's string, unchanged or with a new password; --force replaces a file."""
    push()
    vault, _ = stack_secrets(stack)
    file, password = tmp_path / "vault.txt", tmp_path / "password"
    password.write_text(PASSWORD)

    assert pull("--output", str(file)).status == 0
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == (vault, 0o600)
    assert pull("--output", str(file)).status == 1
    assert pull("--output", str(file), "--force", "--password-file", str(password)).status == 0
    assert unseal(file.read_text().strip(), PASSWORD) == filled_vault.credentials()


def test_pull_from_an_empty_stack_fails(stack: EmulatedStack, pull: Callable[..., CommandResult]) -> None:
    """The template's placeholders are not a vault."""
    result = pull()

    assert (result.status, result.out) == (1, "")
    assert "is empty" in result.err


def test_an_empty_vault_is_not_pushed(stack: EmulatedStack, push: Callable[..., CommandResult]) -> None:
    """A stack is not emptied by mistake."""
    stack.write("VaultSecretId", "something")
    result = push()

    assert result.status == 1
    assert stack.read("VaultSecretId") == "something"


def test_running_functions_follow_a_push(
    stack: EmulatedStack, filled_vault: LocalVault, push: Callable[..., CommandResult]
) -> None:
    """A running function loads new keys after five minutes, or soon after a provider rejects a key."""
    push()
    clock = FakeClock()
    ids = SecretIds(vault=stack.outputs["VaultSecretId"], password=stack.outputs["VaultPasswordSecretId"])
    warm = ManagedSecrets(AwsClients(), ids, clock)

    async def keys() -> int:
        return len((await warm.current()).keyring)

    async def scenario() -> list[int]:
        counts = [await keys()]
        filled_vault.add([THIRD])
        await asyncio.to_thread(push)
        counts.append(await keys())
        clock.time += REFRESH_SECONDS
        counts.append(await keys())
        filled_vault.add([Credential("OpenAI", "sk-test-CANARY-0005")])
        await asyncio.to_thread(push)
        clock.time += 60
        warm.refresh_soon()
        return [*counts, await keys()]

    assert asyncio.run(scenario()) == [2, 2, 3, 4]
