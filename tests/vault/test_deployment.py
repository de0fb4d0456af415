from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
