"""`vaultedge vault`: export, import, migrate, seal and open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vaultcore.vault import sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import seal, unseal

KEY = "sk-test-CANARY-0001"
PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", KEY), Credential("Groq", "gsk_CANARY_0002")]


def generated(err: str) -> str:
    [line] = [line for line in err.splitlines() if "not shown again" in line]
    return line.rpartition(": ")[2]


def test_export_generates_a_password_and_prints_it_once(vaultedge: Any, filled_vault: LocalVault) -> None:
    """Without a password export generates one; stdout is only the variable."""
    result = vaultedge("vault", "export")

    assert result.status == 0
    assert result.out.startswith("VAULTEDGE_VAULT=VE_VAULT_v1_")
    assert result.out.count("\n") == 1
    sealed = result.out.strip().removeprefix("VAULTEDGE_VAULT=")
    assert unseal(sealed, generated(result.err)) == KEYS


@pytest.mark.parametrize("way", ["option", "stdin", "piped", "file", "environment"])
def test_export_accepts_a_password(
    way: str, vaultedge: Any, filled_vault: LocalVault, tmp_path: Path
) -> None:
    """A password comes from stdin, a file, the environment or, with a warning, the command line."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    result = {
        "option": lambda: vaultedge("vault", "export", "--password", PASSWORD),
        "stdin": lambda: vaultedge("vault", "export", "--password", "-", stdin=PASSWORD + "\n"),
        "piped": lambda: vaultedge("vault", "export", stdin=PASSWORD),
        "file": lambda: vaultedge("vault", "export", "--password-file", str(tmp_path / "password")),
        "environment": lambda: vaultedge("vault", "export", environ={"VAULTEDGE_PASSWORD": PASSWORD}),
    }[way]()

    assert result.status == 0
    assert result.err.count("\n") == (1 if way == "option" else 0)
    assert PASSWORD not in result.out + result.err
    assert unseal(result.out.strip().removeprefix("VAULTEDGE_VAULT="), PASSWORD) == filled_vault.credentials()


@pytest.mark.parametrize("kdf", [None, "pbkdf2", "scrypt", "argon2id"])
def test_export_writes_v2(kdf: str | None, vaultedge: Any, filled_vault: LocalVault) -> None:
    """--format v2 and --kdf set the format and the key derivation function."""
    chosen = () if kdf is None else ("--kdf", kdf)
    result = vaultedge("vault", "export", "--format", "v2", *chosen, stdin=PASSWORD)

    sealed = result.out.strip().removeprefix("VAULTEDGE_VAULT=")
    assert sealed.startswith(sealed_v2.PREFIX)
    assert unseal(sealed, PASSWORD) == filled_vault.credentials()


def test_a_weak_password_needs_allow_weak(vaultedge: Any, filled_vault: LocalVault) -> None:
    """A weak password is rejected for sealing, with a hint; never for opening."""
    weak = vaultedge("vault", "export", stdin="password1")
    assert (weak.status, weak.out) == (1, "")
    assert "too weak" in weak.err

    accepted = vaultedge("vault", "export", "--allow-weak", stdin="password1")
    opened = vaultedge("vault", "open", stdin=accepted.out, environ={"VAULTEDGE_PASSWORD": "password1"})
    assert len(json.loads(opened.out)) == len(filled_vault.entries())


def test_export_writes_a_new_private_file(vaultedge: Any, filled_vault: LocalVault, tmp_path: Path) -> None:
    """--output writes only the string to a file of mode 0600; only --force replaces a file."""
    file = tmp_path / "vault.txt"
    first = vaultedge("vault", "export", "--output", str(file), stdin=PASSWORD)

    assert (first.status, first.out, file.stat().st_mode & 0o777) == (0, "", 0o600)
    assert unseal(file.read_text(), PASSWORD) == filled_vault.credentials()

    before = file.read_text()
    again = vaultedge("vault", "export", "--output", str(file), stdin=PASSWORD)
    assert (again.status, file.read_text()) == (1, before)
    assert "--force" in again.err

    assert vaultedge("vault", "export", "--force", "--output", str(file), stdin=PASSWORD).status == 0
    assert file.read_text() != before


