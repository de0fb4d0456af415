"""What answers are kept in: encrypted for one caller, and bound to the place that they are kept in.

Both keys of a caller come from the pepper (HKDF-SHA256), which the store does not hold: whoever reads the
store learns neither what was asked nor what was answered, and cannot try out guesses either.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import zlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_INFO = b"vaultedge idempotency v1\0"
_KEY, _NONCE = 32, 12  # bytes
_QUICKLY = 1  # zlib's level: what is kept for a day is packed once, while its client waits


@dataclass(frozen=True, slots=True)
class AnswerCipher:
    """One caller's. Of another caller's boxes it opens none, and it gives the same text another digest."""

    _boxes: bytes = field(repr=False)
    _digests: bytes = field(repr=False)

    @classmethod
    def of(cls, caller: str, pepper: bytes) -> AnswerCipher:
        derived = HKDF(hashes.SHA256(), 2 * _KEY, None, _INFO + caller.encode()).derive(pepper)
        return cls(derived[:_KEY], derived[_KEY:])

    def digest(self, kind: str, text: bytes) -> str:
        """HMAC-SHA256 in hex; a kind's digests are its own."""
        return hmac.new(self._digests, kind.encode() + b"\0" + text, hashlib.sha256).hexdigest()

    def seal(self, content: bytes, *bound: str) -> str:
        """A box, in base64: it opens together with the same `bound` only."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._boxes).encrypt(nonce, zlib.compress(content, _QUICKLY), _joined(bound))
        return base64.b64encode(nonce + sealed).decode()

    def open(self, box: str, *bound: str) -> bytes | None:
        """What a box holds; None where it is not this caller's, or not of this place, or was changed."""
        try:
            sealed = base64.b64decode(box, validate=True)
            packed = AESGCM(self._boxes).decrypt(sealed[:_NONCE], sealed[_NONCE:], _joined(bound))
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return zlib.decompress(packed)


def _joined(bound: tuple[str, ...]) -> bytes:
    return "\0".join(bound).encode()
