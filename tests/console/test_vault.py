"""The vault's page: what Chromium seals opens in Python and the other way round, and nothing leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import DESKTOP, PHONE, ROOT, House, shoot
from vaultcore.errors import VaultError
from vaultcore.vault import kdf, plaintext, sealed, sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.password import generate, weakness

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
VIEWS = ROOT / "vaultcore/console/views/vault"
KEYS = [
    Credential("openai", "sk-first-0123456789"),
    Credential("anthropic", 'sk-ant-"quoted"\\ünïcode-\U0001f511'),
    Credential("openai", "sk-second-987654321"),
]
PASSWORD = "Kaffee-mühle 7 Wolkenbrüche"
HOSTILE = "<img src=x onerror=violated('ran')>"


def test_a_vault_is_built_and_sealed(opened: Opened, house: House) -> None:
    """Keys are added, one is changed and one moved; under a password made here, Python opens the download."""
    page = opened("vault", key=house.admin)
    page.get_by_role("heading", name="Vault", level=1).wait_for()
    requests = _watched(page)
    seal = page.get_by_role("button", name="Seal the vault")
    assert seal.is_disabled()
    for key in ("sk-first-typo-0000", "sk-second-1111"):
        _add(page, "openai", key)
    _add(page, "groq", "gsk_third-2222")
    page.get_by_role("button", name="Change openai sk-f...0000").click()
    page.get_by_label("Key", exact=True).fill("sk-first-right-0000")
    page.get_by_role("button", name="Save key").click()
    page.get_by_role("button", name="Move groq gsk_...2222 up").click()
    page.get_by_role("button", name="Remove openai sk-s...1111").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    page.get_by_role("button", name="Generate").click()
    password = page.get_by_label("Password of the vault").input_value()
    seal.click()
    page.get_by_role("group", name="Sealed vault").wait_for()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()

    text = Path(coming.value.path()).read_text()
    assert coming.value.suggested_filename == "vault.txt"
    assert weakness(password) is None
    assert sealed.unseal(text, password) == [
        Credential("openai", "sk-first-right-0000"),
        Credential("groq", "gsk_third-2222"),
    ]
    page.get_by_role("button", name="Copy string").click()
    assert requests == []


@pytest.mark.parametrize("version", [1, 2])
def test_a_vault_is_opened_changed_and_sealed_anew(version: int, opened: Opened) -> None:
    """A string of Python's opens, is changed by keyboard, and goes back under its password."""
    given = [*KEYS, Credential(HOSTILE, "sk-hostile-0000")]
    text = (sealed if version == 1 else sealed_v2).seal(given, PASSWORD)
    page = opened("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    requests = _watched(page)
    _open(page, f"  {text}\r\n", "wrong")
    page.get_by_role("alert").get_by_text("does not open").wait_for()
    _open(page, f"  {text}\r\n", PASSWORD)
    page.get_by_text("Change what you like").wait_for()
    assert page.get_by_role("list", name="Keys in this vault").get_by_text(HOSTILE).is_visible()
    assert page.locator("#content img").count() == 0
    assert page.get_by_label("Use the stronger format, v2").is_checked() == (version == 2)

    page.get_by_label("Provider", exact=True).focus()
    page.keyboard.type("groq")
    page.keyboard.press("Tab")
    page.keyboard.type("gsk_new-one-12")
    page.keyboard.press("Enter")
    page.get_by_label("Password of the vault").press("Enter")
    resealed = page.get_by_role("region", name="vault string")
    resealed.wait_for()
    assert resealed.inner_text().startswith(f"VE_VAULT_v{version}_")
    assert sealed.unseal(resealed.inner_text(), PASSWORD) == [*given, Credential("groq", "gsk_new-one-12")]
    page.get_by_role("button", name="Move groq gsk_...e-12 up").click()
    assert resealed.count() == 0, "what was sealed is no longer what is shown"
    assert requests == []


def test_strings_of_other_makers(opened: Opened) -> None:
    """Every string that must open for ever opens here with the same keys, and what must not open does not."""
    page = opened("vault")
    vectors = json.loads((ROOT / "tests/vectors/vault.json").read_text())
    for each in vectors["opens"]:
        if "argon2id" in each["id"] or "scrypt" in each["id"]:
            continue
        assert _call(page, "sealed", "open", each["vault"], each["password"])["keys"] == each["entries"], (
            each["id"]
        )
    for each in [*vectors["refused"], *(each for each in vectors["spellings"] if not each["opens"])]:
        assert "refused" in _call(page, "sealed", "open", each["vault"], each["password"]), each["id"]


def test_damaged_strings_are_refused(opened: Opened) -> None:
    """A string with any part changed, cut or spelled otherwise opens neither in Python nor in the page."""
    page = opened("vault")
    for text in (sealed.seal(KEYS, PASSWORD), sealed_v2.seal(KEYS, PASSWORD)):
        parts = [
            text[:-8],
            text + "AAAA",
            text[:200] + "\n" + text[200:],
            text.replace("v1", "v3").replace("v2", "v4"),
        ]
        parts += [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in (13, 40, 90, 200)]
        parts += [text[:12].replace("v1", "v2") + text[12:] if "v1" in text else text.replace("v2", "v1")]
        for broken in parts:
            with pytest.raises(VaultError):
                sealed.unseal(broken, PASSWORD)
            assert "refused" in _call(page, "sealed", "open", broken, PASSWORD)


@pytest.mark.parametrize("name", ["scrypt", "argon2id"])
def test_a_kdf_that_browsers_lack_is_named(name: str, opened: Opened) -> None:
    """A v2 string that no browser can open says why, and with what it opens."""
    page = opened("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    header = bytes([kdf.BY_NAME[name].code]) + kdf.BY_NAME[name].default.pack()
    _open(page, _call(page, "armor", "wrap", "VE_VAULT_v2_", header + bytes(120)), PASSWORD)
    page.get_by_role("alert").get_by_text(f"uses {name}").wait_for()


def test_plaintexts_are_read_as_python_reads_them(opened: Opened) -> None:
    """Both readers take and refuse the same decrypted bytes, and both writers write the same bytes."""
    page = opened("vault")
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
        assert _call(page, "plaintext", "parse", text) == expected, text[:80]
    odd = [Credential("a\x7f\x00\n\t'/", '\u2028\U0001f511ü\\"'), *KEYS]
    written = _call(
        page, "plaintext", "render", [{"provider": each.provider, "key": each.key} for each in odd]
    )
    assert bytes(written) == plaintext.render(odd)


def test_passwords_are_judged_as_python_judges_them(opened: Opened) -> None:
    """The page and the command line call the same passwords weak; those made here are good."""
    page = opened("vault")
    made = [_call(page, "password", "generate") for _ in range(20)]
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
    judged = _call(page, "password", "weakness", each=[*typed, *made])
    assert judged == [weakness(each) for each in [*typed, *made]]


def test_a_weak_password_needs_a_tick(opened: Opened) -> None:
    """Nothing is sealed under a password that can be guessed, unless that is ticked."""
    page = opened("vault")
    _add(page, "openai", "sk-0123456789")
    page.get_by_label("Password of the vault").fill("password1234")
    page.get_by_text("Weak: it is made of words").wait_for()
    assert page.get_by_role("button", name="Seal the vault").is_disabled()
    page.get_by_label("Seal with this weak password").check()
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()


def test_leaving_forgets_everything(opened: Opened, house: House) -> None:
    """Who leaves the page and comes back finds it empty; neither storage nor the document holds a secret."""
    page = opened("vault", key=house.admin)
    _add(page, "openai", "sk-0123456789-secret")
    page.get_by_label("Password of the vault").fill(PASSWORD)
    page.get_by_role("link", name="Docs").click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_text("No keys yet").wait_for()
    assert page.get_by_label("Password of the vault").input_value() == ""
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}]) + document.documentElement.outerHTML"
    )
    assert "sk-0123" not in kept
    assert PASSWORD not in kept


