"""`VE_VAULT_v2_`: a vault string that commits to its key and says how its password is stretched.

Base64 of `kdf 1 | params 8 | salt 32 | commitment 32 | nonce 12 | AES-256-GCM ciphertext and tag`. What the
KDF gives is expanded (HKDF-Expand, SHA-256) into the encryption key ("ve2 enc") and the commitment
("ve2 commit"); the prefix and all that stands before the ciphertext are authenticated along with it. The
commitment is checked first: AES-GCM alone lets one crafted string open under many keys, and so test many
passwords at once. docs/vault.md has the parameters.
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
    Derive,
    Kdf,
    KdfMissing,
    Params,
    derive,
)
from vaultcore.vault.keyring import Credential

PREFIX = "VE_VAULT_v2_"
_SALT, _COMMITMENT, _NONCE, _TAG = 32, 32, 12, 16
_SALT_AT = 1 + PARAMS_BYTES
_COMMITMENT_AT = _SALT_AT + _SALT
_NONCE_AT = _COMMITMENT_AT + _COMMITMENT
_BODY_AT = _NONCE_AT + _NONCE


def seal(
    credentials: Iterable[Credential], password: str, *, kdf: Kdf = PBKDF2, derive: Derive = derive
) -> str:
    """A v2 vault string with fresh salt and nonce; raises VaultError."""
    outcome = _sealed(credentials, password, kdf, derive)
    del password  # the frame of a raise may be recorded with its variables
    return refusal.granted(outcome)


def decrypted(wire: bytes, password: str, derive: Derive) -> bytes | VaultError | None:
    """The plaintext, None where the vault does not open, or why nobody here could open it."""
    secret = _normalised(password)
    if secret is None or len(wire) < _BODY_AT + _TAG:
        return None
    kdf = BY_CODE.get(wire[0])
    params = Params.unpack(wire[1:_SALT_AT])
    if kdf is None or not kdf.allows(params):
        return None
    try:
        stretched = derive(kdf, params, secret, wire[_SALT_AT:_COMMITMENT_AT])
    except KdfMissing:
        return refusal.kdf_missing(kdf.name)
    return decrypted_with(stretched, wire)


def decrypted_with(stretched: bytes, wire: bytes) -> bytes | None:
    """The plaintext under what the KDF gave, or None."""
    if not hmac.compare_digest(_expand(stretched, b"ve2 commit"), wire[_COMMITMENT_AT:_NONCE_AT]):
        return None
    header, body = wire[:_BODY_AT], wire[_BODY_AT:]
    try:
        return AESGCM(_expand(stretched, b"ve2 enc")).decrypt(header[_NONCE_AT:], body, _bound(header))
    except InvalidTag:
        return None


def _sealed(credentials: Iterable[Credential], password: str, kdf: Kdf, derive: Derive) -> str | VaultError:
    text = plaintext.render(credentials)
    secret = _normalised(password)
    if text is None:
        return refusal.not_sealable()
    if secret is None:
        return refusal.bad_password()
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    try:
        stretched = derive(kdf, kdf.default, secret, salt)
    except KdfMissing:
        return refusal.kdf_missing(kdf.name)
    head = bytes([kdf.code]) + kdf.default.pack() + salt + _expand(stretched, b"ve2 commit") + nonce
    return armor.wrap(
        PREFIX, head + AESGCM(_expand(stretched, b"ve2 enc")).encrypt(nonce, text, _bound(head))
    )


def _bound(header: bytes) -> bytes:
    return PREFIX.encode("ascii") + header


def _expand(stretched: bytes, info: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(stretched)


def _normalised(password: str) -> bytes | None:
    """Passwords that look the same are the same: NFC, then UTF-8."""
    try:
        return unicodedata.normalize("NFC", password).encode("utf-8")
    except UnicodeEncodeError:
        return None
