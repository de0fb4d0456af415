"""Seals vault strings in version 1 (`VE_VAULT_v1_`), and opens vault strings of every version.

Version 1 is the format of the original VaultEdge (TypeScript): base64 of
`salt 32 | nonce 12 | AES-256-GCM ciphertext and tag`, lengths in bytes. docs/vault.md has the details.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.errors import VaultError
from vaultcore.vault import armor, plaintext, refusal, sealed_v2
from vaultcore.vault.kdf import PBKDF2, V1_PARAMS, DeriveKey, derive
from vaultcore.vault.keyring import Credential

PREFIX = "VE_VAULT_v1_"
_SALT, _NONCE, _TAG = 32, 12, 16  # bytes


def seal(credentials: Iterable[Credential], password: str, *, derive: DeriveKey = derive) -> str:
    """Return a v1 vault string with a new salt and nonce; raise VaultError."""
    outcome = _seal(credentials, password, derive)
    del password  # error trackers record the local variables of a frame that raises
    return refusal.unwrap_outcome(outcome)


def unseal(
    sealed: str, password: str, *, min_version: int = 1, derive: DeriveKey = derive
) -> list[Credential]:
    """Return the provider keys of a vault string of any version, in order; raise VaultError.

    Strings older than `min_version` are rejected, which prevents a downgrade to a weaker format.
    """
    outcome = _unseal(armor.trim(sealed), password, min_version, derive)
    del password
    return refusal.unwrap_outcome(outcome)


def _seal(credentials: Iterable[Credential], password: str, derive: DeriveKey) -> str | VaultError:
    text = plaintext.render(credentials)
    secret = _utf8(password)
    if text is None:
        return refusal.not_sealable()
    if secret is None:
        return refusal.invalid_password()
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    key = derive(PBKDF2, V1_PARAMS, secret, salt)
    return armor.wrap(PREFIX, salt + nonce + AESGCM(key).encrypt(nonce, text, None))


def _unseal(sealed: str, password: str, min_version: int, derive: DeriveKey) -> list[Credential] | VaultError:
    versions = {PREFIX: (1, _decrypt), sealed_v2.PREFIX: (2, sealed_v2.decrypt)}
    prefix = sealed[: len(PREFIX)]
    if prefix not in versions:
        return refusal.unknown_format()
    if len(sealed) > armor.MAX_SEALED:
        return refusal.too_long()
    version, decrypt = versions[prefix]
    if version < min_version:
        return VaultError(
            f"this vault string has version {version}, but version {min_version} or newer is required"
        )
    wire = armor.unwrap(prefix, sealed)
    text = None if wire is None else decrypt(wire, password, derive)
    if isinstance(text, VaultError):
        return text
    credentials = None if text is None else plaintext.parse(text)
    return refusal.unseal_failed() if credentials is None else credentials


def _decrypt(wire: bytes, password: str, derive: DeriveKey) -> bytes | VaultError | None:
    secret = _utf8(password)
    if secret is None or len(wire) < _SALT + _NONCE + _TAG:
        return None
    key = derive(PBKDF2, V1_PARAMS, secret, wire[:_SALT])
    nonce, body = wire[_SALT : _SALT + _NONCE], wire[_SALT + _NONCE :]
    try:
        return AESGCM(key).decrypt(nonce, body, None)
    except InvalidTag:
        return None


def _utf8(password: str) -> bytes | None:
    try:
        return password.encode("utf-8")
    except UnicodeEncodeError:
        return None
