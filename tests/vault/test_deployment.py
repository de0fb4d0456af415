from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vaultcore.errors import VaultError
from vaultcore.vault.deployment import deployment_keys


def test_keys_are_generated_once(tmp_path: Path) -> None:
    """The first start generates two different keys; later starts read them."""
    home = tmp_path / "home"

    keys = deployment_keys(home)
    system, admin = keys.system, keys.admin

    assert keys.created
    assert re.fullmatch("vp-[0-9a-f]{40,}", keys.pepper)
    assert re.fullmatch("ve-[0-9a-f]{40,}", system)
    assert re.fullmatch("va-[0-9a-f]{40,}", admin)
    assert system[3:] != admin[3:]
    assert deployment_keys(home) == replace(keys, created=False)


def test_keys_are_private(tmp_path: Path) -> None:
    """Only the owner can read the files, and the repr contains no key."""
    keys = deployment_keys(tmp_path)

    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert repr(keys) == "DeploymentKeys(created=True)"


def test_a_missing_key_is_generated_again(tmp_path: Path) -> None:
    """If one file is removed, that key is replaced and the others stay."""
    before = deployment_keys(tmp_path)
    (tmp_path / "system.key").unlink()

    after = deployment_keys(tmp_path)

    assert after.created
    assert (after.admin, after.pepper) == (before.admin, before.pepper)
    assert after.system != before.system


@pytest.mark.parametrize("damage", ["", "va-CANARY", "va-" + "0" * 39, "ve-" + "0" * 48])
def test_a_damaged_key_file_is_rejected_without_showing_keys(
    damage: str, tmp_path: Path, refused: Any
) -> None:
    """The error names the file, which is not changed, and shows no key."""
    system = deployment_keys(tmp_path).system
    (tmp_path / "admin.key").write_text(damage)

    error = refused((system, "CANARY", "0" * 39), deployment_keys, tmp_path)

    assert "admin.key" in str(error)
    assert (tmp_path / "admin.key").read_text() == damage


def test_a_key_file_readable_by_others_is_rejected(tmp_path: Path, refused: Any) -> None:
    """Keys that other users can read are not used; the hint says how to fix it."""
    keys = deployment_keys(tmp_path)
    (tmp_path / "system.key").chmod(0o644)

    assert refused((keys.system, keys.admin), deployment_keys, tmp_path).hint.startswith("run chmod 600 ")


@pytest.mark.parametrize("damage", ["", "\n", "vp-" + "0" * 20, "va-" + "0" * 48, "\0" * 51])
def test_a_damaged_pepper_is_never_deleted(damage: str, tmp_path: Path, refused: Any) -> None:
    """The error names the file; the cure is a backup, not deletion, and no new pepper is generated."""
    deployment_keys(tmp_path)
    file = tmp_path / "pepper.key"
    file.write_text(damage)

    error = refused((), deployment_keys, tmp_path)

    assert str(file) in str(error)
    assert "restore it from a backup" in error.hint
    assert not re.search("remove|move|rm |delete it|delete the file", error.hint)
    assert file.read_text() == damage


def test_a_lost_pepper_is_not_replaced_without_a_check(tmp_path: Path) -> None:
    """Before a pepper is generated, the caller may refuse; then no file changes."""
    deployment_keys(tmp_path)
    (tmp_path / "pepper.key").unlink()
    (tmp_path / "admin.key").unlink()

    def refuse(file: Path) -> None:
        raise VaultError(f"{file} is missing")

    with pytest.raises(VaultError, match=r"pepper\.key is missing"):
        deployment_keys(tmp_path, before_new_pepper=refuse)
    assert {file.name for file in tmp_path.iterdir()} == {".lock", "system.key"}


def test_a_damaged_pepper_is_set_aside_on_request(tmp_path: Path) -> None:
    """With `replace_damaged`, the damaged file keeps its text under another name; an intact one stays."""
    before = deployment_keys(tmp_path)
    assert deployment_keys(tmp_path, replace_damaged=True).pepper == before.pepper
    (tmp_path / "pepper.key").write_text("vp-half")

    after = deployment_keys(tmp_path, replace_damaged=True)

    assert after.pepper != before.pepper
    assert [file.read_text() for file in tmp_path.glob("pepper.key.damaged-*")] == ["vp-half"]
    assert deployment_keys(tmp_path).pepper == after.pepper
