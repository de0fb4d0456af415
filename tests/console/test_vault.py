"""The vault's page as a person uses it: keys added, changed and moved, sealed, opened and sealed anew."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.console.conftest import ROOT, House
from tests.console.vaults import KEYS, PASSWORD, VIEWS, Opened, add, open_string
from vaultcore.vault import sealed, sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.password import weakness

HOSTILE = "<img src=x onerror=violated('ran')>"


def test_a_vault_is_built_and_sealed(opened: Opened, house: House) -> None:
    """Keys are added, one is changed and one moved; under a password made here, Python opens the download."""
    page = opened("vault", key=house.admin)
    page.get_by_role("heading", name="Vault", level=1).wait_for()
    seal = page.get_by_role("button", name="Seal the vault")
    assert seal.is_disabled()
    for key in ("sk-first-typo-0000", "sk-second-1111"):
        add(page, "openai", key)
    add(page, "groq", "gsk_third-2222")
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
        page.get_by_role("button", name="Download", exact=True).click()

    text = Path(coming.value.path()).read_text()
    assert coming.value.suggested_filename == "vault.txt"
    assert weakness(password) is None
    assert sealed.unseal(text, password) == [
        Credential("openai", "sk-first-right-0000"),
        Credential("groq", "gsk_third-2222"),
    ]
    page.get_by_role("button", name="Copy string").click()


@pytest.mark.parametrize("version", [1, 2])
def test_a_vault_is_opened_changed_and_sealed_anew(version: int, opened: Opened) -> None:
    """A string of Python's opens, is changed by keyboard, and goes back under its password."""
    given = [*KEYS, Credential(HOSTILE, "sk-hostile-0000")]
    text = (sealed if version == 1 else sealed_v2).seal(given, PASSWORD)
    page = opened("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(page, f"  {text}\r\n", "wrong")
    page.get_by_role("alert").get_by_text("does not open").wait_for()
    open_string(page, f"  {text}\r\n", PASSWORD)
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


def test_a_weak_password_needs_a_tick(opened: Opened) -> None:
    """Nothing is sealed under a password that can be guessed, unless that is ticked."""
    page = opened("vault")
    add(page, "openai", "sk-0123456789")
    page.get_by_label("Password of the vault").fill("password1234")
    page.get_by_text("Weak: it is made of words").wait_for()
    assert page.get_by_role("button", name="Seal the vault").is_disabled()
    page.get_by_label("Seal with this weak password").check()
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()


def test_a_key_that_is_typed_is_not_left_out(opened: Opened) -> None:
    """Nothing is sealed while the form holds a key that is not in the list; tabs keep it."""
    page = opened("vault")
    add(page, "openai", "sk-0123456789")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("Strong: 139 bits").wait_for()
    seal = page.get_by_role("button", name="Seal the vault")
    assert seal.is_enabled()
    page.get_by_label("Provider", exact=True).fill("groq")
    page.get_by_label("Key", exact=True).fill("gsk_0123456789")
    page.get_by_text("add it first").wait_for()
    assert seal.is_disabled()
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    page.get_by_role("tab", name="Build a vault", exact=True).click()
    page.get_by_role("button", name="Add key").click()
    assert page.get_by_role("list", name="Keys in this vault").get_by_role("listitem").count() == 2
    assert seal.is_enabled()


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
