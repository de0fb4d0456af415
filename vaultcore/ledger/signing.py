"""Signatures under the ledger: Ed25519, with a key that only who has the gateway's pepper can derive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vaultcore.ledger.chain import canonical

_INFO = b"vaultedge ledger v1"
_PUBLIC, _SIGNATURE = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{128}")  # one spelling of each


class Signer:
    """The private key, which never shows."""

    def __init__(self, pepper: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(pepper)
        self._key = Ed25519PrivateKey.from_private_bytes(derived)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"Signer({self.public})"

    def sign(self, told: Mapping[str, Any]) -> str:
        """A signature of an object's canonical JSON, in hex."""
        return self._key.sign(canonical(told).encode()).hex()


def is_public(key: object) -> bool:
    """Whether it is a public key as it is written: 64 hex digits, lower case."""
    return isinstance(key, str) and _PUBLIC.fullmatch(key) is not None


def signed_by(public: str, told: Mapping[str, Any], signature: object) -> bool:
    """Whether the holder of a public key's private one signed an object."""
    if not (is_public(public) and isinstance(signature, str) and _SIGNATURE.fullmatch(signature)):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), canonical(told).encode())
    except (InvalidSignature, ValueError):
        return False
    return True
