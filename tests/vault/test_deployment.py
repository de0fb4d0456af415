from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vaultcore.vault.deployment import deployment_keys


def test_keys_are_made_once(tmp_path: Path) -> None:
    """The first start makes two different keys; later ones read them back."""
    home = tmp_path / "home"

    kept = deployment_keys(home)
    system, admin = kept.system, kept.admin

    assert kept.made
    assert re.fullmatch("vp-[0-9a-f]{40,}", kept.pepper)
    assert re.fullmatch("ve-[0-9a-f]{40,}", system)
    assert re.fullmatch("va-[0-9a-f]{40,}", admin)
    assert system[3:] != admin[3:]
    assert deployment_keys(home) == replace(kept, made=False)


def test_keys_are_private(tmp_path: Path) -> None:
    """Only their owner can read them, and their repr shows nothing."""
    keys = deployment_keys(tmp_path)

    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert repr(keys) == "DeploymentKeys(made=True)"


def test_one_missing_key_is_made_anew(tmp_path: Path) -> None:
    """Removing one file replaces that key and keeps the other."""
    before = deployment_keys(tmp_path)
    (tmp_path / "system.key").unlink()

    after = deployment_keys(tmp_path)

    assert after.made
    assert (after.admin, after.pepper) == (before.admin, before.pepper)
    assert after.system != before.system


@pytest.mark.parametrize("damage", ["", "va-CANARY", "va-" + "0" * 39, "ve-" + "0" * 48])
def test_a_damaged_key_is_refused_without_a_trace(damage: str, tmp_path: Path, refused: Any) -> None:
    """A file that holds something else is named and left alone, and neither key shows."""
    system = deployment_keys(tmp_path).system
    (tmp_path / "admin.key").write_text(damage)

    error = refused((system, "CANARY", "0" * 39), deployment_keys, tmp_path)

    assert "admin.key" in str(error)
    assert (tmp_path / "admin.key").read_text() == damage


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, refused: Any) -> None:
    """Keys open to other users are not used; the hint says how to mend it."""
    kept = deployment_keys(tmp_path)
    (tmp_path / "system.key").chmod(0o644)

    assert refused((kept.system, kept.admin), deployment_keys, tmp_path).hint.startswith("chmod 600 ")
