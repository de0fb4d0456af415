"""The application: signing in, keyboard navigation, themes, phones, and privacy of keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.console.conftest import PHONE, Gateway, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

OpenPage = Callable[..., "Page"]


def test_an_admin_signs_in_and_out(open_page: OpenPage, gateway: Gateway) -> None:
    """The admin key opens every page; signing out closes them and leaves no trace of the key."""
    page = open_page("keys")
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, gateway.admin)

    page.get_by_role("heading", name="API keys", level=1).wait_for()
    assert page.get_by_role("navigation", name="Pages").get_by_role("link").count() == 11
    assert (
        page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        == '[{},{},""]'
    )
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert gateway.admin not in page.content()


def test_no_address_holds_a_key(open_page: OpenPage, gateway: Gateway) -> None:
    """No URL, referrer or cookie contains a key."""
    page = open_page("sign-in")
    urls: list[str] = []
    referrers: set[str] = set()
    page.context.on("request", lambda request: urls.append(request.url))
    page.context.on("request", lambda request: referrers.add(request.headers.get("referer", "")))
    sign_in(page, gateway.admin, keep=True)
    created: list[str] = []
    page.on(
        "response",
        lambda response: created.append(response.json()["key"]) if _creates_a_key(response) else None,
    )
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    for link in links.all():
        link.click()
        page.locator("h1").get_by_text(link.inner_text(), exact=True).wait_for()
        urls.append(page.url)
    page.get_by_role("link", name="Playground").click()
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.reload()
    page.locator(".account").wait_for()

    assert len(urls) > 20
    assert len(created) == 1
    assert [each for each in urls for key in (gateway.admin, *created) if key in each] == []
    assert referrers == {""}
    assert page.context.cookies() == []


def _creates_a_key(response: Response) -> bool:
    return response.request.method == "POST" and response.url.endswith("/admin/keys")


def test_a_virtual_key_sees_its_own_pages(open_page: OpenPage, gateway: Gateway) -> None:
    """A virtual key signs in under its name and cannot open admin pages."""
    created = gateway.call_admin("POST", "/admin/keys", {"name": "a visitor", "credits_usd": 20})
    page = open_page(key=created["key"])

    page.get_by_text("a visitor").wait_for()
    page.get_by_text("$20.00 left", exact=True).first.wait_for()
    assert page.get_by_role("link", name="API keys").count() == 0
    page.goto(f"{gateway.console}#/logs")
    page.get_by_text("This page requires the admin key").wait_for()


def test_a_wrong_key_is_rejected(open_page: OpenPage) -> None:
    """An unknown key is rejected next to the field."""
    page = open_page("sign-in")
    page.get_by_label("Key", exact=True).fill("vg_" + "0" * 40)
    page.locator("form").get_by_role("button", name="Sign in").click()

    page.get_by_text("This gateway doesn't recognise that key").wait_for()
    assert page.get_by_label("Key", exact=True).get_attribute("aria-invalid") == "true"
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs both 401


@pytest.mark.parametrize("keep", [True, False])
def test_a_reload_keeps_the_key_only_if_chosen(keep: bool, open_page: OpenPage, gateway: Gateway) -> None:
    """The key survives a reload only if the user chose to stay signed in."""
    page = open_page("sign-in")
    sign_in(page, gateway.admin, keep=keep)
    page.reload()

    page.get_by_role("button", name="Sign out" if keep else "Sign in").first.wait_for()
    assert page.get_by_role("button", name="Sign out").count() == keep


def test_the_overview_shows_health_and_spend(open_page: OpenPage, gateway: Gateway) -> None:
    """The overview shows the base URL, provider health, today's requests and sample code."""
    assert gateway.complete("gpt-4o-mini").status_code == 200
    page = open_page(key=gateway.admin)

    page.get_by_role("region", name="base URL").get_by_text(f"{gateway.url}/v1", exact=True).wait_for()
    page.get_by_role("cell", name="OpenAI").wait_for()
    page.get_by_role("tab", name="curl").click()
    assert f"{gateway.url}/v1/chat/completions" in page.get_by_role("region", name="curl code").inner_text()
    page.locator(".stat").filter(has_text="Requests").get_by_text("failed").wait_for()


def test_a_keyboard_reaches_everything(open_page: OpenPage, gateway: Gateway) -> None:
    """Keyboard navigation leads from the skip link to a page, whose heading takes the focus."""
    page = open_page(key=gateway.admin)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.reload()
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.get_by_role("link", name="Docs", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    page.locator("h1:focus", has_text="Docs").wait_for()
    assert page.title() == "Docs · VaultEdge"

    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("tab", name="Python").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Node").get_attribute("aria-selected") == "true"


def test_the_theme_is_the_systems_until_chosen(open_page: OpenPage) -> None:
    """The theme follows the system until the user switches it; a reload keeps the choice."""
    page = open_page(theme="dark")
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    page.get_by_role("button", name="Use light theme").click()
    assert page.evaluate(scheme) == "light"
    page.reload()
    page.get_by_role("button", name="Use dark theme").wait_for()
    assert page.evaluate(scheme) == "light"


def test_a_phone_has_a_drawer(open_page: OpenPage, gateway: Gateway) -> None:
    """At 360 pixels nothing overflows, and the menu opens, navigates and closes."""
    page = open_page(key=gateway.admin, size=PHONE)
    page.get_by_role("cell", name="OpenAI").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert not page.get_by_role("link", name="Docs", exact=True).is_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Docs", exact=True).click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    assert not page.get_by_role("link", name="Docs", exact=True).is_visible()


def test_an_unknown_page_is_reported(open_page: OpenPage) -> None:
    """An unknown address, or the name of an object property, shows "not found"."""
    page = open_page("constructor")
    page.get_by_text("Page not found").wait_for()
