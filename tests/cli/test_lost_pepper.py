"""A lost or damaged pepper: commands refuse with a cure, and `serve --new-pepper` starts anew."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Vaultedge
from tests.fakes.served import COMMAND, environment, run_serve
from vaultcore.clock import SystemClock
from vaultcore.compose import local_keys
from vaultcore.control.limit_policies import LimitPolicies
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.settings import Settings
from vaultcore.store import document_types
from vaultcore.store.base import DocumentKey, Put
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.vault.keyring import Keyring
from vaultcore.vault.local import LocalVault

Fill = Callable[[SQLiteStore, FixedSecrets], Any]


async def create_key(store: SQLiteStore, secrets: FixedSecrets) -> None:
    draft = VirtualKey("", "a key", 0.0, (), Limits(rpm=60))
    await VirtualKeys(store, secrets, SystemClock(), lambda: None).create(draft, "r1")


async def set_limits(store: SQLiteStore, secrets: FixedSecrets) -> None:
    policies = LimitPolicies(store, secrets, SystemClock(), lambda: None)
    await policies.set_gateway(Limits(rpm=60), "r1")


async def set_routes(store: SQLiteStore, secrets: FixedSecrets) -> None:
    await store.write(Put(document_types.ROUTES, {"signed": {"models": {}}, "mac": ""}))


async def seal(store: SQLiteStore, secrets: FixedSecrets) -> None:
    await store.write(Put(DocumentKey(document_types.SEALS, "2026-11-22"), {}))


CASES = {"virtual keys": create_key, "limits": set_limits, "routes": set_routes, "a signed ledger": seal}


def fill(home: Path, work: Fill) -> None:
    """Start the gateway of a home, and let `work` write to its store."""
    if not LocalVault(home).exists():
        LocalVault(home).init()
    pepper = local_keys(Settings(home=home, store=f"sqlite:{home / 'vaultedge.db'}")).pepper.encode()

    async def run() -> None:
        store = SQLiteStore(home / "vaultedge.db", SystemClock())
        await work(store, FixedSecrets(Secrets(Keyring(()), pepper=pepper)))
        await store.aclose()

    asyncio.run(run())


def serve(folder: Path, home: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run `serve` until it fails; return its exit status and its messages."""
    done = subprocess.run(
        [*COMMAND, "serve", "--port", "0", *arguments],
        cwd=folder,
        env=environment(folder, {"VAULTEDGE_HOME": str(home)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("dependent", CASES)
def test_a_lost_pepper_refuses_to_start(dependent: str, tmp_path: Path, home: Path) -> None:
    """With anything in the store that needs it, `serve` names the file and a cure and creates nothing."""
    fill(home, CASES[dependent])
    (home / "pepper.key").unlink()

    status, (message, hint) = serve(tmp_path, home)

    assert status == 1
    assert f"{home / 'pepper.key'} is missing" in message
    assert dependent in message
    assert "restore it from a backup" in hint
    assert "--new-pepper" in hint
    assert not (home / "pepper.key").exists()


@pytest.mark.parametrize("command", ["keys list", "keys create --name x", "explain gpt-4o"])
def test_no_other_command_replaces_it(command: str, tmp_path: Path, home: Path, vaultedge: Vaultedge) -> None:
    """Commands that need the pepper, or generate missing keys, refuse as well."""
    fill(home, create_key)
    (home / "pepper.key").unlink()

    result = vaultedge(*command.split())

    assert result.status == 1
    assert "pepper.key is missing" in result.err
    assert not (home / "pepper.key").exists()


def test_a_store_that_does_not_answer_refuses_too(tmp_path: Path, home: Path, vaultedge: Vaultedge) -> None:
    """If the store cannot be read, nobody knows whether it depends on the lost pepper."""
    fill(home, create_key)
    (home / "pepper.key").unlink()
    with (home / "vaultedge.db").open("r+b") as file:  # damaged behind its header
        file.seek(100)
        file.write(os.urandom(8_000))

    result = vaultedge("keys", "list")

    assert result.status == 1
    assert "pepper.key is missing, and the store" in result.err
    assert not (home / "pepper.key").exists()


def test_without_records_a_new_pepper_is_generated(tmp_path: Path, home: Path) -> None:
    """If nothing depends on the lost pepper, the next start generates another one."""
    before = local_keys(Settings(home=home, store=f"sqlite:{home / 'vaultedge.db'}"))
    (home / "pepper.key").unlink()

    after = local_keys(Settings(home=home, store=f"sqlite:{home / 'vaultedge.db'}"))

    assert after.pepper != before.pepper
    assert (after.system, after.admin) == (before.system, before.admin)


@pytest.mark.parametrize("damage", [None, "", "vp-" + "0" * 20])
def test_an_operator_can_start_anew(damage: str | None, tmp_path: Path) -> None:
    """`serve --new-pepper` deletes what depended on the old one: keys and limits can be set again.

    A damaged file keeps its text under another name. Later starts with the option change nothing.
    """
    home = tmp_path / ".vaultedge"
    for work in CASES.values():
        fill(home, work)
    file = home / "pepper.key"
    file.unlink()
    if damage is not None:
        file.write_text(damage)
        file.chmod(0o600)
    with run_serve(tmp_path, "--new-pepper"):
        pepper = file.read_text()
    with run_serve(tmp_path, "--new-pepper"):
        assert file.read_text() == pepper
    fill(home, create_key)
    fill(home, set_limits)

    async def keys() -> list[VirtualKey]:
        store = SQLiteStore(home / "vaultedge.db", SystemClock())
        secrets = FixedSecrets(Secrets(Keyring(()), pepper=pepper.strip().encode()))
        stored = await VirtualKeys(store, secrets, SystemClock(), lambda: None).all()
        await store.aclose()
        return stored

    assert len(asyncio.run(keys())) == 1
    assert [each.read_text() for each in home.glob("pepper.key.damaged-*")] == (
        [damage] if damage is not None else []
    )


def test_a_set_pepper_needs_no_file(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With VAULTEDGE_PEPPER, the file is not needed, and its loss refuses nothing."""
    fill(home, create_key)
    (home / "pepper.key").unlink()

    local_keys(Settings(home=home, store=f"sqlite:{home / 'vaultedge.db'}", pepper="vp-" + "1" * 48))


@pytest.mark.parametrize("text", [None, "", "vp-" + "0" * 20])
def test_doctor_names_a_lost_or_damaged_pepper(
    text: str | None, tmp_path: Path, home: Path, vaultedge: Vaultedge
) -> None:
    """`doctor` names the file and the cure, and creates no pepper."""
    fill(home, create_key)
    (home / "pepper.key").unlink()
    if text is not None:
        (home / "pepper.key").write_text(text)
        (home / "pepper.key").chmod(0o600)

    result = vaultedge("doctor", "--offline", "--json")

    checks = [each for each in json.loads(result.out)["checks"] if each["state"] == "failed"]
    (named,) = [each for each in checks if "pepper.key" in each["told"]]
    assert str(home / "pepper.key") in named["told"]
    assert "restore it from a backup" in named["cure"]
    assert (home / "pepper.key").exists() is (text is not None)
