"""Encryption of stored responses: for one caller, bound to the document that contains them.

Both keys of a caller are derived from the pepper (HKDF-SHA256), which the store does not hold. Reading the
store reveals neither requests nor responses, and does not allow guesses to be tested.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import zlib
from dataclasses import field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vaultcore.lazy_dataclass import dataclass

_INFO = b"vaultedge idempotency v1\0"
_KEY, _NONCE = 32, 12  # bytes
_COMPRESSION = 1  # zlib level: fast, since a client waits


@dataclass(frozen=True, slots=True)
class AnswerCipher:
    """The keys of one caller. Another caller's cipher opens none of its texts and makes other digests."""

    _encryption_key: bytes = field(repr=False)
    _digest_key: bytes = field(repr=False)

    @classmethod
    def of(cls, caller: str, pepper: bytes) -> AnswerCipher:
        """Return the cipher of a caller's id."""
        derived = HKDF(hashes.SHA256(), 2 * _KEY, None, _INFO + caller.encode()).derive(pepper)
        return cls(derived[:_KEY], derived[_KEY:])

    def digest(self, kind: str, text: bytes) -> str:
        """Return an HMAC-SHA256 in hex; different kinds of text have different digests."""
        return hmac.new(self._digest_key, kind.encode() + b"\0" + text, hashlib.sha256).hexdigest()

    def seal(self, content: bytes, *context: str) -> str:
        """Encrypt, as base64. The result opens with the same `context` only."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._encryption_key).encrypt(
            nonce, zlib.compress(content, _COMPRESSION), _joined(context)
        )
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *context: str) -> bytes | None:
        """Decrypt; None if the text is of another caller or context, or was changed."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            packed = AESGCM(self._encryption_key).decrypt(raw[:_NONCE], raw[_NONCE:], _joined(context))
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return zlib.decompress(packed)


def _joined(context: tuple[str, ...]) -> bytes:
    return "\0".join(context).encode()
