"""The console's frame: signing in, ways by keyboard, themes, phones, and what the page may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.console.conftest import PHONE, House, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

Opened = Callable[..., "Page"]


def test_an_admin_signs_in_and_out(opened: Opened, house: House) -> None:
    """The admin key opens every page; signing out closes them, and nothing of the key is left behind."""
    page = opened("keys")
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, house.admin)

    page.get_by_role("heading", name="API keys", level=1).wait_for()
    assert page.get_by_role("navigation", name="Pages").get_by_role("link").count() == 11
    assert (
        page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        == '[{},{},""]'
    )
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert house.admin not in page.content()


def test_no_address_holds_a_key(opened: Opened, house: House) -> None:
    """From signing in to the last page, no address or referrer tells a key, and nothing sets a cookie."""
    page = opened("sign-in")
    asked: list[str] = []
    referrers: set[str] = set()
    page.context.on("request", lambda sent: asked.append(sent.url))
    page.context.on("request", lambda sent: referrers.add(sent.headers.get("referer", "")))
    sign_in(page, house.admin, keep=True)
    made: list[str] = []
    page.on("response", lambda got: made.append(got.json()["key"]) if _makes_a_key(got) else None)
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    for link in links.all():
        link.click()
        page.locator("h1").get_by_text(link.inner_text(), exact=True).wait_for()
        asked.append(page.url)
    page.get_by_role("link", name="Playground").click()
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.reload()
    page.locator(".badge").wait_for()

    assert len(asked) > 20
    assert len(made) == 1
    assert [each for each in asked for key in (house.admin, *made) if key in each] == []
    assert referrers == {""}
    assert page.context.cookies() == []


def _makes_a_key(got: Response) -> bool:
    return got.request.method == "POST" and got.url.endswith("/admin/keys")


def test_a_virtual_key_sees_its_own_pages(opened: Opened, house: House) -> None:
    """A virtual key signs in under its name, and is told so where a page needs the admin key."""
    made = house.ask("POST", "/admin/keys", {"name": "a visitor", "credits_usd": 20})
    page = opened(key=made["key"])

    page.get_by_text("a visitor").wait_for()
    page.get_by_text("$20.00 left", exact=True).first.wait_for()
    assert page.get_by_role("link", name="API keys").count() == 0
    page.goto(f"{house.console}#/logs")
    page.get_by_text("This page needs the admin key").wait_for()


def test_a_wrong_key_is_refused(opened: Opened) -> None:
    """A key that opens nothing is refused beside the field, without leaving the page."""
    page = opened("sign-in")
    page.get_by_label("Key", exact=True).fill("vg_" + "0" * 40)
    page.locator("form").get_by_role("button", name="Sign in").click()

    page.get_by_text("No key of this gateway").wait_for()
    assert page.get_by_label("Key", exact=True).get_attribute("aria-invalid") == "true"
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs both 401


@pytest.mark.parametrize("keep", [True, False])
def test_a_reload_keeps_the_key_only_if_ticked(keep: bool, opened: Opened, house: House) -> None:
    """The key outlives a reload in the tab's storage if that was ticked, else it is gone."""
    page = opened("sign-in")
    sign_in(page, house.admin, keep=keep)
    page.reload()

    page.get_by_role("button", name="Sign out" if keep else "Sign in").first.wait_for()
    assert page.get_by_role("button", name="Sign out").count() == keep


def test_the_overview_tells_health_and_spend(opened: Opened, house: House) -> None:
    """The overview has the base URL, the providers of the vault, today's requests, and code with that URL."""
    assert house.complete("gpt-4o-mini").status_code == 200
    page = opened(key=house.admin)

    page.get_by_role("region", name="base URL").get_by_text(f"{house.url}/v1", exact=True).wait_for()
    page.get_by_role("cell", name="OpenAI").wait_for()
    page.get_by_role("tab", name="curl").click()
    assert f"{house.url}/v1/chat/completions" in page.get_by_role("region", name="curl code").inner_text()
    page.locator(".stat").filter(has_text="Requests").get_by_text("failed").wait_for()


def test_a_keyboard_reaches_everything(opened: Opened, house: House) -> None:
    """Tab, Enter and the arrows lead from the skip link to a page, whose heading then has the focus."""
    page = opened(key=house.admin)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.reload()
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.get_by_role("link", name="Docs", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    page.locator("h1:focus", has_text="Docs").wait_for()
    assert page.title() == "Docs · VaultEdge"

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("tab", name="Python").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Node").get_attribute("aria-selected") == "true"


def test_the_theme_is_the_systems_until_chosen(opened: Opened) -> None:
    """A page is dark where the system is; the toggle changes that, and a reload keeps it."""
    page = opened(theme="dark")
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    page.get_by_role("button", name="Use light theme").click()
    assert page.evaluate(scheme) == "light"
    page.reload()
    page.get_by_role("button", name="Use dark theme").wait_for()
    assert page.evaluate(scheme) == "light"


def test_a_phone_has_a_drawer(opened: Opened, house: House) -> None:
    """At 360 pixels nothing is wider than the screen, and the menu opens, leads on and closes."""
    page = opened(key=house.admin, size=PHONE)
    page.get_by_role("cell", name="OpenAI").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert not page.get_by_role("link", name="Docs", exact=True).is_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Docs", exact=True).click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    assert not page.get_by_role("link", name="Docs", exact=True).is_visible()


def test_an_unknown_page_is_said(opened: Opened) -> None:
    """An address that names no page, or a property that every object has, leads to "not found"."""
    page = opened("constructor")
    page.get_by_text("There is no such page").wait_for()
