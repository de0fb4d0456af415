"""Vault strings of version 2 (`VE_VAULT_v2_`): they contain a key commitment and the KDF's parameters.

Base64 of `kdf 1 | params 8 | salt 32 | commitment 32 | nonce 12 | AES-256-GCM ciphertext and tag`, lengths in
bytes. HKDF-Expand (SHA-256) expands the KDF's output into the encryption key ("ve2 enc") and the commitment
("ve2 commit"). The prefix and the header before the ciphertext are authenticated.

The commitment is checked first. AES-GCM alone does not commit to a key: one crafted string could open under
many keys, and test many passwords at once. docs/vault.md lists the KDF parameters.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vaultcore.errors import VaultError
from vaultcore.vault import armor, plaintext, refusal
from vaultcore.vault.kdf import (
    BY_CODE,
    KEY_BYTES,
    PARAMS_BYTES,
    PBKDF2,
    DeriveKey,
    Kdf,
    KdfMissing,
    KdfParams,
    derive,
)
from vaultcore.vault.keyring import Credential

PREFIX = "VE_VAULT_v2_"
_SALT, _COMMITMENT, _NONCE, _TAG = 32, 32, 12, 16  # bytes
_SALT_AT = 1 + PARAMS_BYTES
_COMMITMENT_AT = _SALT_AT + _SALT
_NONCE_AT = _COMMITMENT_AT + _COMMITMENT
_BODY_AT = _NONCE_AT + _NONCE


def seal(
    credentials: Iterable[Credential], password: str, *, kdf: Kdf = PBKDF2, derive: DeriveKey = derive
) -> str:
    """Return a v2 vault string with a new salt and nonce; raise VaultError."""
    outcome = _seal(credentials, password, kdf, derive)
    del password  # error trackers record the local variables of a frame that raises
    return refusal.unwrap_outcome(outcome)


def decrypt(wire: bytes, password: str, derive: DeriveKey) -> bytes | VaultError | None:
    """Return the plaintext, None if the vault does not open, or an error if its KDF is not available."""
    secret = _normalize(password)
    if secret is None or len(wire) < _BODY_AT + _TAG:
        return None
    kdf = BY_CODE.get(wire[0])
    params = KdfParams.unpack(wire[1:_SALT_AT])
    if kdf is None or not kdf.allows(params):
        return None
    try:
        derived = derive(kdf, params, secret, wire[_SALT_AT:_COMMITMENT_AT])
    except KdfMissing:
        return refusal.kdf_missing(kdf.name)
    return decrypt_with(derived, wire)


def decrypt_with(derived: bytes, wire: bytes) -> bytes | None:
    """Return the plaintext under the KDF's output, or None if the vault does not open."""
    if not hmac.compare_digest(_expand(derived, b"ve2 commit"), wire[_COMMITMENT_AT:_NONCE_AT]):
        return None
    header, body = wire[:_BODY_AT], wire[_BODY_AT:]
    try:
        return AESGCM(_expand(derived, b"ve2 enc")).decrypt(
            header[_NONCE_AT:], body, _associated_data(header)
        )
    except InvalidTag:
        return None


def _seal(credentials: Iterable[Credential], password: str, kdf: Kdf, derive: DeriveKey) -> str | VaultError:
    text = plaintext.render(credentials)
    secret = _normalize(password)
    if text is None:
        return refusal.not_sealable()
    if secret is None:
        return refusal.invalid_password()
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    try:
        derived = derive(kdf, kdf.default, secret, salt)
    except KdfMissing:
        return refusal.kdf_missing(kdf.name)
    head = bytes([kdf.code]) + kdf.default.pack() + salt + _expand(derived, b"ve2 commit") + nonce
    return armor.wrap(
        PREFIX, head + AESGCM(_expand(derived, b"ve2 enc")).encrypt(nonce, text, _associated_data(head))
    )


def _associated_data(header: bytes) -> bytes:
    return PREFIX.encode("ascii") + header


def _expand(derived: bytes, info: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(derived)


def _normalize(password: str) -> bytes | None:
    """Return the password in NFC and UTF-8, so that equal-looking passwords are equal; None if invalid."""
    try:
        return unicodedata.normalize("NFC", password).encode("utf-8")
    except UnicodeEncodeError:
        return None
