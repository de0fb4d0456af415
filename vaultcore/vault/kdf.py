"""Ways to turn a password into 32 bytes, and the parameters each is written and read with.

Parameters come out of a vault string that somebody else may have written, so they have a floor (nobody talks
us into a cheap guess) and a ceiling (nobody talks us into a minute of work or a gigabyte). The floors are the
minimums of the OWASP password storage cheat sheet, and what we write.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

KEY_BYTES = 32
_LAYOUT = struct.Struct(">IHH")  # the eight parameter bytes of a v2 vault
PARAMS_BYTES = _LAYOUT.size
_SCRYPT_MEMORY = 320 << 20  # bytes: what the ceiling below needs, and a little more


class KdfMissing(Exception):
    """The installed cryptography library cannot compute it."""


class Params(NamedTuple):
    """What the three numbers mean is the KDF's business; the ones it does not use are 0."""

    cost: int
    second: int = 0
    third: int = 0

    @classmethod
    def unpack(cls, packed: bytes) -> Params:
        return cls(*_LAYOUT.unpack(packed))

    def pack(self) -> bytes:
        return _LAYOUT.pack(*self)


@dataclass(frozen=True, slots=True)
class Kdf:
    """One row of the table in docs/vault.md."""

    code: int  # its byte in a v2 vault
    name: str
    stretch: Callable[[bytes, bytes, Params], bytes]  # password, salt; raises KdfMissing
    floor: Params
    ceiling: Params

    @property
    def default(self) -> Params:
        return self.floor

    def allows(self, params: Params) -> bool:
        return all(
            low <= value <= high for low, value, high in zip(self.floor, params, self.ceiling, strict=True)
        )


Derive = Callable[[Kdf, Params, bytes, bytes], bytes]


def derive(kdf: Kdf, params: Params, password: bytes, salt: bytes) -> bytes:
    """The key a password gives with that salt: tens to hundreds of milliseconds of work, on purpose."""
    return kdf.stretch(password, salt, params)


class Derivations:
    """Derives, and remembers: several openings with one password and one salt cost one derivation.

    Lives as long as the work at hand; what it remembers is as secret as the password.
    """

    def __init__(self, derive: Derive = derive) -> None:
        self._derive = derive
        self._known: dict[tuple[int, Params, bytes, bytes], bytes] = {}

    def __call__(self, kdf: Kdf, params: Params, password: bytes, salt: bytes) -> bytes:
        asked = (kdf.code, params, password, salt)
        if asked not in self._known:
            self._known[asked] = self._derive(kdf, params, password, salt)
        return self._known[asked]

    def __len__(self) -> int:
        return len(self._known)


def _pbkdf2(password: bytes, salt: bytes, params: Params) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password, salt, params.cost, KEY_BYTES)


def _scrypt(password: bytes, salt: bytes, params: Params) -> bytes:
    return hashlib.scrypt(
        password,
        salt=salt,
        n=1 << params.cost,
        r=params.second,
        p=params.third,
        maxmem=_SCRYPT_MEMORY,
        dklen=KEY_BYTES,
    )


def _argon2id(password: bytes, salt: bytes, params: Params) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        machine = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            memory_cost=params.cost,
            iterations=params.second,
            lanes=params.third,
        )
    except (ImportError, UnsupportedAlgorithm) as error:  # cryptography < 44, or OpenSSL < 3.2 underneath
        raise KdfMissing from error
    return machine.derive(password)


PBKDF2 = Kdf(1, "pbkdf2", _pbkdf2, floor=Params(600_000), ceiling=Params(10_000_000))
SCRYPT = Kdf(2, "scrypt", _scrypt, floor=Params(17, 8, 1), ceiling=Params(18, 8, 2))
ARGON2ID = Kdf(3, "argon2id", _argon2id, floor=Params(19 * 1024, 2, 1), ceiling=Params(256 * 1024, 10, 4))
BY_CODE: Mapping[int, Kdf] = {kdf.code: kdf for kdf in (PBKDF2, SCRYPT, ARGON2ID)}
BY_NAME: Mapping[str, Kdf] = {kdf.name: kdf for kdf in BY_CODE.values()}
V1_PARAMS = Params(210_000)  # of PBKDF2: what v1 has always used, below today's floor
