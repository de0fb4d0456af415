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


def test_export_makes_a_password_and_shows_it_once(vaultedge: Any, filled: LocalVault) -> None:
    """Without a password export makes one; stdout is the variable alone, and VaultEdge's format."""
    ran = vaultedge("vault", "export")

    assert ran.status == 0
    assert ran.out.startswith("VAULTEDGE_VAULT=VE_VAULT_v1_")
    assert ran.out.count("\n") == 1
    sealed = ran.out.strip().removeprefix("VAULTEDGE_VAULT=")
    assert unseal(sealed, generated(ran.err)) == KEYS


@pytest.mark.parametrize("way", ["option", "stdin", "piped", "file", "environment"])
def test_export_takes_a_password(way: str, vaultedge: Any, filled: LocalVault, tmp_path: Path) -> None:
    """A password comes from stdin, a file, the environment or, with a warning, the command line."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    ran = {
        "option": lambda: vaultedge("vault", "export", "--password", PASSWORD),
        "stdin": lambda: vaultedge("vault", "export", "--password", "-", stdin=PASSWORD + "\n"),
        "piped": lambda: vaultedge("vault", "export", stdin=PASSWORD),
        "file": lambda: vaultedge("vault", "export", "--password-file", str(tmp_path / "password")),
        "environment": lambda: vaultedge("vault", "export", environ={"VAULTEDGE_PASSWORD": PASSWORD}),
    }[way]()

    assert ran.status == 0
    assert ran.err.count("\n") == (1 if way == "option" else 0)
    assert PASSWORD not in ran.out + ran.err
    assert unseal(ran.out.strip().removeprefix("VAULTEDGE_VAULT="), PASSWORD) == filled.credentials()


@pytest.mark.parametrize("kdf", [None, "pbkdf2", "scrypt", "argon2id"])
def test_export_writes_v2(kdf: str | None, vaultedge: Any, filled: LocalVault) -> None:
    """--format v2 and --kdf choose the format and how the password is stretched."""
    chosen = () if kdf is None else ("--kdf", kdf)
    ran = vaultedge("vault", "export", "--format", "v2", *chosen, stdin=PASSWORD)

    sealed = ran.out.strip().removeprefix("VAULTEDGE_VAULT=")
    assert sealed.startswith(sealed_v2.PREFIX)
    assert unseal(sealed, PASSWORD) == filled.credentials()


def test_a_weak_password_seals_nothing_unless_told_to(vaultedge: Any, filled: LocalVault) -> None:
    """A password that can be guessed is refused when sealing, with a way out; never when opening."""
    weak = vaultedge("vault", "export", stdin="password1")
    assert (weak.status, weak.out) == (1, "")
    assert "too weak" in weak.err

    taken = vaultedge("vault", "export", "--allow-weak", stdin="password1")
    opened = vaultedge("vault", "open", stdin=taken.out, environ={"VAULTEDGE_PASSWORD": "password1"})
    assert len(json.loads(opened.out)) == len(filled.entries())


def test_export_writes_a_private_file_and_replaces_none(
    vaultedge: Any, filled: LocalVault, tmp_path: Path
) -> None:
    """--output makes a file of 0600 with the string alone; only --force replaces one."""
    file = tmp_path / "vault.txt"
    first = vaultedge("vault", "export", "--output", str(file), stdin=PASSWORD)

    assert (first.status, first.out, file.stat().st_mode & 0o777) == (0, "", 0o600)
    assert unseal(file.read_text(), PASSWORD) == filled.credentials()

    before = file.read_text()
    again = vaultedge("vault", "export", "--output", str(file), stdin=PASSWORD)
    assert (again.status, file.read_text()) == (1, before)
    assert "--force" in again.err

    assert vaultedge("vault", "export", "--force", "--output", str(file), stdin=PASSWORD).status == 0
    assert file.read_text() != before


def test_export_of_nothing_is_refused(vaultedge: Any) -> None:
    """An empty vault, or none, makes no string."""
    assert vaultedge("vault", "export").status == 1
    vaultedge("vault", "init")
    assert vaultedge("vault", "export").status == 1


@pytest.mark.parametrize("given", ["argument", "stdin", "variable", "file"])
def test_import_adds_what_is_not_there(given: str, vaultedge: Any, home: Path, tmp_path: Path) -> None:
    """import takes a vault string, bare or as export prints it, and adds the keys that are new."""
    LocalVault(home).add(KEYS[:1])
    sealed = seal(KEYS, PASSWORD)
    environ = {"VAULTEDGE_PASSWORD": PASSWORD}
    (tmp_path / "vault.txt").write_text(f"{sealed}\n")

    ran = {
        "file": lambda: vaultedge(
            "vault", "import", "--file", str(tmp_path / "vault.txt"), stdin=f"{PASSWORD}\n"
        ),
        "argument": lambda: vaultedge("vault", "import", sealed, environ=environ),
        "stdin": lambda: vaultedge("vault", "import", "-", stdin=f"\n{sealed}\n{PASSWORD}\n"),
        "variable": lambda: vaultedge(
            "vault", "import", stdin=f"VAULTEDGE_VAULT={sealed}\n", environ=environ
        ),
    }[given]()

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("imported 1 of 2 keys")
    assert LocalVault(home).credentials() == KEYS


@pytest.mark.parametrize("command", ["import", "migrate"])
def test_a_string_comes_from_one_place(command: str, vaultedge: Any, home: Path, tmp_path: Path) -> None:
    """A vault string and --file together are a misuse, and neither is taken."""
    (tmp_path / "vault.txt").write_text(seal(KEYS, PASSWORD))
    both = vaultedge("vault", command, "-", "--file", str(tmp_path / "vault.txt"), stdin=f"{PASSWORD}\n")

    assert (both.status, both.out) == (2, "")
    assert not home.exists()


def test_migrate_changes_password_and_format(vaultedge: Any) -> None:
    """migrate seals the same keys anew: same password by default, another one, another format."""
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


def test_seal_and_open_are_each_others_reverse(vaultedge: Any) -> None:
    """seal turns a JSON array into a vault string alone, and open gives it back."""
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
def test_seal_refuses_what_is_no_list_of_keys(text: str, vaultedge: Any) -> None:
    """Anything but an array of provider and key is refused, and not repeated."""
    ran = vaultedge("vault", "seal", stdin=text, environ={"VAULTEDGE_PASSWORD": PASSWORD})

    assert (ran.status, ran.out) == (1, "")
    assert "CANARY" not in ran.err


def test_seal_needs_a_password(vaultedge: Any) -> None:
    """Where stdin holds the keys, a missing password is misuse, and the hint says where it can come from."""
    for environ in ({}, {"VAULTEDGE_PASSWORD": ""}):
        ran = vaultedge("vault", "seal", stdin="[]", environ=environ)

        assert (ran.status, ran.out) == (2, "")
        assert "VAULTEDGE_PASSWORD" in ran.err


def test_a_vault_that_does_not_open_gets_one_line_and_a_hint(vaultedge: Any) -> None:
    """A wrong password and a damaged string look the same, and neither shows a traceback."""
    sealed = seal(KEYS, PASSWORD)
    wrong = vaultedge("vault", "open", stdin=sealed, environ={"VAULTEDGE_PASSWORD": PASSWORD + "x"})
    damaged = vaultedge("vault", "open", stdin=sealed[:-8], environ={"VAULTEDGE_PASSWORD": PASSWORD})

    assert wrong == damaged
    assert (wrong.status, wrong.out, wrong.err.count("\n")) == (1, "", 2)


def test_a_password_in_another_unicode_form_opens_and_says_so(vaultedge: Any) -> None:
    """A password whose letters were composed differently still opens a v1 vault, which is said aloud."""
    composed, decomposed = "Gr\u00fc\u00dfe an alle", "Gru\u0308\u00dfe an alle"

    for sealing, opening, form in ((composed, decomposed, "NFC"), (decomposed, composed, "NFD")):
        sealed = seal(KEYS, sealing)
        ran = vaultedge("vault", "open", stdin=sealed, environ={"VAULTEDGE_PASSWORD": opening})

        assert ran.status == 0
        assert form in ran.err
        assert sealing not in ran.err


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_typed_password_is_asked_for_twice(filled: LocalVault, on_a_terminal: Any) -> None:
    """export asks twice and refuses two different answers; an empty one makes a password."""
    first = "password for the vault string"
    same = [(first, f"{PASSWORD}\n"), ("once more", f"{PASSWORD}\n")]
    status, shown = on_a_terminal("vault", "export", answers=same)
    assert status == 0
    assert (
        unseal(shown.strip().splitlines()[-1].removeprefix("VAULTEDGE_VAULT="), PASSWORD)
        == filled.credentials()
    )

    differing = [(first, f"{PASSWORD}\n"), ("once more", "something else\n")]
    assert on_a_terminal("vault", "export", answers=differing)[0] == 1

    status, shown = on_a_terminal("vault", "export", answers=[(first, "\n")])
    assert status == 0
    assert unseal(shown.strip().splitlines()[-1].removeprefix("VAULTEDGE_VAULT="), generated(shown)) == KEYS


def test_opening_needs_a_password(vaultedge: Any) -> None:
    """A vault string alone on stdin is misuse; an empty password counts where it was given."""
    sealed = seal(KEYS, "")
    missing = vaultedge("vault", "open", stdin=sealed)
    assert (missing.status, missing.out) == (2, "")
    assert "VAULTEDGE_PASSWORD" in missing.err

    for given in ({"VAULTEDGE_PASSWORD": ""}, {}):
        argv = () if given else ("--password", "-")
        assert vaultedge("vault", "open", *argv, stdin=f"{sealed}\n\n", environ=given).status == 0
