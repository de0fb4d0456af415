"""Compatibility with the Python package of the original VaultEdge, if it is installed (needs Python 3.12)."""

from __future__ import annotations

import pytest

from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal, unseal

original = pytest.importorskip("vaultedge.vault", reason="vaultedge needs Python 3.12; the vectors stand in")

CASES = [
    ("correct horse battery staple", [("OpenAI", "test-openai-key-0001")]),
    ("Grüße-Ångström-é-測試-🔐", [("Gemini", "test-ключ-é-😀"), ("Groq", 'quote" back\\slash \u2028 nul\0')]),
    ("", []),
    ("one thousand entries", [("OpenAI", f"test-key-{number:04}") for number in range(1_000)]),
]


@pytest.mark.parametrize(("password", "keys"), CASES, ids=["one", "unicode", "empty", "thousand"])
def test_the_original_opens_our_v1_strings(password: str, keys: list[tuple[str, str]]) -> None:
    """The original VaultEdge opens a v1 string of this gateway, with equal keys."""
    sealed = seal([Credential(provider, key) for provider, key in keys], password)

    assert [(entry.provider, entry.key) for entry in original.decrypt_vault(sealed, password)] == keys


@pytest.mark.parametrize(("password", "keys"), CASES, ids=["one", "unicode", "empty", "thousand"])
def test_strings_of_the_original_open(password: str, keys: list[tuple[str, str]]) -> None:
    """This gateway opens a string of the original VaultEdge, with equal keys."""
    sealed = original.encrypt_vault([original.VaultEntry(provider, key) for provider, key in keys], password)

    assert [(each.provider, each.key) for each in unseal(sealed, password)] == keys
