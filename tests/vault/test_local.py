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
from vaultcore.vault.kdf import Derivations
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SECRET = "0123456789abcdef" * 4
OPENAI = Credential("OpenAI", "sk-test-openai-CANARY-1")
GROQ = Credential("Groq", "gsk_test-groq-CANARY-2")


def theirs(provider: str, key: str, **more: object) -> dict[str, object]:
    """An entry as VaultEdge's command line writes it: a salt of its own, nothing of ours."""
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


def their_vault(home: Path, *entries: dict[str, object], **more: object) -> LocalVault:
    home.mkdir(mode=0o700, exist_ok=True)
    secret = home / ".secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    (home / "local.vault.json").write_text(json.dumps({"version": 1, "entries": entries, **more}, indent=2))
    return LocalVault(home)


def opened_by_them(home: Path) -> list[tuple[str, str]]:
    """The keys as a reader of VaultEdge's format finds them."""
    secret = (home / ".secret").read_text().strip().encode()
    keys = []
    for entry in json.loads((home / "local.vault.json").read_text())["entries"]:
        wire = base64.b64decode(entry["encryptedKey"])
        derived = hashlib.pbkdf2_hmac("sha256", secret, wire[:32], 210_000, 32)
        keys.append((entry["provider"], AESGCM(derived).decrypt(wire[32:44], wire[44:], None).decode()))
    return keys


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_vault_of_vaultedge_opens(tmp_path: Path) -> None:
    """Files that VaultEdge's own command line wrote are read, in their order."""
    vault = their_vault(tmp_path, theirs("OpenAI", OPENAI.key), theirs("Groq", GROQ.key))

    assert vault.exists()
    assert vault.credentials() == [OPENAI, GROQ]
    assert [(entry.provider, entry.masked, entry.added_at, entry.valid) for entry in vault.entries()] == [
        ("OpenAI", "sk-t...RY-1", 1_700_000_000, None),
        ("Groq", "gsk_...RY-2", 1_700_000_000, None),
    ]


def test_vaultedge_opens_what_is_written_here(tmp_path: Path) -> None:
    """A vault made here has the shape and the cryptography VaultEdge's command line expects."""
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
    assert opened_by_them(vault.home) == [("OpenAI", OPENAI.key), ("Mistral", "short")]


def test_keys_join_a_vault_of_vaultedge(tmp_path: Path) -> None:
    """Added keys are sealed with the machine secret that is there, and what is not known here survives."""
    kept = theirs("OpenAI", OPENAI.key, label="team-a", isValid=True)
    vault = their_vault(tmp_path, kept, settings={"theme": "dark"})

    vault.add([GROQ])

    document = json.loads(vault.file.read_text())
    assert document["settings"] == {"theme": "dark"}
    assert document["entries"][0] == kept
    assert opened_by_them(tmp_path) == [("OpenAI", OPENAI.key), ("Groq", GROQ.key)]


def test_many_keys_cost_one_derivation(tmp_path: Path) -> None:
    """Keys added here share a salt, each with its own nonce: opening them all stretches the secret once."""
    many = [Credential("OpenAI", f"sk-{number}") for number in range(20)]
    vault = LocalVault(tmp_path)
    vault.add(many[:1])
    vault.add(many[1:])

    derivations = Derivations()
    assert LocalVault(tmp_path, derivations=derivations).credentials() == many
    assert len(derivations) == 1
    assert len({entry.sealed[32:44] for entry in vault.entries()}) == 20


def test_a_key_is_kept_once(tmp_path: Path) -> None:
    """A key that is there already, or comes twice, is not added again."""
    vault = LocalVault(tmp_path)
    vault.add([OPENAI])

    assert vault.add([Credential("openai", OPENAI.key), GROQ, GROQ]) == vault.entries()[1:]
    assert vault.credentials() == [OPENAI, GROQ]


def test_files_are_private(tmp_path: Path) -> None:
    """The directory is its owner's alone, and so is every file in it, whatever the umask."""
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


def test_an_existing_vault_is_never_made_anew(tmp_path: Path) -> None:
    """init leaves a vault and its secret alone."""
    vault = their_vault(tmp_path, theirs("OpenAI", OPENAI.key))

    with pytest.raises(VaultError, match="already"):
        vault.init()
    assert vault.credentials() == [OPENAI]


