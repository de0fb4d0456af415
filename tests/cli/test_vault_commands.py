"""`vaultedge vault`: init, add-key, list and remove-key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

KEY = "sk-test-CANARY-0001"
PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", KEY), Credential("Groq", "gsk_CANARY_0002")]


def test_a_first_key_in_two_commands(vaultedge: Any, home: Path) -> None:
    """init and add-key store the key and print only its mask."""
    assert vaultedge("vault", "init").status == 0
    added = vaultedge("vault", "add-key", "--provider", "openai", "--key", "-", stdin=f"{KEY}\n")

    [entry] = LocalVault(home).entries()
    assert (added.status, added.err) == (0, "")
    assert added.out == f"added OpenAI key sk-t...0001 (id: {entry.id})\n"
    assert LocalVault(home).credentials() == [Credential("OpenAI", KEY)]


def test_init_overwrites_nothing(vaultedge: Any, filled_vault: LocalVault) -> None:
    """A second init fails, and the keys are kept."""
    again = vaultedge("vault", "init")

    assert again.status == 1
    assert again.err.startswith("vaultedge: there is already a vault in ")
    assert filled_vault.credentials() == KEYS


def test_a_key_on_the_command_line_gives_a_warning(vaultedge: Any, home: Path) -> None:
    """--key VALUE works, as in the original VaultEdge (TypeScript), with one warning on stderr."""
    result = vaultedge("vault", "add-key", "-p", "groq", "-k", KEY)

    assert result.status == 0
    assert len([line for line in result.err.splitlines() if "--key" in line]) == 1
    assert KEY not in result.out + result.err
    assert LocalVault(home).credentials() == [Credential("Groq", KEY)]


def test_a_key_can_be_piped(vaultedge: Any, home: Path) -> None:
    """Without --key and a terminal, the key is the first line of stdin."""
    assert vaultedge("vault", "add-key", "--provider", "openai", stdin=f" {KEY} \r\n").status == 0

    assert LocalVault(home).credentials() == [Credential("OpenAI", KEY)]


@pytest.mark.parametrize("key", ["", "\n", "   \n", "sk-\x00bad\n", "sk-\x1b[0m\n"])
def test_an_invalid_key_fails(key: str, vaultedge: Any, home: Path) -> None:
    """An empty key or one with control characters is not stored."""
    assert vaultedge("vault", "add-key", "--provider", "openai", stdin=key).status == 1
    assert not home.exists()


def test_an_unknown_provider_gives_a_warning(vaultedge: Any, home: Path) -> None:
    """A provider that is not in the catalog is stored, with a warning and a suggestion."""
    result = vaultedge("vault", "add-key", "--provider", "groqq", stdin=KEY)

    assert result.status == 0
    assert "the catalog has no provider called groqq" in result.err
    assert "did you mean groq" in result.err
    assert LocalVault(home).entries()[0].provider == "groqq"


def test_the_list_shows_masks(vaultedge: Any, filled_vault: LocalVault) -> None:
    """list prints providers, masks and ids, as text and as JSON, and no key."""
    ids = [entry.id for entry in filled_vault.entries()]

    text, as_json = vaultedge("vault", "list"), vaultedge("vault", "list", "--json")

    assert [line.split()[0] for line in text.out.splitlines()] == ["OpenAI", "Groq"]
    assert [line.split()[-1] for line in text.out.splitlines()] == ids
    assert [(each["id"], each["masked_key"]) for each in json.loads(as_json.out)] == [
        (ids[0], "sk-t...0001"),
        (ids[1], "gsk_...0002"),
    ]
    assert "CANARY" not in text.out + as_json.out


def test_an_empty_list_says_how_to_fill_it(vaultedge: Any) -> None:
    """Without a vault, list is empty and exits with 0 and a hint."""
    empty = vaultedge("vault", "list", "--json")

    assert (empty.status, empty.out, empty.err) == (0, "[]\n", "")
    assert "add-key" in vaultedge("vault", "list").err


def test_a_key_is_removed(vaultedge: Any, filled_vault: LocalVault) -> None:
    """remove-key removes one key; an unknown id fails with a hint."""
    assert vaultedge("vault", "remove-key", filled_vault.entries()[0].id).status == 0
    assert filled_vault.credentials() == KEYS[1:]

    unknown = vaultedge("vault", "remove-key", "nothing")
    assert (unknown.status, unknown.out) == (1, "")
    assert unknown.err.splitlines()[1].startswith("vaultedge: hint: ")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_typed_key_is_not_echoed(home: Path, run_in_terminal: Any) -> None:
    """On a terminal the key is prompted for and not echoed."""
    status, output = run_in_terminal(
        "vault", "add-key", "-p", "openai", answers=[("OpenAI key: ", f"{KEY}\n")]
    )

    assert status == 0
    assert KEY not in output
    assert LocalVault(home).credentials() == KEYS[:1]


@pytest.mark.parametrize(
    ("typed", "stored"), [("openai", "OpenAI"), ("GROQ", "Groq"), ("Gemini", "Gemini"), ("google", "gemini")]
)
def test_provider_names_are_normalized(typed: str, stored: str, vaultedge: Any, home: Path) -> None:
    """However a provider is typed, its key is stored under a name that the catalog knows."""
    vaultedge("vault", "add-key", "--provider", typed, stdin=KEY)

    assert LocalVault(home).entries()[0].provider == stored
