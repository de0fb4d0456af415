"""The vault page: adding, editing and ordering keys, sealing and opening."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.console.conftest import ROOT, Gateway
from tests.console.vault_page import KEYS, PASSWORD, VIEWS, OpenPage, add_key, open_string
from vaultcore.vault import sealed, sealed_v2
from vaultcore.vault.keyring import Credential
from vaultcore.vault.password import weakness

HOSTILE = "<img src=x onerror=violated('ran')>"


def test_a_vault_is_built_and_sealed(open_page: OpenPage, gateway: Gateway) -> None:
    """Keys are added, edited and moved; Python opens the download with the generated password."""
    page = open_page("vault", key=gateway.admin)
    page.get_by_role("heading", name="Vault", level=1).wait_for()
    seal = page.get_by_role("button", name="Seal vault")
    assert seal.is_disabled()
    for key in ("sk-first-typo-0000", "sk-second-1111"):
        add_key(page, "openai", key)
    add_key(page, "groq", "gsk_third-2222")
    page.get_by_role("button", name="Edit openai sk-f...0000").click()
    page.get_by_label("Key", exact=True).fill("sk-first-right-0000")
    page.get_by_role("button", name="Save key").click()
    page.get_by_role("button", name="Move groq gsk_...2222 up").click()
    page.get_by_role("button", name="Remove openai sk-s...1111").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    page.get_by_role("button", name="Generate").click()
    password = page.get_by_label("Vault password").input_value()
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
def test_a_vault_is_opened_edited_and_resealed(version: int, open_page: OpenPage) -> None:
    """A string from Python opens, is edited by keyboard, and is sealed with its password."""
    credentials = [*KEYS, Credential(HOSTILE, "sk-hostile-0000")]
    text = (sealed if version == 1 else sealed_v2).seal(credentials, PASSWORD)
    page = open_page("vault")
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(page, f"  {text}\r\n", "wrong")
    page.get_by_role("alert").get_by_text("Cannot open the vault").wait_for()
    open_string(page, f"  {text}\r\n", PASSWORD)
    page.get_by_text("Vault opened.").wait_for()
    assert page.get_by_role("list", name="Keys in this vault").get_by_text(HOSTILE).is_visible()
    assert page.locator("#content img").count() == 0
    assert page.get_by_label("Use format v2 (stronger)").is_checked() == (version == 2)

    page.get_by_label("Provider", exact=True).focus()
    page.keyboard.type("groq")
    page.keyboard.press("Tab")
    page.keyboard.type("gsk_new-one-12")
    page.keyboard.press("Enter")
    page.get_by_label("Vault password").press("Enter")
    resealed = page.get_by_role("region", name="vault string")
    resealed.wait_for()
    assert resealed.inner_text().startswith(f"VE_VAULT_v{version}_")
    assert sealed.unseal(resealed.inner_text(), PASSWORD) == [
        *credentials,
        Credential("groq", "gsk_new-one-12"),
    ]
    page.get_by_role("button", name="Move groq gsk_...e-12 up").click()
    assert resealed.count() == 0, "the sealed string no longer matches the keys"


def test_a_weak_password_needs_a_confirmation(open_page: OpenPage) -> None:
    """A weak password seals a vault only after a confirmation."""
    page = open_page("vault")
    add_key(page, "openai", "sk-0123456789")
    page.get_by_label("Vault password").fill("password1234")
    page.get_by_text("Weak: it consists of common words").wait_for()
    assert page.get_by_role("button", name="Seal vault").is_disabled()
    page.get_by_label("Use this weak password anyway").check()
    page.get_by_role("button", name="Seal vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()


def test_a_typed_key_blocks_sealing(open_page: OpenPage) -> None:
    """A typed key that is not in the list blocks sealing; switching tabs keeps it."""
    page = open_page("vault")
    add_key(page, "openai", "sk-0123456789")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("Strong: 139 bits").wait_for()
    seal = page.get_by_role("button", name="Seal vault")
    assert seal.is_enabled()
    page.get_by_label("Provider", exact=True).fill("groq")
    page.get_by_label("Key", exact=True).fill("gsk_0123456789")
    page.get_by_text("Add it first").wait_for()
    assert seal.is_disabled()
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    page.get_by_role("tab", name="Create a vault", exact=True).click()
    page.get_by_role("button", name="Add key").click()
    assert page.get_by_role("list", name="Keys in this vault").get_by_role("listitem").count() == 2
    assert seal.is_enabled()


def test_missing_webcrypto_is_explained(open_page: OpenPage) -> None:
    """Without WebCrypto the page explains where it works and shows no form."""
    page = open_page("docs")
    page.evaluate("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_text("only on localhost and over HTTPS").wait_for()
    assert page.locator("form").count() == 0


def test_the_suggested_providers_are_the_catalogs() -> None:
    """The page suggests every provider of the catalog without a request."""
    catalog = json.loads((ROOT / "vaultcore/catalog/providers.json").read_text())
    listed = re.search(r"`(.*)`", (VIEWS / "providers.js").read_text(), re.DOTALL)
    assert listed
    assert listed[1].split() == sorted(catalog["providers"])
