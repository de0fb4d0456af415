"""Vault strings of Chromium in Python, ours and VaultEdge's own, and theirs in Chromium."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import ROOT
from tests.console.vaults import KEYS, PASSWORD, Opened, add, call, modules, open_string
from vaultcore.errors import VaultError
from vaultcore.vault import kdf, plaintext, sealed, sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.password import generate, weakness

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PEER = ROOT / "build/peer-venv/bin/python"
# What VaultEdge's own package does with a list of jobs on stdin; no secret is in an argument.
THEIRS = """
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
        "Grüße-Ångström-é-e\u0301-測試-🔐",  # composed and not: taken as it is, by both
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
def theirs() -> Any:
    """VaultEdge's own Python package, in a process of a Python that it runs on."""
    if not PEER.exists():
        pytest.skip("no Python 3.12 with the package vaultedge: make build/peer-venv/.installed")

    def run(*jobs: dict[str, Any]) -> Any:
        ran = subprocess.run(
            [PEER, "-W", "error", "-c", THEIRS],
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(ran.stdout)

    return run


def test_vaultedge_opens_what_chromium_seals(page: Page, theirs: Any) -> None:
    """VaultEdge's own package opens v1 strings of the page, key for key, and none with another password."""
    made = [call(page, "sealed", "seal", keys, password) for password, keys in EXCHANGED]
    jobs = zip(made, EXCHANGED, strict=True)
    told = theirs(*({"vault": vault, "password": password} for vault, (password, _) in jobs))

    assert told == [keys for _, keys in EXCHANGED]
    assert theirs(*({"vault": vault, "password": "another"} for vault in made)) == ["refused"] * len(made)


def test_chromium_opens_what_vaultedge_seals(page: Page, theirs: Any) -> None:
    """The page opens what VaultEdge's own package seals, key for key, and not with another password."""
    made = theirs(*({"keys": keys, "password": password} for password, keys in EXCHANGED))

    for vault, (password, keys) in zip(made, EXCHANGED, strict=True):
        opened = call(page, "sealed", "open", vault, password)
        assert opened == {"keys": keys, "password": password, "version": 1}
        assert "does not open" in call(page, "sealed", "open", vault, f"{password}.")["refused"]


def test_a_person_takes_a_vault_of_vaultedge_and_gives_one_back(opened: Opened, theirs: Any) -> None:
    """In the page itself: their string is pasted and opens, gets a key, and theirs opens what is copied."""
    password, keys = EXCHANGED[1]
    [vault] = theirs({"keys": keys, "password": password})
    page = opened("vault", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(page, vault, "another password")
    page.get_by_role("alert").get_by_text("does not open").wait_for()
    open_string(page, vault, password)
    page.get_by_text("Change what you like").wait_for()
    add(page, "Mistral", "ключ-🔑-two")
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("button", name="Copy string").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")

    [back] = theirs({"vault": copied, "password": password})
    assert back == [*keys, {"provider": "Mistral", "key": "ключ-🔑-two"}]


def test_strings_of_other_makers(page: Page) -> None:
    """Every string that must open for ever opens here with the same keys, and what must not open does not."""
    vectors = json.loads((ROOT / "tests/vectors/vault.json").read_text())
    for each in vectors["opens"]:
        if "argon2id" in each["id"] or "scrypt" in each["id"]:
            continue
        assert call(page, "sealed", "open", each["vault"], each["password"])["keys"] == each["entries"], each[
            "id"
        ]
    for each in [*vectors["refused"], *(each for each in vectors["spellings"] if not each["opens"])]:
        assert "refused" in call(page, "sealed", "open", each["vault"], each["password"]), each["id"]


def test_damaged_strings_are_refused(page: Page) -> None:
    """A string with any part changed, cut or spelled otherwise opens neither in Python nor in the page."""
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
            assert "refused" in call(page, "sealed", "open", broken, PASSWORD)


@pytest.mark.parametrize("name", ["scrypt", "argon2id"])
def test_a_kdf_that_browsers_lack_is_named(name: str, opened: Opened) -> None:
    """A v2 string that no browser can open says why, and with what it opens."""
    page = opened("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    header = bytes([kdf.BY_NAME[name].code]) + kdf.BY_NAME[name].default.pack()
    open_string(page, "VE_VAULT_v2_" + b64encode(header + bytes(120)).decode(), PASSWORD)
    page.get_by_role("alert").get_by_text(f"uses {name}").wait_for()


def test_plaintexts_are_read_as_python_reads_them(page: Page) -> None:
    """Both readers take and refuse the same decrypted bytes, and both writers write the same bytes."""
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
    written = call(
        page, "plaintext", "render", [{"provider": each.provider, "key": each.key} for each in odd]
    )
    assert bytes(written) == plaintext.render(odd)


def test_passwords_are_judged_as_python_judges_them(page: Page) -> None:
    """The page and the command line call the same passwords weak; those made here are good."""
    made = [call(page, "password", "generate") for _ in range(20)]
    assert len(set(made)) == 20
    assert all(re.fullmatch(r"[2-9A-HJ-NP-Za-km-z]{6}(-[2-9A-HJ-NP-Za-km-z]{6}){3}", each) for each in made)
    typed = [
        "",
        "short",
        "aaaaaaaaaaaaaaa",
        "password1234",
        "P@ssw0rd-P@ssw0rd",
        "qwertzuiop123",
        "zyxwvutsrqponm",
        "lambda-lambda-2026",
    ]
    typed += [
        "correct horse battery",
        "abcdefghijkl",
        "monkeymonkey7",
        "\U0001f511" * 12,
        "ÄÖÜäöüß-straße",
        PASSWORD,
        generate(),
    ]
    judged = call(page, "password", "weakness", each=[*typed, *made])
    assert judged == [weakness(each) for each in [*typed, *made]]
