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
    """init and add-key lead to a vault that holds the key, and show no more of it than its mask."""
    assert vaultedge("vault", "init").status == 0
    added = vaultedge("vault", "add-key", "--provider", "openai", "--key", "-", stdin=f"{KEY}\n")

    [entry] = LocalVault(home).entries()
    assert (added.status, added.err) == (0, "")
    assert added.out == f"added OpenAI key sk-t...0001 (id: {entry.id})\n"
    assert LocalVault(home).credentials() == [Credential("OpenAI", KEY)]


def test_init_overwrites_nothing(vaultedge: Any, filled: LocalVault) -> None:
    """A second init is refused, and the keys are still there."""
    again = vaultedge("vault", "init")

    assert again.status == 1
    assert again.err.startswith("vaultedge: there is a vault in ")
    assert filled.credentials() == KEYS


def test_a_key_on_the_command_line_is_taken_with_a_warning(vaultedge: Any, home: Path) -> None:
    """--key VALUE works, as VaultEdge's documents say, and one line on stderr says why not to."""
    ran = vaultedge("vault", "add-key", "-p", "groq", "-k", KEY)

    assert ran.status == 0
    assert len([line for line in ran.err.splitlines() if "--key" in line]) == 1
    assert KEY not in ran.out + ran.err
    assert LocalVault(home).credentials() == [Credential("Groq", KEY)]


def test_a_key_can_be_piped(vaultedge: Any, home: Path) -> None:
    """Without --key and without anybody to ask, the key is the first line of stdin."""
    assert vaultedge("vault", "add-key", "--provider", "openai", stdin=f" {KEY} \r\n").status == 0

    assert LocalVault(home).credentials() == [Credential("OpenAI", KEY)]


@pytest.mark.parametrize("key", ["", "\n", "   \n", "sk-\x00bad\n", "sk-\x1b[0m\n"])
def test_a_key_that_cannot_be_one_is_refused(key: str, vaultedge: Any, home: Path) -> None:
    """An empty key, or one with control characters in it, is not kept."""
    assert vaultedge("vault", "add-key", "--provider", "openai", stdin=key).status == 1
    assert not home.exists()


def test_an_unknown_provider_is_said_so(vaultedge: Any, home: Path) -> None:
    """A provider that is not in the catalog is taken, and the one that was probably meant is named."""
    ran = vaultedge("vault", "add-key", "--provider", "groqq", stdin=KEY)

    assert ran.status == 0
    assert "no provider in the catalog is called groqq" in ran.err
    assert "perhaps groq" in ran.err
    assert LocalVault(home).entries()[0].provider == "groqq"


def test_the_list_shows_masks(vaultedge: Any, filled: LocalVault) -> None:
    """list shows providers, masks and ids, as text and as JSON, and no key."""
    ids = [entry.id for entry in filled.entries()]

    text, as_json = vaultedge("vault", "list"), vaultedge("vault", "list", "--json")

    assert [line.split()[0] for line in text.out.splitlines()] == ["OpenAI", "Groq"]
    assert [line.split()[-1] for line in text.out.splitlines()] == ids
    assert [(each["id"], each["masked_key"]) for each in json.loads(as_json.out)] == [
        (ids[0], "sk-t...0001"),
        (ids[1], "gsk_...0002"),
    ]
    assert "CANARY" not in text.out + as_json.out


def test_an_empty_list_says_how_to_fill_it(vaultedge: Any) -> None:
    """Without a vault list is empty, done, and helpful."""
    empty = vaultedge("vault", "list", "--json")

    assert (empty.status, empty.out, empty.err) == (0, "[]\n", "")
    assert "add-key" in vaultedge("vault", "list").err


def test_a_key_is_removed(vaultedge: Any, filled: LocalVault) -> None:
    """remove-key removes one key; an id that is not there is refused with a hint."""
    assert vaultedge("vault", "remove-key", filled.entries()[0].id).status == 0
    assert filled.credentials() == KEYS[1:]

    unknown = vaultedge("vault", "remove-key", "nothing")
    assert (unknown.status, unknown.out) == (1, "")
    assert unknown.err.splitlines()[1].startswith("vaultedge: hint: ")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_typed_key_does_not_show(home: Path, on_a_terminal: Any) -> None:
    """At a terminal the key is asked for, and what is typed is not echoed."""
    status, shown = on_a_terminal("vault", "add-key", "-p", "openai", answers=[("OpenAI key: ", f"{KEY}\n")])

    assert status == 0
    assert KEY not in shown
    assert LocalVault(home).credentials() == KEYS[:1]


@pytest.mark.parametrize(
    ("typed", "kept"), [("openai", "OpenAI"), ("GROQ", "Groq"), ("Gemini", "Gemini"), ("google", "gemini")]
)
def test_a_provider_is_kept_under_a_name_that_is_found_again(
    typed: str, kept: str, vaultedge: Any, home: Path
) -> None:
    """However a provider is typed, its key is kept under a name the catalog knows."""
    vaultedge("vault", "add-key", "--provider", typed, stdin=KEY)

    assert LocalVault(home).entries()[0].provider == kept