def test_export_of_an_empty_vault_fails(vaultedge: Any) -> None:
    """A missing or empty vault is not exported."""
    assert vaultedge("vault", "export").status == 1
    vaultedge("vault", "init")
    assert vaultedge("vault", "export").status == 1


@pytest.mark.parametrize("source", ["argument", "stdin", "variable", "file"])
def test_import_adds_missing_keys(source: str, vaultedge: Any, home: Path, tmp_path: Path) -> None:
    """import accepts a vault string, plain or as export prints it, and adds the new keys."""
    LocalVault(home).add(KEYS[:1])
    sealed = seal(KEYS, PASSWORD)
    environ = {"VAULTEDGE_PASSWORD": PASSWORD}
    (tmp_path / "vault.txt").write_text(f"{sealed}\n")

    result = {
        "file": lambda: vaultedge(
            "vault", "import", "--file", str(tmp_path / "vault.txt"), stdin=f"{PASSWORD}\n"
        ),
        "argument": lambda: vaultedge("vault", "import", sealed, environ=environ),
        "stdin": lambda: vaultedge("vault", "import", "-", stdin=f"\n{sealed}\n{PASSWORD}\n"),
        "variable": lambda: vaultedge(
            "vault", "import", stdin=f"VAULTEDGE_VAULT={sealed}\n", environ=environ
        ),
    }[source]()

    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("imported 1 of 2 keys")
    assert LocalVault(home).credentials() == KEYS


@pytest.mark.parametrize("command", ["import", "migrate"])
def test_string_and_file_exclude_each_other(command: str, vaultedge: Any, home: Path, tmp_path: Path) -> None:
    """A vault string together with --file is a usage error."""
    (tmp_path / "vault.txt").write_text(seal(KEYS, PASSWORD))
    both = vaultedge("vault", command, "-", "--file", str(tmp_path / "vault.txt"), stdin=f"{PASSWORD}\n")

    assert (both.status, both.out) == (2, "")
    assert not home.exists()


def test_migrate_changes_password_and_format(vaultedge: Any) -> None:
    """migrate seals the same keys again, with the same or another password and format."""
    sealed = seal(KEYS, "old")

    same = vaultedge("vault", "migrate", sealed, "--old-password", "-", stdin="old\n")
    other = vaultedge(
        "vault",
        "migrate",
        sealed,
        *("--old-password", "-", "--new-password", "-", "--format", "v2"),
        stdin=f"old\n{PASSWORD}\n",
    )
    weak = vaultedge(
        "vault", "migrate", sealed, "--new-password", "-", stdin="x\n", environ={"VAULTEDGE_PASSWORD": "old"}
    )

    assert unseal(same.out.strip().removeprefix("VAULTEDGE_VAULT="), "old") == KEYS
    assert unseal(other.out.strip().removeprefix("VAULTEDGE_VAULT="), PASSWORD) == KEYS
    assert "VE_VAULT_v2_" in other.out
    assert weak.status == 1


def test_open_reverses_seal(vaultedge: Any) -> None:
    """seal turns a JSON array into a vault string, and open turns it back."""
    entries = [{"provider": each.provider, "key": each.key} for each in KEYS]
    environ = {"VAULTEDGE_PASSWORD": PASSWORD}

    sealed = vaultedge("vault", "seal", stdin=json.dumps(entries), environ=environ)
    opened = vaultedge("vault", "open", stdin=sealed.out, environ=environ)

    assert (sealed.status, sealed.err, sealed.out.count("\n")) == (0, "", 1)
    assert sealed.out.startswith("VE_VAULT_v1_")
    assert (opened.status, opened.err, json.loads(opened.out)) == (0, "", entries)


