from __future__ import annotations

import base64
import hmac
import os
import struct
import unicodedata
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.vault import kdf, sealed_v2
from vaultcore.vault.kdf import ARGON2ID, BY_CODE, PBKDF2, SCRYPT, Kdf, KdfCache, KdfMissing, KdfParams
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import unseal
from vaultcore.vault.sealed_v2 import PREFIX, decrypt_with, seal

PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", "test-openai-key-0001")]


def never(_kdf: Kdf, _params: KdfParams, _password: bytes, _salt: bytes) -> bytes:
    raise AssertionError("a key was derived")


def quick(_kdf: Kdf, params: KdfParams, password: bytes, salt: bytes) -> bytes:
    """A fast replacement for a KDF, with a different key for every input."""
    return hmac.digest(salt, password + params.pack(), "sha256")


def wire_of(sealed: str) -> bytearray:
    return bytearray(base64.b64decode(sealed.removeprefix(PREFIX)))


def armored(wire: bytes) -> str:
    return PREFIX + base64.b64encode(wire).decode()


@pytest.mark.parametrize("way", BY_CODE.values(), ids=lambda way: way.name)
def test_every_kdf_seals_and_opens(way: Kdf, refused: Any) -> None:
    """A vault of each KDF opens with its password, and with no other."""
    sealed = seal(KEYS, PASSWORD, kdf=way)

    assert unseal(sealed, PASSWORD) == KEYS
    refused(("test-openai", PASSWORD), unseal, sealed, PASSWORD + "x")


def test_the_string_contains_the_kdf_parameters() -> None:
    """The header has the KDF's number, then its parameters, big-endian in 4, 2 and 2 bytes."""
    heads = {
        way.name: bytes(wire_of(seal(KEYS, PASSWORD, kdf=way, derive=quick))[:9]) for way in BY_CODE.values()
    }

    assert heads == {
        "pbkdf2": b"\1" + struct.pack(">IHH", 600_000, 0, 0),
        "scrypt": b"\2" + struct.pack(">IHH", 17, 8, 1),
        "argon2id": b"\3" + struct.pack(">IHH", 19_456, 2, 1),
    }


