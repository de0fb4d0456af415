"""`vaultedge vault push` and `pull`, over an emulated CloudFormation and Secrets Manager."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.aws.stacked import Stacked, stacked
from tests.cli.conftest import Ran
from tests.fakes.clock import FakeClock
from vaultcore.aws.clients import Aws
from vaultcore.aws.reading import SecretIds
from vaultcore.aws.secrets import REREAD, ManagedSecrets
from vaultcore.aws.stack import Stack
from vaultcore.cli.vault.push import LOOKS, Pair
from vaultcore.vault.hidden import Hidden
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import seal, unseal

PASSWORD = "correct horse battery staple"
THIRD = Credential("Mistral", "ms-CANARY-0003")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stacked]:
    with stacked() as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def push(stack: Stacked, vaultedge: Callable[..., Ran]) -> Callable[..., Ran]:
    def run(*options: str, **rest: Any) -> Ran:
        return vaultedge("vault", "push", "--stack", stack.name, *options, **rest)

    return run


@pytest.fixture
def pull(stack: Stacked, vaultedge: Callable[..., Ran]) -> Callable[..., Ran]:
    def run(*options: str, **rest: Any) -> Ran:
        return vaultedge("vault", "pull", "--stack", stack.name, *options, **rest)

    return run


def held(stack: Stacked) -> list[Credential]:
    return unseal(stack.read("VaultSecretId"), stack.read("VaultPasswordSecretId"))


def pair(stack: Stacked) -> tuple[str, str]:
    return stack.read("VaultSecretId"), stack.read("VaultPasswordSecretId")


def test_push_fills_an_empty_stack_and_shows_nothing(
    stack: Stacked, filled: LocalVault, in_a_process: Any
) -> None:
    """The stack opens to the local keys under a new password; neither it, the string nor a key is printed."""
    ran = in_a_process("vault", "push", "--stack", stack.name, **stack.environ)
    vault, password = pair(stack)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert held(stack) == filled.credentials()
    assert len(password) >= 24
    shown = ran.stdout + ran.stderr
    assert not [told for told in (vault, password, "CANARY", vault[20:60]) if told in shown]


def test_the_password_goes_first(stack: Stacked, filled: LocalVault, push: Callable[..., Ran]) -> None:
    """Functions take vault and password as a pair, and the vault is what completes it."""
    push()

    assert stack.door.put() == [stack.outputs["VaultPasswordSecretId"], stack.outputs["VaultSecretId"]]


def test_pushing_the_same_keys_again_puts_nothing(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran]
) -> None:
    """A push is repeated without effect; --force puts both anew."""
    push()
    before = pair(stack)
    again = push("--json")

    assert json.loads(again.out) == {
        "stack": stack.name,
        "changed": False,
        "keys": 2,
        "providers": {"OpenAI": 1, "Groq": 1},
        "dropped": [],
    }
    assert pair(stack) == before

    assert push("--force").status == 0
    assert all(new != old for new, old in zip(pair(stack), before, strict=True))
    assert held(stack) == filled.credentials()


def test_a_second_key_overlaps_the_first(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran]
) -> None:
    """Old and new key are in the stack together until the old one is removed, which is told, masked."""
    push()
    [fresh] = filled.add([Credential("OpenAI", "sk-test-CANARY-0004")])
    push("--keep-password")
    both = [each.key for each in held(stack) if each.provider == "OpenAI"]
    filled.remove(filled.entries()[0].id)
    last = push("--keep-password")

    assert both == ["sk-test-CANARY-0001", "sk-test-CANARY-0004"]
    assert fresh.id in [each.id for each in filled.entries()]
    assert held(stack) == filled.credentials()
    assert "no longer in the stack: OpenAI key sk-t...0001" in last.err
    assert "CANARY" not in last.out + last.err


def test_keep_password_puts_the_vault_alone(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran]
) -> None:
    """With --keep-password no moment comes in which the pair does not fit; an unfilled stack has none."""
    assert push("--keep-password").status == 1
    push()
    _, password = pair(stack)
    filled.add([THIRD])
    stack.door.passed.clear()

    assert push("--keep-password").status == 0
    assert stack.door.put() == [stack.outputs["VaultSecretId"]]
    assert pair(stack)[1] == password


def test_a_password_of_ones_own(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran], tmp_path: Path
) -> None:
    """--password-file gives the stack's password; weak or misreadable ones are refused."""
    file = tmp_path / "password"
    for refused in ("password1", f" {PASSWORD} "):
        file.write_text(refused)
        ran = push("--password-file", str(file))
        assert (ran.status, stack.read("VaultPasswordSecretId")) == (1, "empty")
        assert refused not in ran.err
    file.write_text(f"{PASSWORD}\n")

    assert push("--password-file", str(file)).status == 0
    assert stack.read("VaultPasswordSecretId") == PASSWORD
    assert held(stack) == filled.credentials()
    assert push("--keep-password", "--password", "-").status == 2


