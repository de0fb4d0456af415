"""Opened vaults for commands: a vault string with the password it asks for, or the vault on this machine."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Literal

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError
from vaultcore.vault import refusal, sealed
from vaultcore.vault.hidden import Hidden
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def credentials(terminal: Terminal) -> list[Credential]:
    """The keys of VAULTEDGE_VAULT where it is set, else of the vault on this machine; never none."""
    settings = terminal.settings()
    if settings.vault is None:
        held = LocalVault(settings.home).credentials()
    else:
        held = unsealed(settings.vault, _password(terminal), terminal)
    if not held:
        raise VaultError("the vault is empty", hint="vaultedge vault add-key --provider NAME")
    return held


def unsealed(text: str, password: Hidden, terminal: Terminal) -> list[Credential]:
    """The keys of a vault string, said so where they opened to another spelling of the same letters."""
    try:
        return sealed.unseal(text, password)
    except refusal.NotOpened as error:
        refused = error
    for form, respelled in _respelled(password):
        try:
            opened = sealed.unseal(text, respelled)
        except refusal.NotOpened:
            continue
        terminal.warn(f"the vault opened with the password respelled in Unicode form {form}")
        return opened
    raise refused


def _respelled(password: Hidden) -> Iterator[tuple[str, Hidden]]:
    """The same password as other keyboards and editors may have composed its letters."""
    for form in _FORMS:
        respelled = Hidden(unicodedata.normalize(form, password))
        if respelled != password:
            yield form, respelled


def _password(terminal: Terminal) -> Hidden:
    if (password := terminal.settings().password) is not None:
        return Hidden(password)
    if not terminal.interactive:  # stdin is somebody else's
        raise VaultError("VAULTEDGE_VAULT is set and VAULTEDGE_PASSWORD is not")
    return terminal.ask("vault password: ")