def test_init_keeps_a_machine_secret(tmp_path: Path) -> None:
    """A secret without a vault, as VaultEdge leaves it, is used and not replaced."""
    vault = their_vault(tmp_path)
    vault.file.unlink()

    vault.init()

    assert vault.secret_file.read_text().strip() == SECRET


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(permissions: int, tmp_path: Path, refused: Any) -> None:
    """A machine secret open to others opens nothing until that is mended; the hint says how."""
    vault = their_vault(tmp_path, theirs("OpenAI", OPENAI.key))
    vault.secret_file.chmod(permissions)

    error = refused((OPENAI.key, SECRET), vault.credentials)

    assert error.hint == f"chmod 600 {vault.secret_file}"


def test_another_machines_secret_is_refused_without_a_trace(tmp_path: Path, refused: Any) -> None:
    """Entries of another secret are named, refused, and never joined by new ones."""
    vault = their_vault(tmp_path, theirs("OpenAI", OPENAI.key), theirs("Groq", GROQ.key))
    before = vault.file.read_bytes()
    vault.secret_file.write_text("f" * 64)

    assert "id-of-OpenAI" in str(refused((OPENAI.key, "f" * 64), vault.credentials))
    refused((OPENAI.key, GROQ.key, "f" * 64), vault.add, [GROQ])
    assert vault.file.read_bytes() == before


def test_every_damage_is_refused(tmp_path: Path, refused: Any) -> None:
    """A flipped bit in an entry is noticed, and the other entries' keys do not show for it."""
    vault = their_vault(tmp_path, theirs("Groq", GROQ.key), theirs("OpenAI", OPENAI.key))
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
def test_what_is_no_vault_is_refused_and_left_alone(text: str, tmp_path: Path, refused: Any) -> None:
    """A file of another shape is refused by every command and never overwritten."""
    vault = their_vault(tmp_path)
    vault.file.write_bytes(text.encode("latin-1"))

    refused((OPENAI.key,), vault.credentials)
    refused((OPENAI.key,), vault.add, [OPENAI])
    refused((OPENAI.key,), vault.init)
    assert vault.file.read_bytes() == text.encode("latin-1")


def test_a_missing_or_empty_secret_is_named(tmp_path: Path, refused: Any) -> None:
    """Without the machine secret nothing opens, and none is made next to entries that need the old one."""
    vault = their_vault(tmp_path, theirs("OpenAI", OPENAI.key))
    vault.secret_file.write_text("")
    assert "empty" in str(refused((OPENAI.key,), vault.credentials))

    vault.secret_file.unlink()
    for call in (vault.credentials, lambda: vault.add([GROQ])):
        assert ".secret is missing" in str(refused((OPENAI.key, GROQ.key), call))
    assert not vault.secret_file.exists()


def test_no_vault_is_no_file(tmp_path: Path, refused: Any) -> None:
    """Where there is no vault, reading makes none."""
    vault = LocalVault(tmp_path / "home")

    assert not vault.exists()
    for call in (vault.entries, vault.credentials, lambda: vault.remove("x")):
        assert refused((), call).hint == "vaultedge vault init makes one"
    assert not vault.home.exists()


def test_a_key_is_removed_by_its_id_or_its_beginning(tmp_path: Path, refused: Any) -> None:
    """An id, or as much of it as no other key has, removes that key and no other."""
    vault = their_vault(
        tmp_path, theirs("OpenAI", OPENAI.key), theirs("OpenRouter", "x"), theirs("Groq", GROQ.key)
    )

    for unclear in ("", "nothing", "id-of-", "id-of-Open"):
        refused((OPENAI.key,), vault.remove, unclear)
    assert vault.remove("id-of-G").provider == "Groq"
    assert vault.remove("id-of-OpenAI").provider == "OpenAI"
    assert [entry.provider for entry in vault.entries()] == ["OpenRouter"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Keys added by several writers at once are all kept."""
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
    """While keys are added, every read finds a whole vault."""
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


def test_nothing_of_a_key_shows_in_reprs(tmp_path: Path) -> None:
    """Vault, entries and opened keys can be printed."""
    vault = LocalVault(tmp_path)
    entries = vault.add([OPENAI])

    shown = repr((vault, entries, vault.entries(), vault.credentials()))
    assert "CANARY" not in shown
    assert vault.secret_file.read_text() not in shown


def test_the_stretching_is_vaultedges() -> None:
    """The parameters of the file format never change."""
    assert (kdf.PBKDF2.name, kdf.V1_PARAMS) == ("pbkdf2", (210_000, 0, 0))