@pytest.mark.parametrize(
    "text", ["", "null", "[1]", '[{"provider":"a","key":"CANARY"}', '[{"key":"CANARY"}]']
)
def test_seal_rejects_invalid_input(text: str, vaultedge: Any) -> None:
    """Anything but an array of provider and key is rejected and not repeated."""
    result = vaultedge("vault", "seal", stdin=text, environ={"VAULTEDGE_PASSWORD": PASSWORD})

    assert (result.status, result.out) == (1, "")
    assert "CANARY" not in result.err


def test_seal_needs_a_password(vaultedge: Any) -> None:
    """Without a password seal is a usage error; the hint names the possible sources."""
    for environ in ({}, {"VAULTEDGE_PASSWORD": ""}):
        result = vaultedge("vault", "seal", stdin="[]", environ=environ)

        assert (result.status, result.out) == (2, "")
        assert "VAULTEDGE_PASSWORD" in result.err


def test_a_vault_that_does_not_open_gives_one_line_and_a_hint(vaultedge: Any) -> None:
    """A wrong password and a damaged string give the same error, without a traceback."""
    sealed = seal(KEYS, PASSWORD)
    wrong = vaultedge("vault", "open", stdin=sealed, environ={"VAULTEDGE_PASSWORD": PASSWORD + "x"})
    damaged = vaultedge("vault", "open", stdin=sealed[:-8], environ={"VAULTEDGE_PASSWORD": PASSWORD})

    assert wrong == damaged
    assert (wrong.status, wrong.out, wrong.err.count("\n")) == (1, "", 2)


def test_a_password_in_another_unicode_form_opens_with_a_warning(vaultedge: Any) -> None:
    """A password in another Unicode normal form opens a v1 vault, with a warning."""
    composed, decomposed = "Gr\u00fc\u00dfe an alle", "Gru\u0308\u00dfe an alle"

    for sealing, opening, form in ((composed, decomposed, "NFC"), (decomposed, composed, "NFD")):
        sealed = seal(KEYS, sealing)
        result = vaultedge("vault", "open", stdin=sealed, environ={"VAULTEDGE_PASSWORD": opening})

        assert result.status == 0
        assert form in result.err
        assert sealing not in result.err


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_typed_password_is_repeated(filled_vault: LocalVault, run_in_terminal: Any) -> None:
    """export prompts twice and rejects different passwords; an empty one generates a password."""
    first = "password for the vault string"
    same = [(first, f"{PASSWORD}\n"), ("repeat the password", f"{PASSWORD}\n")]
    status, output = run_in_terminal("vault", "export", answers=same)
    assert status == 0
    assert (
        unseal(output.strip().splitlines()[-1].removeprefix("VAULTEDGE_VAULT="), PASSWORD)
        == filled_vault.credentials()
    )

    differing = [(first, f"{PASSWORD}\n"), ("repeat the password", "something else\n")]
    assert run_in_terminal("vault", "export", answers=differing)[0] == 1

    status, output = run_in_terminal("vault", "export", answers=[(first, "\n")])
    assert status == 0
    assert unseal(output.strip().splitlines()[-1].removeprefix("VAULTEDGE_VAULT="), generated(output)) == KEYS


def test_opening_needs_a_password(vaultedge: Any) -> None:
    """A vault string without a password is a usage error; an explicit empty password is valid."""
    sealed = seal(KEYS, "")
    missing = vaultedge("vault", "open", stdin=sealed)
    assert (missing.status, missing.out) == (2, "")
    assert "VAULTEDGE_PASSWORD" in missing.err

    for source in ({"VAULTEDGE_PASSWORD": ""}, {}):
        argv = () if source else ("--password", "-")
        assert vaultedge("vault", "open", *argv, stdin=f"{sealed}\n\n", environ=source).status == 0
