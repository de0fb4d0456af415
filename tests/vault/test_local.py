from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.errors import VaultError
from vaultcore.vault import kdf
from vaultcore.vault.kdf import KdfCache
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SECRET = "0123456789abcdef" * 4
OPENAI = Credential("OpenAI", "sk-test-openai-CANARY-1")
GROQ = Credential("Groq", "gsk_test-groq-CANARY-2")


def original_entry(provider: str, key: str, **more: object) -> dict[str, object]:
    """Return an entry of the original VaultEdge with its own salt, built without the code under test."""
    salt, nonce = os.urandom(32), os.urandom(12)
    derived = hashlib.pbkdf2_hmac("sha256", SECRET.encode(), salt, 210_000, 32)
    sealed = salt + nonce + AESGCM(derived).encrypt(nonce, key.encode(), None)
    return {
        "id": f"id-of-{provider}",
        "provider": provider,
        "encryptedKey": base64.b64encode(sealed).decode(),
        "maskedKey": key[:4] + "..." + key[-4:],
        "addedAt": 1_700_000_000,
        "isValid": None,
        **more,
    }


def original_vault(home: Path, *entries: dict[str, object], **more: object) -> LocalVault:
    home.mkdir(mode=0o700, exist_ok=True)
    secret = home / ".secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    (home / "local.vault.json").write_text(json.dumps({"version": 1, "entries": entries, **more}, indent=2))
    return LocalVault(home)


def read_by_original(home: Path) -> list[tuple[str, str]]:
    """Return the keys that the original VaultEdge reads from a vault."""
    secret = (home / ".secret").read_text().strip().encode()
    keys = []
    for entry in json.loads((home / "local.vault.json").read_text())["entries"]:
        wire = base64.b64decode(entry["encryptedKey"])
        derived = hashlib.pbkdf2_hmac("sha256", secret, wire[:32], 210_000, 32)
        keys.append((entry["provider"], AESGCM(derived).decrypt(wire[32:44], wire[44:], None).decode()))
    return keys


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_vault_of_the_original_opens(tmp_path: Path) -> None:
    """Files of the original VaultEdge are read, in their order."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key), original_entry("Groq", GROQ.key))

    assert vault.exists()
    assert vault.credentials() == [OPENAI, GROQ]
    assert [(entry.provider, entry.masked, entry.added_at, entry.valid) for entry in vault.entries()] == [
        ("OpenAI", "sk-t...RY-1", 1_700_000_000, None),
        ("Groq", "gsk_...RY-2", 1_700_000_000, None),
    ]


def test_the_original_can_read_our_vault(tmp_path: Path) -> None:
    """A vault written here has the format and the cryptography of the original VaultEdge."""
    vault = LocalVault(tmp_path / "home", now=lambda: 1_700_000_000.9)
    vault.init()
    vault.add([OPENAI, Credential("Mistral", "short")])

    document = json.loads(vault.file.read_text())
    assert document["version"] == 1
    assert [sorted(entry) for entry in document["entries"]] == [
        ["addedAt", "encryptedKey", "id", "isValid", "maskedKey", "provider"]
    ] * 2
    assert [entry["maskedKey"] for entry in document["entries"]] == ["sk-t...RY-1", "****"]
    assert [entry["addedAt"] for entry in document["entries"]] == [1_700_000_000] * 2
    assert read_by_original(vault.home) == [("OpenAI", OPENAI.key), ("Mistral", "short")]


def test_keys_are_added_to_a_vault_of_the_original(tmp_path: Path) -> None:
    """New keys use the existing machine secret, and unknown fields are kept."""
    existing = original_entry("OpenAI", OPENAI.key, label="team-a", isValid=True)
    vault = original_vault(tmp_path, existing, settings={"theme": "dark"})

    vault.add([GROQ])

    document = json.loads(vault.file.read_text())
    assert document["settings"] == {"theme": "dark"}
    assert document["entries"][0] == existing
    assert read_by_original(tmp_path) == [("OpenAI", OPENAI.key), ("Groq", GROQ.key)]


def test_many_keys_cost_one_derivation(tmp_path: Path) -> None:
    """Keys share a salt and have different nonces, so that opening them derives one key."""
    many = [Credential("OpenAI", f"sk-{number}") for number in range(20)]
    vault = LocalVault(tmp_path)
    vault.add(many[:1])
    vault.add(many[1:])

    derivations = KdfCache()
    assert LocalVault(tmp_path, derivations=derivations).credentials() == many
    assert len(derivations) == 1
    assert len({entry.sealed[32:44] for entry in vault.entries()}) == 20


def test_a_key_is_stored_once(tmp_path: Path) -> None:
    """A key that exists already, or appears twice, is not added again."""
    vault = LocalVault(tmp_path)
    vault.add([OPENAI])

    assert vault.add([Credential("openai", OPENAI.key), GROQ, GROQ]) == vault.entries()[1:]
    assert vault.credentials() == [OPENAI, GROQ]


def test_files_are_private(tmp_path: Path) -> None:
    """The directory and every file in it are accessible to the owner only, whatever the umask."""
    before = os.umask(0)
    try:
        vault = LocalVault(tmp_path / "home")
        vault.init()
        vault.add([OPENAI])
    finally:
        os.umask(before)

    assert mode(vault.home) == 0o700
    assert {mode(file) for file in vault.home.iterdir()} == {0o600}
    assert len(vault.secret_file.read_text()) == 64


def test_init_never_replaces_a_vault(tmp_path: Path) -> None:
    """`init` does not change an existing vault or its secret."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key))

    with pytest.raises(VaultError, match="already"):
        vault.init()
    assert vault.credentials() == [OPENAI]


