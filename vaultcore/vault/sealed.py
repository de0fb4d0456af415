"""`VE_VAULT_v1_`, byte for byte as VaultEdge seals it, and the door to every version when opening.

v1 is base64 of `salt 32 | nonce 12 | AES-256-GCM ciphertext and tag`; docs/vault.md has the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.errors import VaultError
from vaultcore.vault import armor, plaintext, refusal, sealed_v2
from vaultcore.vault.kdf import PBKDF2, V1_PARAMS, Derive, derive
from vaultcore.vault.keyring import Credential

PREFIX = "VE_VAULT_v1_"
_SALT, _NONCE, _TAG = 32, 12, 16


def seal(credentials: Iterable[Credential], password: str, *, derive: Derive = derive) -> str:
    """A v1 vault string with fresh salt and nonce, which VaultEdge opens too; raises VaultError."""
    outcome = _sealed(credentials, password, derive)
    del password  # the frame of a raise may be recorded with its variables
    return refusal.granted(outcome)


def unseal(sealed: str, password: str, *, min_version: int = 1, derive: Derive = derive) -> list[Credential]:
    """The credentials of a vault string of any version, in order; raises VaultError.

    `min_version` refuses older strings, for whoever must not be talked back into a weaker format.
    """
    outcome = _opened(armor.trim(sealed), password, min_version, derive)
    del password
    return refusal.granted(outcome)


def _sealed(credentials: Iterable[Credential], password: str, derive: Derive) -> str | VaultError:
    text = plaintext.render(credentials)
    secret = _utf8(password)
    if text is None:
        return refusal.not_sealable()
    if secret is None:
        return refusal.bad_password()
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    key = derive(PBKDF2, V1_PARAMS, secret, salt)
    return armor.wrap(PREFIX, salt + nonce + AESGCM(key).encrypt(nonce, text, None))


def _opened(sealed: str, password: str, min_version: int, derive: Derive) -> list[Credential] | VaultError:
    versions = {PREFIX: (1, _decrypted), sealed_v2.PREFIX: (2, sealed_v2.decrypted)}
    prefix = sealed[: len(PREFIX)]
    if prefix not in versions:
        return refusal.not_ours()
    if len(sealed) > armor.MAX_SEALED:
        return refusal.too_long()
    version, decrypted = versions[prefix]
    if version < min_version:
        return VaultError(
            f"this vault string has version {version}; at least {min_version} is asked for here"
        )
    wire = armor.unwrap(prefix, sealed)
    text = None if wire is None else decrypted(wire, password, derive)
    if isinstance(text, VaultError):
        return text
    credentials = None if text is None else plaintext.parse(text)
    return refusal.not_opened() if credentials is None else credentials


def _decrypted(wire: bytes, password: str, derive: Derive) -> bytes | VaultError | None:
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
