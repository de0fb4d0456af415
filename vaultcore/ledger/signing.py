"""Ed25519 signatures of the ledger. The key is derived from the gateway's pepper with HKDF-SHA256."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vaultcore.ledger.chain import canonical_json

_INFO = b"vaultedge ledger v1"
_PUBLIC_KEY, _SIGNATURE = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{128}")  # lower case only


class LedgerSigner:
    """The private key, which no repr shows. `public_key` is in hex."""

    def __init__(self, pepper: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(pepper)
        self._key = Ed25519PrivateKey.from_private_bytes(derived)
        self.public_key = self._key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"LedgerSigner({self.public_key})"

    def sign(self, value: Mapping[str, Any]) -> str:
        """Return the signature of an object's canonical JSON, in hex."""
        return self._key.sign(canonical_json(value).encode()).hex()


def is_public_key(key: object) -> bool:
    """Return True for 64 hex digits in lower case."""
    return isinstance(key, str) and _PUBLIC_KEY.fullmatch(key) is not None


def is_signed_by(public_key: str, value: Mapping[str, Any], signature: object) -> bool:
    """Return True if the signature of an object belongs to a public key."""
    if not (is_public_key(public_key) and isinstance(signature, str) and _SIGNATURE.fullmatch(signature)):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), canonical_json(value).encode())
    except (InvalidSignature, ValueError):
        return False
    return True
