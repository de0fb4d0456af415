"""The two keys of a gateway on this machine: made on its first start, kept next to the vault."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from vaultcore.errors import VaultError
from vaultcore.vault import private
from vaultcore.vault.hidden import Hidden

_BYTES = 24  # 48 hex characters


def deployment_keys(home: Path) -> tuple[str, str, bool]:
    """The system key, the admin key, and whether either was made just now."""
    private.make_directory(home)
    with private.sole_writer(home):
        system, made_system = _kept(home / "system.key", "ve-")
        admin, made_admin = _kept(home / "admin.key", "va-")
    return system, admin, made_system or made_admin


def _kept(file: Path, prefix: str) -> tuple[str, bool]:
    if not file.exists():
        key = Hidden(prefix + secrets.token_hex(_BYTES))
        private.write_new(file, f"{key}\n")
        return key, True
    key = Hidden(private.read(file).strip())
    if not re.fullmatch(prefix + "[0-9a-f]{40,}", key):
        raise _damaged(file, prefix)
    return key, False


def _damaged(file: Path, prefix: str) -> VaultError:
    return VaultError(
        f"{file} must hold {prefix} and 40 or more hex characters",
        hint="remove the file, and the next start makes a new key",
    )
