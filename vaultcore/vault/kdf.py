"""Key derivation functions (KDFs): they derive 32 bytes from a password. docs/vault.md has the table.

A vault string contains the parameters of its KDF, and anyone may have written it. A floor for each parameter
prevents cheap guessing; a ceiling prevents minutes of work or gigabytes of memory. The floors are the
minimums of the OWASP Password Storage Cheat Sheet; new vaults use them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from vaultcore.lazy_dataclass import dataclass

KEY_BYTES = 32  # bytes
_LAYOUT = struct.Struct(">IHH")  # the eight bytes of parameters in a v2 vault
PARAMS_BYTES = _LAYOUT.size
_SCRYPT_MEMORY = 320 << 20  # bytes: the ceiling below needs 256 MiB


class KdfMissing(Exception):
    """The installed cryptography library does not support the KDF."""


class KdfParams(NamedTuple):
    """Up to three parameters, whose meaning depends on the KDF; unused ones are 0."""

    cost: int
    second: int = 0
    third: int = 0

    @classmethod
    def unpack(cls, packed: bytes) -> KdfParams:
        return cls(*_LAYOUT.unpack(packed))

    def pack(self) -> bytes:
        return _LAYOUT.pack(*self)


@dataclass(frozen=True, slots=True)
class Kdf:
    """A KDF and the range of its parameters."""

    code: int  # its byte in a v2 vault
    name: str
    stretch: Callable[[bytes, bytes, KdfParams], bytes]  # password, salt; raises KdfMissing
    floor: KdfParams
    ceiling: KdfParams

    @property
    def default(self) -> KdfParams:
        """Return the parameters of new vaults."""
        return self.floor

    def allows(self, params: KdfParams) -> bool:
        """Return True if every parameter is between its floor and its ceiling."""
        return all(
            low <= value <= high for low, value, high in zip(self.floor, params, self.ceiling, strict=True)
        )


DeriveKey = Callable[[Kdf, KdfParams, bytes, bytes], bytes]


def derive(kdf: Kdf, params: KdfParams, password: bytes, salt: bytes) -> bytes:
    """Return the 32-byte key of a password and a salt. Takes tens to hundreds of milliseconds by design."""
    return kdf.stretch(password, salt, params)


class KdfCache:
    """Derives keys and caches them, so that opening many entries with one salt costs one derivation.

    The cached keys are as secret as the password. Discard the object after the operation.
    """

    def __init__(self, derive: DeriveKey = derive) -> None:
        self._derive = derive
        self._keys: dict[tuple[int, KdfParams, bytes, bytes], bytes] = {}

    def __call__(self, kdf: Kdf, params: KdfParams, password: bytes, salt: bytes) -> bytes:
        arguments = (kdf.code, params, password, salt)
        if arguments not in self._keys:
            self._keys[arguments] = self._derive(kdf, params, password, salt)
        return self._keys[arguments]

    def __len__(self) -> int:
        return len(self._keys)


def _pbkdf2(password: bytes, salt: bytes, params: KdfParams) -> bytes:
    # The library's OpenSSL (3.4 or later) takes half of the time of `hashlib`, whose OpenSSL is often 3.0.
    return PBKDF2HMAC(hashes.SHA256(), KEY_BYTES, salt, params.cost).derive(password)


def _scrypt(password: bytes, salt: bytes, params: KdfParams) -> bytes:
    return hashlib.scrypt(
        password,
        salt=salt,
        n=1 << params.cost,
        r=params.second,
        p=params.third,
        maxmem=_SCRYPT_MEMORY,
        dklen=KEY_BYTES,
    )


def _argon2id(password: bytes, salt: bytes, params: KdfParams) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        argon2 = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            memory_cost=params.cost,
            iterations=params.second,
            lanes=params.third,
        )
    except (ImportError, UnsupportedAlgorithm) as error:  # cryptography < 44, or OpenSSL < 3.2
        raise KdfMissing from error
    return argon2.derive(password)


PBKDF2 = Kdf(1, "pbkdf2", _pbkdf2, floor=KdfParams(600_000), ceiling=KdfParams(10_000_000))
SCRYPT = Kdf(2, "scrypt", _scrypt, floor=KdfParams(17, 8, 1), ceiling=KdfParams(18, 8, 2))
ARGON2ID = Kdf(
    3, "argon2id", _argon2id, floor=KdfParams(19 * 1024, 2, 1), ceiling=KdfParams(256 * 1024, 10, 4)
)
BY_CODE: Mapping[int, Kdf] = {kdf.code: kdf for kdf in (PBKDF2, SCRYPT, ARGON2ID)}
BY_NAME: Mapping[str, Kdf] = {kdf.name: kdf for kdf in BY_CODE.values()}
V1_PARAMS = KdfParams(210_000)  # iterations of PBKDF2 in v1 vaults, below today's floor