def test_every_flipped_bit_is_detected(refused: Any) -> None:
    """A flipped bit anywhere, including header and parameters, is rejected."""
    sealed = seal(KEYS, PASSWORD, derive=quick)
    for bit in range(len(wire_of(sealed)) * 8):
        wire = wire_of(sealed)
        wire[bit // 8] ^= 1 << bit % 8
        refused((PASSWORD,), unseal, armored(bytes(wire)), PASSWORD, derive=quick)


def test_truncated_and_extended_strings_are_rejected(refused: Any) -> None:
    """A string that was cut or extended is rejected."""
    wire = bytes(wire_of(seal(KEYS, PASSWORD, derive=quick)))
    for damaged in [*(wire[:size] for size in range(len(wire))), wire + b"\0", wire + wire]:
        refused((PASSWORD,), unseal, armored(damaged), PASSWORD, derive=quick)


def test_parameters_are_bound_to_the_ciphertext(refused: Any) -> None:
    """Different allowed parameters are rejected, even if the KDF returns the same key."""
    constant = KdfCache(lambda *_: b"\7" * 32)
    wire = wire_of(seal(KEYS, PASSWORD, derive=constant))
    wire[1:9] = KdfParams(700_000).pack()

    refused((PASSWORD,), unseal, armored(bytes(wire)), PASSWORD, derive=constant)


def test_the_version_is_bound_to_the_ciphertext() -> None:
    """The prefix is authenticated: the same bytes with another prefix would not open."""
    wire = bytes(wire_of(seal(KEYS, PASSWORD, derive=lambda *_: b"\7" * 32)))
    key = hmac.digest(b"\7" * 32, b"ve2 enc\1", "sha256")
    head, body = wire[:85], wire[85:]

    assert AESGCM(key).decrypt(head[-12:], body, b"VE_VAULT_v2_" + head).startswith(b"[")


@pytest.mark.parametrize(
    ("way", "params"),
    [
        (PBKDF2, KdfParams(599_999)),
        (PBKDF2, KdfParams(0)),
        (PBKDF2, KdfParams(10_000_001)),
        (PBKDF2, KdfParams(0xFFFFFFFF)),
        (PBKDF2, KdfParams(600_000, 1)),
        (PBKDF2, KdfParams(600_000, 0, 1)),
        (SCRYPT, KdfParams(16, 8, 1)),
        (SCRYPT, KdfParams(19, 8, 1)),
        (SCRYPT, KdfParams(0xFFFFFFFF, 8, 1)),
        (SCRYPT, KdfParams(17, 7, 1)),
        (SCRYPT, KdfParams(17, 9, 1)),
        (SCRYPT, KdfParams(17, 8, 0)),
        (SCRYPT, KdfParams(17, 8, 3)),
        (ARGON2ID, KdfParams(19_455, 2, 1)),
        (ARGON2ID, KdfParams(262_145, 2, 1)),
        (ARGON2ID, KdfParams(19_456, 1, 1)),
        (ARGON2ID, KdfParams(19_456, 11, 1)),
        (ARGON2ID, KdfParams(19_456, 2, 0)),
        (ARGON2ID, KdfParams(19_456, 2, 5)),
    ],
)
def test_parameters_out_of_range_cost_no_derivation(way: Kdf, params: KdfParams, refused: Any) -> None:
    """Parameters that are too weak or too expensive are rejected before any derivation."""
    wire = wire_of(seal(KEYS, PASSWORD, kdf=way, derive=quick))
    wire[1:9] = params.pack()

    refused((PASSWORD,), unseal, armored(bytes(wire)), PASSWORD, derive=never)


@pytest.mark.parametrize("code", [0, 4, 255])
def test_an_unknown_kdf_is_rejected(code: int, refused: Any) -> None:
    """The number of an unknown KDF opens nothing."""
    wire = wire_of(seal(KEYS, PASSWORD, derive=quick))
    wire[0] = code

    refused((PASSWORD,), unseal, armored(bytes(wire)), PASSWORD, derive=never)


def test_stronger_parameters_are_accepted() -> None:
    """A vault with higher parameters than the default opens, within the ceiling."""
    derive = KdfCache()
    strong = Kdf(PBKDF2.code, "pbkdf2", PBKDF2.stretch, floor=KdfParams(650_000), ceiling=PBKDF2.ceiling)

    assert unseal(seal(KEYS, PASSWORD, kdf=strong, derive=derive), PASSWORD, derive=derive) == KEYS


def test_equal_looking_passwords_are_equal() -> None:
    """A password opens the vault in any Unicode normal form."""
    composed, decomposed = (unicodedata.normalize(form, "Grüße-Ångström") for form in ("NFC", "NFD"))

    assert unseal(seal(KEYS, decomposed, derive=quick), composed, derive=quick) == KEYS
    assert unseal(seal(KEYS, composed, derive=quick), decomposed, derive=quick) == KEYS


def test_a_missing_kdf_is_reported(refused: Any) -> None:
    """If the library lacks Argon2id, sealing and opening report that."""

    def missing_kdf(way: Kdf, params: KdfParams, password: bytes, salt: bytes) -> bytes:
        raise KdfMissing

    sealed = seal(KEYS, PASSWORD, kdf=ARGON2ID, derive=quick)

    opening = refused((PASSWORD,), unseal, sealed, PASSWORD, derive=missing_kdf)
    sealing = refused((PASSWORD,), seal, KEYS, PASSWORD, kdf=ARGON2ID, derive=missing_kdf)
    assert "argon2id" in str(opening)
    assert "argon2id" in str(sealing)


def test_salt_and_nonce_are_random() -> None:
    """Sealing the same keys twice gives different bytes."""
    wires = [bytes(wire_of(seal(KEYS, PASSWORD, derive=quick))) for _ in range(8)]

    assert len({wire[9:41] for wire in wires}) == len({wire[73:85] for wire in wires}) == 8


def test_derivations_are_cached() -> None:
    """The same password and salt are derived once."""
    calls: list[bytes] = []

    def counting(_kdf: Kdf, _params: KdfParams, password: bytes, salt: bytes) -> bytes:
        calls.append(salt)
        return quick(_kdf, _params, password, salt)

    derive = KdfCache(counting)
    sealed = seal(KEYS, PASSWORD, derive=derive)
    for _ in range(3):
        unseal(sealed, PASSWORD, derive=derive)

    assert len(calls) == len(derive) == 1


def test_one_string_cannot_test_two_passwords() -> None:
    """A ciphertext that AES-GCM opens under two keys opens only under the committed key."""
    first, second = os.urandom(32), os.urandom(32)
    keys = [hmac.digest(stretched, b"ve2 enc\1", "sha256") for stretched in (first, second)]
    head = b"\1" + PBKDF2.default.pack() + os.urandom(32) + hmac.digest(first, b"ve2 commit\1", "sha256")
    head += os.urandom(12)
    bound = PREFIX.encode() + head
    body = colliding(keys, head[-12:], bound)

    assert AESGCM(keys[0]).decrypt(head[-12:], body, bound) != AESGCM(keys[1]).decrypt(
        head[-12:], body, bound
    )
    assert decrypt_with(first, head + body) is not None
    assert decrypt_with(second, head + body) is None


def test_an_altered_commitment_is_rejected(refused: Any) -> None:
    """With a commitment to another key, the right password is rejected."""
    wire = wire_of(seal(KEYS, PASSWORD, derive=quick))
    wire[41:73] = hmac.digest(os.urandom(32), b"ve2 commit\1", "sha256")

    refused((PASSWORD,), unseal, armored(bytes(wire)), PASSWORD, derive=quick)


def test_the_table_of_kdfs() -> None:
    """A KDF has a number and a name."""
    assert {way.code: way.name for way in kdf.BY_CODE.values()} == {1: "pbkdf2", 2: "scrypt", 3: "argon2id"}
    assert sealed_v2.PREFIX == "VE_VAULT_v2_"


def colliding(keys: list[bytes], nonce: bytes, bound: bytes) -> bytes:
    """Return two blocks and a tag that are valid under both keys; the second block makes the tags equal."""
    block = os.urandom(16)
    lengths = (len(bound) * 8).to_bytes(8, "big") + (32 * 8).to_bytes(8, "big")
    constants, factors = [], []
    for key in keys:
        h = number(encrypt(key, bytes(16)))
        padded = bound + bytes(-len(bound) % 16) + block + bytes(16) + lengths
        constants.append(ghash(h, padded) ^ number(encrypt(key, nonce + b"\0\0\0\1")))
        factors.append(times(h, h))
    second = times(constants[0] ^ constants[1], inverse(factors[0] ^ factors[1]))
    tag = constants[0] ^ times(second, factors[0])
    return block + second.to_bytes(16, "big") + tag.to_bytes(16, "big")


def encrypt(key: bytes, block: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return cipher.update(block) + cipher.finalize()


def number(block: bytes) -> int:
    return int.from_bytes(block, "big")


def ghash(h: int, data: bytes) -> int:
    total = 0
    for at in range(0, len(data), 16):
        total = times(total ^ number(data[at : at + 16]), h)
    return total


def times(x: int, y: int) -> int:
    """Multiply in GCM's field, with the most significant bit first."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def inverse(x: int) -> int:
    """Return x to the power of 2^128 - 2."""
    result, power = 1 << 127, x
    for _ in range(127):
        power = times(power, power)
        result = times(result, power)
    return result
