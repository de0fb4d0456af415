"""Both ways with VaultEdge's own Python package, where it can be installed (it needs Python 3.12)."""

from __future__ import annotations

import pytest

from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal, unseal

theirs = pytest.importorskip("vaultedge.vault", reason="vaultedge needs Python 3.12; the vectors stand in")

CASES = [
    ("correct horse battery staple", [("OpenAI", "test-openai-key-0001")]),
    ("Grüße-Ångström-é-測試-🔐", [("Gemini", "test-ключ-é-😀"), ("Groq", 'quote" back\\slash \u2028 nul\0')]),
    ("", []),
    ("one thousand entries", [("OpenAI", f"test-key-{number:04}") for number in range(1_000)]),
]


@pytest.mark.parametrize(("password", "keys"), CASES, ids=["one", "unicode", "empty", "thousand"])
def test_vaultedge_opens_what_is_sealed_here(password: str, keys: list[tuple[str, str]]) -> None:
    """A v1 string made here opens in VaultEdge, key for key."""
    sealed = seal([Credential(provider, key) for provider, key in keys], password)

    assert [(entry.provider, entry.key) for entry in theirs.decrypt_vault(sealed, password)] == keys


@pytest.mark.parametrize(("password", "keys"), CASES, ids=["one", "unicode", "empty", "thousand"])
def test_what_vaultedge_seals_opens_here(password: str, keys: list[tuple[str, str]]) -> None:
    """A string made by VaultEdge opens here, key for key."""
    sealed = theirs.encrypt_vault([theirs.VaultEntry(provider, key) for provider, key in keys], password)

    assert [(each.provider, each.key) for each in unseal(sealed, password)] == keys
