"""Refusals of the vault, made without the frames that know a secret.

Whatever knows a password or a plaintext *returns* its refusal; the frame that raises it knows neither. So an
error tracker that records causes, contexts or local variables has nothing to record.
"""

from __future__ import annotations

from typing import TypeVar

from vaultcore.errors import VaultError

T = TypeVar("T")


def granted(outcome: T | VaultError) -> T:
    """The outcome, or its refusal raised."""
    if isinstance(outcome, VaultError):
        raise outcome
    return outcome


def not_ours() -> VaultError:
    return VaultError(
        "this is not a vault string", hint="a vault string begins with VE_VAULT_v1_ or VE_VAULT_v2_"
    )


def too_long() -> VaultError:
    return VaultError("this is too long to be a vault string")


class NotOpened(VaultError):
    """A vault string that does not open with that password."""


def not_opened() -> NotOpened:
    """One text for every reason: which of them it was would teach a guesser something."""
    return NotOpened(
        "the vault does not open: the password is wrong, or the string is damaged or cut short",
        hint="copy the whole string again, and mind spaces and capitals in the password",
    )


def not_sealable() -> VaultError:
    return VaultError(
        "these keys do not fit a vault: they must be text, and less than 1 MiB of it together",
    )


def bad_password() -> VaultError:
    return VaultError("the password is not text: it holds half a character")


def kdf_missing(name: str) -> VaultError:
    return VaultError(
        f"this vault needs {name}, which the installed cryptography library cannot compute",
        hint="install cryptography 44 or newer with OpenSSL 3.2 or newer, or reseal with --kdf pbkdf2",
    )
