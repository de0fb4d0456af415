"""A vault that an earlier version has written: its file and its exported strings open unchanged.

`vectors/vault_of_before.json` was written by commit e6d6464, as were the rows of `tests/store/rows/`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import unseal

ADDED = Credential("groq", "test-groq-key-0123456789")


@pytest.fixture
def before() -> dict[str, Any]:
    """Return the parsed file of vectors."""
    file = Path(__file__).parent.parent / "vectors" / "vault_of_before.json"
    vault: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return vault


def test_the_file_opens_and_takes_another_key(before: dict[str, Any], tmp_path: Path) -> None:
    """The keys of the file are read, and a new key is added with the machine secret of before."""
    secret = tmp_path / ".secret"
    secret.write_text(before["secret"])
    secret.chmod(0o600)
    (tmp_path / "local.vault.json").write_text(json.dumps(before["file"]))
    vault = LocalVault(tmp_path)

    vault.add([ADDED])

    keys = [(each.provider, each.key) for each in vault.credentials()]
    assert keys == [*map(tuple, before["keys"]), ("groq", ADDED.key)]
    assert secret.read_text() == before["secret"]


def test_exported_strings_open(before: dict[str, Any]) -> None:
    """Strings of both formats open with their password."""
    for sealed in before["strings"]:
        keys = [[each.provider, each.key] for each in unseal(sealed, before["password"])]
        assert keys == before["keys"]