def test_init_keeps_a_machine_secret(tmp_path: Path) -> None:
    """An existing secret without a vault is used and not replaced."""
    vault = original_vault(tmp_path)
    vault.file.unlink()

    vault.init()

    assert vault.secret_file.read_text().strip() == SECRET


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_readable_by_others_is_rejected(permissions: int, tmp_path: Path, refused: Any) -> None:
    """A machine secret that other users can read opens nothing; the hint says how to fix it."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key))
    vault.secret_file.chmod(permissions)

    error = refused((OPENAI.key, SECRET), vault.credentials)

    assert error.hint == f"run chmod 600 {vault.secret_file}"


def test_a_wrong_machine_secret_is_rejected_without_showing_keys(tmp_path: Path, refused: Any) -> None:
    """The error names the entry, and no entry is added under another secret."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key), original_entry("Groq", GROQ.key))
    before = vault.file.read_bytes()
    vault.secret_file.write_text("f" * 64)

    assert "id-of-OpenAI" in str(refused((OPENAI.key, "f" * 64), vault.credentials))
    refused((OPENAI.key, GROQ.key, "f" * 64), vault.add, [GROQ])
    assert vault.file.read_bytes() == before


def test_every_flipped_bit_is_detected(tmp_path: Path, refused: Any) -> None:
    """A flipped bit in an entry is rejected, and the keys of the other entries do not show."""
    vault = original_vault(tmp_path, original_entry("Groq", GROQ.key), original_entry("OpenAI", OPENAI.key))
    document = json.loads(vault.file.read_text())
    whole = base64.b64decode(document["entries"][1]["encryptedKey"])
    for at in range(32, len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        document["entries"][1]["encryptedKey"] = base64.b64encode(damaged).decode()
        vault.file.write_text(json.dumps(document))
        refused((OPENAI.key, GROQ.key, SECRET), vault.credentials)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "{",
        '{"version":2,"entries":[]}',
        '{"version":1}',
        '{"version":1,"entries":{}}',
        '{"version":1,"entries":[null]}',
        '{"version":1,"entries":[{"id":"a","provider":"b"}]}',
        '{"version":1,"entries":[{"id":"a","provider":"b","encryptedKey":"!"}]}',
        '{"version":1,"entries":[{"id":"a","provider":"b","encryptedKey":"AAAA"}]}',
        '{"version":1,"entries":[{"id":"a","provider":"\\ud800","encryptedKey":"AAAA"}]}',
        '{"version":1,"entries":[{"id":1,"provider":"b","encryptedKey":"AAAA"}]}',
        "[" * 100_000,
        '{"version":1,"entries":"\xff"}',
    ],
)
def test_an_invalid_file_is_rejected_and_not_changed(text: str, tmp_path: Path, refused: Any) -> None:
    """Every operation rejects a file of another format, and none overwrites it."""
    vault = original_vault(tmp_path)
    vault.file.write_bytes(text.encode("latin-1"))

    refused((OPENAI.key,), vault.credentials)
    refused((OPENAI.key,), vault.add, [OPENAI])
    refused((OPENAI.key,), vault.init)
    assert vault.file.read_bytes() == text.encode("latin-1")


