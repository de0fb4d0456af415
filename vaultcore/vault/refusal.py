"""Errors of the vault, which functions return instead of raising.

A function that handles a password or plaintext returns the error. Its caller, which handles neither, raises
it. An error tracker that records causes and local variables therefore records no secret.
"""

from __future__ import annotations

from typing import TypeVar

from vaultcore.errors import VaultError

T = TypeVar("T")


def unwrap_outcome(outcome: T | VaultError) -> T:
    """Return the outcome, or raise it if it is an error."""
    if isinstance(outcome, VaultError):
        raise outcome
    return outcome


def unknown_format() -> VaultError:
    return VaultError(
        "this is not a vault string", hint="a vault string begins with VE_VAULT_v1_ or VE_VAULT_v2_"
    )


def too_long() -> VaultError:
    return VaultError("this is not a vault string: it is too long")


class UnsealFailed(VaultError):
    """A vault string does not open with the password."""


def unseal_failed() -> UnsealFailed:
    """Return the error. Its text is the same for every reason, so that it does not help with guessing."""
    return UnsealFailed(
        "the vault does not open: the password is wrong, or the string is damaged or cut short",
        hint="copy the whole string again, and check spaces and capital letters in the password",
    )


def not_sealable() -> VaultError:
    return VaultError(
        "these keys cannot be sealed: they must be valid text and less than 1 MiB in total",
    )


def invalid_password() -> VaultError:
    return VaultError("the password contains an incomplete Unicode character")


def kdf_missing(name: str) -> VaultError:
    return VaultError(
        f"this vault needs {name}, which the installed cryptography library cannot compute",
        hint="install cryptography 44 or newer with OpenSSL 3.2 or newer, or reseal it with --kdf pbkdf2",
    )
