from __future__ import annotations

import base64
import json
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.errors import VaultError
from vaultcore.vault import armor, kdf, sealed_v2
from vaultcore.vault.kdf import Kdf, KdfCache, KdfParams
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import PREFIX, seal, unseal

PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", "test-openai-key-0001")]
SEALED = (
    "VE_VAULT_v1_eRHirzBvbpKYnkPJ7GxtJ/JwOLtXqOI7ixid76bQ5taUWSlSU6m6UeJqNy/8JXhGksBIxDyqS70cJNtaKoNtL3FUm8kZ"
    "mKnw0vTWhhd7D/RGQKIGv8eCKZSa3lO9W8BA0j1ZC/Vgqv/fz61s72v8YD8mtQ=="
)
WIRE = base64.b64decode(SEALED.removeprefix(PREFIX))
SALT = WIRE[:32]


def never(_kdf: Kdf, _params: KdfParams, _password: bytes, _salt: bytes) -> bytes:
    raise AssertionError("a key was derived")


def armored(wire: bytes) -> str:
    return PREFIX + base64.b64encode(wire).decode()


def flipped(bit: int) -> str:
    wire = bytearray(WIRE)
    wire[bit // 8] ^= 1 << bit % 8
    return armored(bytes(wire))


def sealed_bytes(plaintext: bytes, derivations: KdfCache) -> str:
    """Return a v1 string of any bytes, built without the code under test."""
    nonce = os.urandom(12)
    key = derivations(kdf.PBKDF2, KdfParams(210_000), PASSWORD.encode(), SALT)
    return armored(SALT + nonce + AESGCM(key).encrypt(nonce, plaintext, None))


def test_recorded_strings_open(vectors: dict[str, list[dict[str, Any]]]) -> None:
    """Every recorded vault string opens to its keys, in order."""
    for vector in vectors["opens"]:
        opened = unseal(vector["vault"], vector["password"])

        assert [{"provider": each.provider, "key": each.key} for each in opened] == vector["entries"], vector[
            "id"
        ]


def test_damaged_strings_are_rejected_without_showing_secrets(
    vectors: dict[str, list[dict[str, Any]]], refused: Any, derivations: KdfCache
) -> None:
    """Wrong passwords, damage and invalid content have one message, which contains no plaintext."""
    messages = set()
    for vector in vectors["refused"]:
        secrets = ("test-openai-key", "CANARY", "sk-", vector["password"])
        error = refused(secrets, unseal, vector["vault"], vector["password"], derive=derivations)
        messages.add(str(error))

    assert messages == {
        "this is not a vault string",
        "the vault does not open: the password is wrong, or the string is damaged or cut short",
    }


def test_only_canonical_strings_open(vectors: dict[str, list[dict[str, Any]]]) -> None:
    """White space at the ends is ignored; every other spelling of the same bytes is rejected."""
    for vector in vectors["spellings"]:
        try:
            opened = bool(unseal(vector["vault"], vector["password"]))
        except VaultError:
            opened = False

        assert opened == vector["opens"], vector["id"]


def test_every_flipped_bit_after_the_salt_is_detected(refused: Any, derivations: KdfCache) -> None:
    """A flipped bit in nonce, ciphertext or tag is rejected."""
    for bit in range(len(SALT) * 8, len(WIRE) * 8):
        refused((PASSWORD,), unseal, flipped(bit), PASSWORD, derive=derivations)


@pytest.mark.parametrize("bit", [0, 7, 100, 255])
def test_a_flipped_bit_in_the_salt_is_detected(bit: int, refused: Any) -> None:
    """A flipped bit in the salt gives a different key."""
    refused((PASSWORD,), unseal, flipped(bit), PASSWORD)


@pytest.mark.slow
def test_every_flipped_bit_in_the_salt_is_detected(refused: Any) -> None:
    """A flipped bit in the salt is rejected."""
    for bit in range(len(SALT) * 8):
        refused((PASSWORD,), unseal, flipped(bit), PASSWORD)


def test_every_replaced_character_is_detected(refused: Any, derivations: KdfCache) -> None:
    """No character can be replaced by another."""
    for at in range(len(PREFIX) + 44, len(SEALED)):  # the characters before spell the salt
        for other in {"A", "/", "-", "=", " ", "\n", "é"} - {SEALED[at]}:
            refused((PASSWORD,), unseal, SEALED[:at] + other + SEALED[at + 1 :], PASSWORD, derive=derivations)


def test_every_truncation_is_rejected(refused: Any, derivations: KdfCache) -> None:
    """A string that was cut anywhere, by characters or by bytes, is rejected."""
    cut = {SEALED[:size] for size in range(len(SEALED))} | {armored(WIRE[:size]) for size in range(len(WIRE))}
    for text in cut:
        refused((PASSWORD,), unseal, text, PASSWORD, derive=derivations)


def test_appended_and_spliced_strings_are_rejected(refused: Any, derivations: KdfCache) -> None:
    """Nothing can be added before, after or inside a vault, not even parts of another vault."""
    other = base64.b64decode(seal(KEYS, PASSWORD, derive=derivations).removeprefix(PREFIX))
    grown = [armored(WIRE + tail) for tail in (b"\0", b"\0" * 16, WIRE, WIRE[-16:])]
    grown += [SEALED + tail for tail in ("A", "=", "AAAA", SEALED, "\0")]
    spliced = [armored(WIRE[:at] + other[at:]) for at in range(1, len(WIRE), 7)]
    for text in [*grown, *spliced, SEALED.removeprefix("V"), "x" + SEALED]:
        refused((PASSWORD,), unseal, text, PASSWORD, derive=derivations)


def test_versions_are_not_interchangeable(refused: Any, derivations: KdfCache) -> None:
    """A string with the prefix of another version does not open."""
    newer = sealed_v2.seal(KEYS, PASSWORD)
    for text in (
        newer.replace("_v2_", "_v1_"),
        SEALED.replace("_v1_", "_v2_"),
        SEALED.replace("_v1_", "_v3_"),
    ):
        refused((PASSWORD,), unseal, text, PASSWORD, derive=derivations)


def test_an_older_version_can_be_rejected(refused: Any) -> None:
    """`min_version` rejects a v1 string, whatever its password."""
    refused((PASSWORD,), unseal, SEALED, PASSWORD, min_version=2, derive=never)

    assert unseal(sealed_v2.seal(KEYS, PASSWORD), PASSWORD, min_version=2) == KEYS


@pytest.mark.parametrize(
    "text", ["", "VE_VAULT_v1_", PREFIX + "A" * armor.MAX_SEALED, "x" * 5_000_000, "VE_VAULT_v1_A"]
)
def test_strings_that_cannot_be_vaults_cost_no_derivation(text: str, refused: Any) -> None:
    """Strings that are too short, too long or without our prefix cost no key derivation."""
    refused((PASSWORD,), unseal, text, PASSWORD, derive=never)


@pytest.mark.parametrize(
    "plaintext",
    [
        b'{"provider":"a","key":"CANARY"}',
        b'["CANARY"]',
        b'[{"provider":"a","key":"CANARY"},null]',
        b'[{"provider":"a","key":"CANARY","key":"b"}]',
        b'[{"provider":"a","key":"CANARY","weight":NaN}]',
        b'[{"provider":"a","key":"CANARY"}]]',
        b'[{"provider":"a","key":"CANARY\xff"}]',
        b'[{"provider":"a","key":"CANARY\\ud800"}]',
        b'[{"provider":"a","key":"CANARY","deep":' + b"[" * 20_000 + b"]" * 20_000 + b"}]",
        b'[{"provider":"a","key":"CANARY","n":' + b"9" * 10_000 + b"}]",
        b'\xef\xbb\xbf[{"provider":"a","key":"CANARY"}]',
        b'[{"provider":"a","key":"CANARY' + b"x" * (1 << 20) + b'"}]',
    ],
)
def test_invalid_content_looks_like_a_wrong_password(
    plaintext: bytes, refused: Any, derivations: KdfCache
) -> None:
    """Content that is not a list of keys has the same message, and none of it shows."""
    text = sealed_bytes(plaintext, derivations)

    error = refused(("CANARY", PASSWORD), unseal, text, PASSWORD, derive=derivations)

    assert str(error) == str(refused((PASSWORD,), unseal, SEALED[:-8], PASSWORD, derive=derivations))


def test_unknown_fields_are_ignored(derivations: KdfCache) -> None:
    """Additional fields of a newer writer do not prevent opening."""
    entries = [{"provider": "Groq", "key": "k", "label": "team-a", "more": {"deep": [1, [2.5, None]]}}]

    assert unseal(sealed_bytes(json.dumps(entries).encode(), derivations), PASSWORD, derive=derivations) == [
        Credential("Groq", "k")
    ]


def test_salt_and_nonce_are_random() -> None:
    """Sealing the same keys twice gives different bytes."""
    wires = [base64.b64decode(seal(KEYS, PASSWORD).removeprefix(PREFIX)) for _ in range(4)]

    assert len({wire[:32] for wire in wires}) == len({wire[32:44] for wire in wires}) == 4


def test_keys_that_cannot_be_sealed_are_rejected_without_showing_them(refused: Any) -> None:
    """Lone surrogates and too many keys are rejected; neither key nor password shows."""
    lone = [Credential("OpenAI", "CANARY\ud800")]
    much = [Credential("OpenAI", "CANARY" * 200_000)]
    for seals in (seal, sealed_v2.seal):
        refused(("CANARY", PASSWORD), seals, lone, PASSWORD)
        refused(("CANARY", PASSWORD), seals, much, PASSWORD)
        refused(("hunter2",), seals, KEYS, "hunter2 \udc80")
    refused(("hunter2",), unseal, SEALED, "hunter2 \udc80")


text = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Credential, text, text), max_size=5))
def test_sealed_keys_open(credentials: list[Credential]) -> None:
    """Any text opens unchanged, in both versions."""
    quick = KdfCache(lambda *_: b"\7" * 32)
    for seals in (seal, sealed_v2.seal):
        assert unseal(seals(credentials, PASSWORD, derive=quick), PASSWORD, derive=quick) == credentials


def test_a_thousand_keys_open() -> None:
    """A vault can contain a thousand keys."""
    many = [Credential("OpenAI", f"test-key-{number:04}") for number in range(1_000)]

    assert unseal(seal(many, PASSWORD), PASSWORD) == many
