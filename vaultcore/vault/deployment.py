"""The keys of a gateway on this machine: made on its first start, kept next to the vault."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from vaultcore.errors import VaultError
from vaultcore.vault import private
from vaultcore.vault.hidden import Hidden

_BYTES = 24  # 48 hex characters


@dataclass(frozen=True, slots=True)
class DeploymentKeys:
    """What opens the two planes, and what virtual keys are digested with."""

    system: str = field(repr=False)
    admin: str = field(repr=False)
    pepper: str = field(repr=False)
    made: bool  # just now: one of the first two


def deployment_keys(home: Path) -> DeploymentKeys:
    """The keys kept in a directory; those that are not there are made."""
    private.make_directory(home)
    with private.sole_writer(home):
        system, made_system = _kept(home / "system.key", "ve-")
        admin, made_admin = _kept(home / "admin.key", "va-")
        pepper, _ = _kept(home / "pepper.key", "vp-")
    return DeploymentKeys(system, admin, pepper, made_system or made_admin)


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