def test_a_missing_or_empty_secret_is_named(tmp_path: Path, refused: Any) -> None:
    """Without the machine secret nothing opens, and no new secret is created beside existing entries."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key))
    vault.secret_file.write_text("")
    assert "empty" in str(refused((OPENAI.key,), vault.credentials))

    vault.secret_file.unlink()
    for call in (vault.credentials, lambda: vault.add([GROQ])):
        assert ".secret is missing" in str(refused((OPENAI.key, GROQ.key), call))
    assert not vault.secret_file.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "is empty"), ("\n", "is empty"), ("f" * 30, "has 30 of 64 characters"), (None, "is missing")],
)
def test_a_damaged_secret_is_named_with_a_cure(
    text: str | None, problem: str, tmp_path: Path, refused: Any
) -> None:
    """A lost, empty or half-written machine secret is named with its path, and stays as it is."""
    vault = original_vault(tmp_path, original_entry("OpenAI", OPENAI.key))
    vault.secret_file.unlink()
    if text is not None:
        vault.secret_file.write_text(text)
        vault.secret_file.chmod(0o600)

    for call in (vault.credentials, lambda: vault.add([GROQ])):
        error = refused((OPENAI.key, GROQ.key), call)
        assert f"{vault.secret_file} {problem}" in f"{error} {error.hint}"
        assert "restore it from a backup" in error.hint
    assert (vault.secret_file.read_text() if vault.secret_file.exists() else None) == text


@pytest.mark.parametrize("has_vault", [True, False])
def test_an_empty_secret_without_entries_is_recovered(has_vault: bool, tmp_path: Path) -> None:
    """An empty secret file, which a crash at the first start may leave, is filled if no entry needs it."""
    vault = LocalVault(tmp_path)
    if has_vault:
        vault.init()
    vault.secret_file.write_text("")
    vault.secret_file.chmod(0o600)
    vault.add([OPENAI])

    assert LocalVault(tmp_path).credentials() == [OPENAI]
    assert len(vault.secret_file.read_text()) == 64


def test_reading_creates_no_vault(tmp_path: Path, refused: Any) -> None:
    """If there is no vault, reading creates no file and no directory."""
    vault = LocalVault(tmp_path / "home")

    assert not vault.exists()
    for call in (vault.entries, vault.credentials, lambda: vault.remove("x")):
        assert refused((), call).hint == "create one with vaultedge vault init"
    assert not vault.home.exists()


def test_a_key_is_removed_by_its_id_or_its_beginning(tmp_path: Path, refused: Any) -> None:
    """An id, or a unique prefix of one, removes that key and no other."""
    vault = original_vault(
        tmp_path,
        original_entry("OpenAI", OPENAI.key),
        original_entry("OpenRouter", "x"),
        original_entry("Groq", GROQ.key),
    )

    for unclear in ("", "nothing", "id-of-", "id-of-Open"):
        refused((OPENAI.key,), vault.remove, unclear)
    assert vault.remove("id-of-G").provider == "Groq"
    assert vault.remove("id-of-OpenAI").provider == "OpenAI"
    assert [entry.provider for entry in vault.entries()] == ["OpenRouter"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Keys that several writers add at the same time are all stored."""
    writers = [
        threading.Thread(target=LocalVault(tmp_path).add, args=([Credential("OpenAI", f"sk-{number}")],))
        for number in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(each.key for each in LocalVault(tmp_path).credentials()) == [f"sk-{n}" for n in range(8)]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """While keys are added, every read returns a complete vault."""
    vault = LocalVault(tmp_path)
    vault.add([OPENAI])
    reads = []
    writer = threading.Thread(target=vault.add, args=([GROQ],))
    writer.start()
    while writer.is_alive():
        reads.append(len(vault.entries()))
    writer.join()

    assert set(reads) <= {1, 2}
    assert sorted(file.name for file in tmp_path.iterdir()) == [".lock", ".secret", "local.vault.json"]


def test_reprs_contain_no_keys(tmp_path: Path) -> None:
    """The reprs of vault, entries and decrypted keys contain no secret."""
    vault = LocalVault(tmp_path)
    entries = vault.add([OPENAI])

    text = repr((vault, entries, vault.entries(), vault.credentials()))
    assert "CANARY" not in text
    assert vault.secret_file.read_text() not in text


def test_the_kdf_is_the_one_of_the_original() -> None:
    """The parameters of the file format never change."""
    assert (kdf.PBKDF2.name, kdf.V1_PARAMS) == ("pbkdf2", (210_000, 0, 0))
