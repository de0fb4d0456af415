"""Opens vaults for commands: a vault string with its password, or the vault on this machine."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Literal

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError
from vaultcore.vault import refusal, sealed
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.secret_text import SecretText

_NORMAL_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def load_credentials(terminal: Terminal) -> list[Credential]:
    """Return the provider keys of VAULTEDGE_VAULT, or of this machine's vault. Raise VaultError if empty."""
    settings = terminal.settings()
    if settings.vault is None:
        credentials = LocalVault(settings.home).credentials()
    else:
        credentials = unseal(settings.vault, _password(terminal), terminal)
    if not credentials:
        raise VaultError("the vault is empty", hint="vaultedge vault add-key --provider NAME")
    return credentials


def unseal(text: str, password: SecretText, terminal: Terminal) -> list[Credential]:
    """Return the keys of a vault string.

    Tries the Unicode normal forms of the password too, and warns if one of them opens the vault.
    """
    try:
        return sealed.unseal(text, password)
    except refusal.UnsealFailed as error:
        failure = error
    for form, normalized in _normalized(password):
        try:
            credentials = sealed.unseal(text, normalized)
        except refusal.UnsealFailed:
            continue
        terminal.warn(f"the vault opened with the password in Unicode normal form {form}")
        return credentials
    raise failure


def _normalized(password: SecretText) -> Iterator[tuple[str, SecretText]]:
    """Yield the password's Unicode normal forms, which other keyboards and editors produce."""
    for form in _NORMAL_FORMS:
        normalized = SecretText(unicodedata.normalize(form, password))
        if normalized != password:
            yield form, normalized


def _password(terminal: Terminal) -> SecretText:
    if (password := terminal.settings().password) is not None:
        return SecretText(password)
    if not terminal.interactive:  # stdin belongs to the command
        raise VaultError("VAULTEDGE_VAULT is set but VAULTEDGE_PASSWORD is not")
    return terminal.prompt_secret("vault password: ")