@pytest.mark.parametrize("given", ["file", "environment"])
def test_a_vault_string_is_pushed_like_a_vault(
    given: str, stack: Stacked, push: Callable[..., Ran], tmp_path: Path
) -> None:
    """--file and VAULTEDGE_VAULT are opened with their own password and sealed under another."""
    string = seal([THIRD], PASSWORD)
    file = tmp_path / "vault.txt"
    file.write_text(f"VAULTEDGE_VAULT={string}\n")
    environ = {"VAULTEDGE_PASSWORD": PASSWORD}
    if given == "file":
        ran = push("--file", str(file), environ=environ)
    else:
        ran = push(environ={**environ, "VAULTEDGE_VAULT": string})

    assert (ran.status, ran.err) == (0, "")
    assert held(stack) == [THIRD]
    assert stack.read("VaultPasswordSecretId") != PASSWORD


def test_half_a_push_is_taken_back(stack: Stacked, filled: LocalVault, push: Callable[..., Ran]) -> None:
    """Where the vault cannot be put, the password before it is put back: what was there opens as before."""
    push()
    before = held(stack)
    filled.add([THIRD])
    stack.door.refused["PutSecretValue", stack.outputs["VaultSecretId"]] = "InternalServiceError"
    ran = push()
    assert (ran.status, held(stack)) == (1, before)

    stack.door.refused.clear()
    assert push().status == 0
    assert held(stack) == filled.credentials()


def test_what_was_put_is_read_back_until_it_opens(stack: Stacked) -> None:
    """A push that somebody else's crosses is no success; what is late by a moment is waited for."""
    vault, password = seal([THIRD], PASSWORD), Hidden(PASSWORD)

    class Late(FakeClock):
        def __init__(self, after: int) -> None:
            super().__init__()
            self.after = after

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == self.after:
                stack.write("VaultPasswordSecretId", PASSWORD)

    found = []
    for clock in (Late(2), Late(99)):
        with closing(Stack(stack.name)) as asked:
            pair = Pair.of(asked)
            pair.put(vault, password)
            stack.write("VaultPasswordSecretId", "of somebody else")
            found.append((asyncio.run(pair.holds([THIRD], clock)), len(clock.slept)))

    assert found == [(True, 2), (False, LOOKS - 1)]


def test_push_mends_a_pair_that_does_not_fit(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran], pull: Callable[..., Ran]
) -> None:
    """A pair that does not open is told by pull, with the cure, and replaced by push."""
    push()
    stack.write("VaultPasswordSecretId", PASSWORD)
    refused = pull()

    assert refused.status == 1
    assert f"vaultedge vault push --stack {stack.name}" in refused.err
    assert push().status == 0
    assert held(stack) == filled.credentials()


def test_pull_adds_the_keys_that_are_not_here(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran], pull: Callable[..., Ran]
) -> None:
    """The stack's keys are merged into the local vault, and none of them is shown."""
    filled.add([THIRD])
    push()
    gone = filled.entries()[1]
    filled.remove(gone.id)
    ran = pull("--json")

    assert json.loads(ran.out) == {"stack": stack.name, "keys": 3, "added": 1}
    assert sorted(each.key for each in filled.credentials()) == sorted(each.key for each in held(stack))
    assert "added 0 of 3 keys" in pull().out
    assert "CANARY" not in ran.out + ran.err


def test_pull_writes_the_string_to_a_private_file(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran], pull: Callable[..., Ran], tmp_path: Path
) -> None:
    """--output holds the stack's string as it is, or under a given password; no file is replaced unasked."""
    push()
    vault, _ = pair(stack)
    file, password = tmp_path / "vault.txt", tmp_path / "password"
    password.write_text(PASSWORD)

    assert pull("--output", str(file)).status == 0
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == (vault, 0o600)
    assert pull("--output", str(file)).status == 1
    assert pull("--output", str(file), "--force", "--password-file", str(password)).status == 0
    assert unseal(file.read_text().strip(), PASSWORD) == filled.credentials()


def test_there_is_nothing_to_pull_from_an_empty_stack(stack: Stacked, pull: Callable[..., Ran]) -> None:
    """The placeholders of the template are no vault."""
    ran = pull()

    assert (ran.status, ran.out) == (1, "")
    assert "is empty" in ran.err


def test_nothing_is_pushed_from_an_empty_vault(stack: Stacked, push: Callable[..., Ran]) -> None:
    """A stack that serves is not emptied by mistake."""
    stack.write("VaultSecretId", "something")
    ran = push()

    assert ran.status == 1
    assert stack.read("VaultSecretId") == "something"


def test_running_functions_follow_a_push(
    stack: Stacked, filled: LocalVault, push: Callable[..., Ran]
) -> None:
    """A warm function has the new keys after five minutes, and at once when a provider has refused a key."""
    push()
    clock = FakeClock()
    ids = SecretIds(vault=stack.outputs["VaultSecretId"], password=stack.outputs["VaultPasswordSecretId"])
    warm = ManagedSecrets(Aws(), ids, clock)

    async def keys() -> int:
        return len((await warm.current()).keyring)

    async def story() -> list[int]:
        found = [await keys()]
        filled.add([THIRD])
        await asyncio.to_thread(push)
        found.append(await keys())
        clock.time += REREAD
        found.append(await keys())
        filled.add([Credential("OpenAI", "sk-test-CANARY-0005")])
        await asyncio.to_thread(push)
        clock.time += 60
        warm.doubt()
        return [*found, await keys()]

    assert asyncio.run(story()) == [2, 2, 3, 4]