def test_an_address_without_webcrypto_is_told(opened: Opened) -> None:
    """Where the browser does not compute with keys, the page says where it does and offers no form."""
    page = opened("docs")
    page.evaluate("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_text("only on localhost and over HTTPS").wait_for()
    assert page.locator("form").count() == 0


def test_the_suggested_providers_are_the_catalogs() -> None:
    """The page suggests every provider of the catalog, and asks nobody for them."""
    catalog = json.loads((ROOT / "vaultcore/catalog/providers.json").read_text())
    listed = re.search(r"`(.*)`", (VIEWS / "providers.js").read_text(), re.DOTALL)
    assert listed
    assert listed[1].split() == sorted(catalog["providers"])


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_of_the_vault(theme: str, size: tuple[int, int], opened: Opened) -> None:
    """The empty page, a sealed vault and the form that opens one fit the screen in both themes."""
    page = opened("vault", theme=theme, size=size)
    page.get_by_text("No keys yet").wait_for()
    shoot(page, "vault-empty")
    for key in KEYS:
        _add(page, key.provider, key.key)
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    _open(page, "VE_VAULT_v1_AAAA", PASSWORD, replace=True)
    page.get_by_role("alert").wait_for()
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "vault-open")


def _add(page: Page, provider: str, key: str) -> None:
    page.get_by_label("Provider", exact=True).fill(provider)
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Add key").click()


def _open(page: Page, text: str, password: str, *, replace: bool = False) -> None:
    page.get_by_label("Vault string", exact=True).fill(text)
    page.get_by_label("Its password").fill(password)
    page.get_by_role("button", name="Open", exact=True).click()
    if replace:
        page.get_by_role("dialog").get_by_role("button", name="Replace them").click()


def _watched(page: Page) -> Sequence[str]:
    """What the page asks of any server from now on; a download is made of its own memory."""
    asked: list[str] = []
    page.on("request", lambda request: None if request.url.startswith("blob:") else asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    return asked


def _call(page: Page, module: str, name: str, *arguments: Any, each: Sequence[str] | None = None) -> Any:
    """What a function of one of the page's modules returns; bytes go in as such and come out as numbers."""
    return page.evaluate(
        """async ([module, name, given, each]) => {
            const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
            const made = (value) => value?.latin1 === undefined ? value : bytes(value.latin1);
            const run = (await import(`${location.pathname}views/vault/${module}.js`))[name];
            if (each) return each.map((one) => run(one));
            try {
                const answer = await run(...given.map(made));
                return answer instanceof Uint8Array ? [...answer] : answer;
            } catch (error) {
                return { refused: error.message };
            }
        }""",
        [module, name, [_sent(each) for each in arguments], each],
    )


def _sent(value: Any) -> Any:
    return {"latin1": value.decode("latin-1")} if isinstance(value, bytes) else value
