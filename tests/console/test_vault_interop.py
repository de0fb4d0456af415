"""Vault strings exchanged between Chromium, Python and the original VaultEdge's package."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import ROOT
from tests.console.vault_page import KEYS, PASSWORD, OpenPage, add_key, call, modules, open_string
from vaultcore.errors import VaultError
from vaultcore.vault import kdf, plaintext, sealed, sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.password import generate, weakness

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PEER = ROOT / "build/peer-venv/bin/python"
# Runs jobs from stdin with the original VaultEdge's package; no secret is in an argument.
ORIGINAL = """
import json, sys
from vaultedge import VaultEntry, decrypt_vault, encrypt_vault

def done(job):
    if "keys" in job:
        return encrypt_vault([VaultEntry(**each) for each in job["keys"]], job["password"])
    try:
        return [vars(each) for each in decrypt_vault(job["vault"], job["password"])]
    except ValueError:
        return "refused"

json.dump([done(job) for job in json.load(sys.stdin)], sys.stdout)
"""
EXCHANGED = [
    (PASSWORD, [{"provider": each.provider, "key": each.key} for each in KEYS]),
    (
        "Grüße-Ångström-é-e\u0301-測試-🔐",  # composed and decomposed: both use it unchanged
        [
            {"provider": "Gemini", "key": "ключ-é-😀"},
            {"provider": "Groq", "key": 'q" b\\ \u2028 \0 </script>'},
        ],
    ),
    ("", []),
    ("two hundred of one provider", [{"provider": "OpenAI", "key": f"sk-{at:04}"} for at in range(200)]),
]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    with modules(chromium) as page:
        yield page


@pytest.fixture
def original() -> Any:
    """Runs the original VaultEdge's Python package in a process of its own."""
    if not PEER.exists():
        pytest.skip("no Python 3.12 with the package vaultedge: make build/peer-venv/.installed")

    def run(*jobs: dict[str, Any]) -> Any:
        process = subprocess.run(
            [PEER, "-W", "error", "-c", ORIGINAL],
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(process.stdout)

    return run


def test_the_original_opens_strings_of_chromium(page: Page, original: Any) -> None:
    """The original VaultEdge's package opens v1 strings of the page, and none with another password."""
    strings = [call(page, "vault-string", "seal", keys, password) for password, keys in EXCHANGED]
    jobs = zip(strings, EXCHANGED, strict=True)
    results = original(*({"vault": vault, "password": password} for vault, (password, _) in jobs))

    assert results == [keys for _, keys in EXCHANGED]
    assert original(*({"vault": vault, "password": "another"} for vault in strings)) == ["refused"] * len(
        strings
    )


def test_chromium_opens_strings_of_the_original(page: Page, original: Any) -> None:
    """The page opens strings of the original VaultEdge's package, and none with another password."""
    strings = original(*({"keys": keys, "password": password} for password, keys in EXCHANGED))

    for vault, (password, keys) in zip(strings, EXCHANGED, strict=True):
        contents = call(page, "vault-string", "open", vault, password)
        assert contents == {"keys": keys, "password": password, "version": 1}
        assert "Cannot open the vault" in call(page, "vault-string", "open", vault, f"{password}.")["refused"]


def test_a_string_of_the_original_is_edited_in_the_page(open_page: OpenPage, original: Any) -> None:
    """A string of the original is opened in the page, extended, and opened by the original again."""
    password, keys = EXCHANGED[1]
    [vault] = original({"keys": keys, "password": password})
    page = open_page("vault", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(page, vault, "another password")
    page.get_by_role("alert").get_by_text("Cannot open the vault").wait_for()
    open_string(page, vault, password)
    page.get_by_text("Vault opened.").wait_for()
    add_key(page, "Mistral", "ключ-🔑-two")
    page.get_by_role("button", name="Seal vault").click()
    page.get_by_role("button", name="Copy string").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")

    [back] = original({"vault": copied, "password": password})
    assert back == [*keys, {"provider": "Mistral", "key": "ключ-🔑-two"}]


def test_the_published_vectors(page: Page) -> None:
    """Every published vector opens with the same keys, and the invalid ones do not open."""
    vectors = json.loads((ROOT / "tests/vectors/vault.json").read_text())
    for each in vectors["opens"]:
        if "argon2id" in each["id"] or "scrypt" in each["id"]:
            continue
        assert (
            call(page, "vault-string", "open", each["vault"], each["password"])["keys"] == each["entries"]
        ), each["id"]
    for each in [*vectors["refused"], *(each for each in vectors["spellings"] if not each["opens"])]:
        assert "refused" in call(page, "vault-string", "open", each["vault"], each["password"]), each["id"]


def test_damaged_strings_are_rejected(page: Page) -> None:
    """A changed, truncated or non-canonical string opens neither in Python nor in the page."""
    for text in (sealed.seal(KEYS, PASSWORD), sealed_v2.seal(KEYS, PASSWORD)):
        parts = [
            text[:-8],
            text + "AAAA",
            text[:200] + "\n" + text[200:],
            "VE_VAULT_v3_" + text[12:],
            ("VE_VAULT_v2_" if text.startswith("VE_VAULT_v1_") else "VE_VAULT_v1_") + text[12:],
        ]
        parts += [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in (13, 40, 90, 200)]
        for broken in parts:
            with pytest.raises(VaultError):
                sealed.unseal(broken, PASSWORD)
            assert "refused" in call(page, "vault-string", "open", broken, PASSWORD)


@pytest.mark.parametrize("name", ["scrypt", "argon2id"])
def test_an_unsupported_kdf_is_named(name: str, open_page: OpenPage) -> None:
    """A v2 string with a KDF that browsers lack names the KDF and the command that opens it."""
    page = open_page("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    header = bytes([kdf.BY_NAME[name].code]) + kdf.BY_NAME[name].default.pack()
    open_string(page, "VE_VAULT_v2_" + b64encode(header + bytes(120)).decode(), PASSWORD)
    page.get_by_role("alert").get_by_text(f"uses {name}").wait_for()


def test_plaintexts_are_parsed_like_python(page: Page) -> None:
    """Both parsers accept and reject the same bytes, and both writers produce the same bytes."""
    deep = '{"provider":"a","key":"b","x":' + "[" * 30 + "]" * 30 + "}"
    texts: list[bytes] = [
        b"[]",
        b"{}",
        b"null",
        b"",
        b"[1]",
        b"[null]",
        b"[[]]",
        b'[{"provider":"a"}]',
        b'[{"provider":1,"key":"b"}]',
        b'[{"provider":"a","key":"b","more":{"key":"c"}}]',
        b'[{"provider":"a","key":"b","key":"b"}]',
        b'[{"provider":"a","key":"b","\\u006bey":"b"}]',
        b'[{"provider":"a","key":"b","x":NaN}]',
        b"\xef\xbb\xbf[]",
        b'[{"provider":"a","key":"\\ud83d"}]',
        b'[{"provider":"a","key":"\\ud83d\\udd11"}]',
        b'[{"provider":"a","key":"\xff"}]',
        b'[{"provider":"\xc3\xbc","key":"{[\\"]}:"}]',
        f"[{deep}]".encode(),
        f"[[{deep}]]".encode(),
        f"[{deep.replace('[]', '[[[]]]')}]".encode(),
        b'[{"provider":"a","key":"' + b"k" * (1 << 20) + b'"}]',
    ]
    for text in texts:
        ours = plaintext.parse(text)
        expected = None if ours is None else [{"provider": each.provider, "key": each.key} for each in ours]
        assert call(page, "plaintext", "parse", text) == expected, text[:80]
    odd = [Credential("a\x7f\x00\n\t'/", '\u2028\U0001f511ü\\"'), *KEYS]
    rendered = call(
        page, "plaintext", "render", [{"provider": each.provider, "key": each.key} for each in odd]
    )
    assert bytes(rendered) == plaintext.render(odd)


def test_passwords_are_rated_like_python(page: Page) -> None:
    """The page and the CLI rate the same passwords as weak; generated ones are strong."""
    generated = [call(page, "password", "generate") for _ in range(20)]
    assert len(set(generated)) == 20
    assert all(
        re.fullmatch(r"[2-9A-HJ-NP-Za-km-z]{6}(-[2-9A-HJ-NP-Za-km-z]{6}){3}", each) for each in generated
    )
    samples = [
        "",
        "short",
        "aaaaaaaaaaaaaaa",
        "password1234",
        "P@ssw0rd-P@ssw0rd",
        "qwertzuiop123",
        "zyxwvutsrqponm",
        "lambda-lambda-2026",
    ]
    samples += [
        "correct horse battery",
        "abcdefghijkl",
        "monkeymonkey7",
        "\U0001f511" * 12,
        "ÄÖÜäöüß-straße",
        PASSWORD,
        generate(),
    ]
    rated = call(page, "password", "weakness", each=[*samples, *generated])
    assert rated == [weakness(each) for each in [*samples, *generated]]
