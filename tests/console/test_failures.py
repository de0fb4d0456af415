"""The console under failures: blocked storage, an unreachable gateway, expired keys, unsaved forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import Gateway, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

OpenPage = Callable[..., "Page"]
BLOCKED = """for (const name of ["localStorage", "sessionStorage", "indexedDB"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""
PAGES = ("Models", "API keys", "Playground", "Logs", "Usage", "Balance", "Routes", "Docs")


def clear_faults(page: Page) -> None:
    """Ignore faults that the test provoked; Chromium logs each failed request."""
    page.faults.clear()  # type: ignore[attr-defined]


def console_keys(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the keys that the console has created for itself."""
    return [
        key
        for key in gateway.call_admin("GET", "/admin/keys?limit=100")["data"]
        if "made_by" in key["metadata"]
    ]


def send_prompt(page: Page, prompt: str) -> None:
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Send").click()
    page.get_by_text(f"You asked: “{prompt}”").wait_for()


def test_blocked_storage_is_no_failure(open_page: OpenPage, gateway: Gateway) -> None:
    """With blocked storage the console works; only the stored session is lost."""
    page = open_page("sign-in")
    page.add_init_script(BLOCKED)
    page.reload()
    sign_in(page, gateway.admin, keep=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.get_by_role("button", name="Use dark theme").click()
    page.get_by_role("button", name="Use light theme").wait_for()
    page.goto(f"{gateway.console}#/chat")
    page.get_by_text("This browser does not allow storage").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_reload_while_the_gateway_fails(status: int, open_page: OpenPage, gateway: Gateway) -> None:
    """A stored key survives a failed verification: the error is shown, and a retry continues."""
    page = open_page("sign-in")
    sign_in(page, gateway.admin, keep=True)
    page.goto(f"{gateway.console}#/models?type=image")
    page.route("**/admin/config", lambda route: route.fulfill(status=status) if status else route.abort())
    page.reload()
    message = f"The gateway returned status {status}" if status else "is unreachable"
    page.get_by_role("alert").get_by_text(message).wait_for()
    page.get_by_text("You are still signed in").wait_for()
    page.get_by_role("heading", name="Models", level=1).wait_for()

    page.unroute("**/admin/config")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Image", pressed=True).wait_for()
    assert page.url.endswith("#/models?type=image")
    clear_faults(page)


def test_a_slow_gateway_shows_a_progress_page(open_page: OpenPage, gateway: Gateway) -> None:
    """While a stored key is verified, the page shows progress instead of the sign-in form."""
    page = open_page("sign-in")
    sign_in(page, gateway.admin, keep=True)
    waiting: list[Route] = []
    page.route("**/admin/config", lambda route: waiting.append(route))  # noqa: PLW0108 - it wants a function
    page.goto(f"{gateway.console}#/keys")
    page.reload()
    page.get_by_text("Signing in …").wait_for(state="attached")
    assert page.url.endswith("#/keys")
    waiting[0].continue_()
    page.get_by_role("button", name="New key").wait_for()


def test_sign_in_returns_to_the_full_address(open_page: OpenPage, gateway: Gateway) -> None:
    """After a sign-in, also after an expired key, the page returns with all filters."""
    mine = gateway.call_admin("POST", "/admin/keys", {"name": "ends in mid-work"})
    page = open_page("logs?status=5xx&time=7d")
    sign_in(page, gateway.admin)
    page.get_by_role("heading", name="Logs", level=1).wait_for()
    assert page.url.endswith("#/logs?status=5xx&time=7d")

    page = open_page("models?type=text&q=gpt 4", key=mine["key"])
    page.get_by_label("Search", exact=True).wait_for()
    gateway.call_admin("DELETE", f"/admin/keys/{mine['id']}")
    page.goto(f"{gateway.console}#/usage?days=7")
    page.get_by_text("Your key has expired or was revoked").wait_for()
    sign_in(page, gateway.key)
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    assert page.url.endswith("#/usage?days=7")
    clear_faults(page)


def test_only_requests_create_a_console_key(open_page: OpenPage, gateway: Gateway) -> None:
    """Viewing pages creates no key; the first request creates one for all pages, also after a reload."""
    before = {key["id"] for key in console_keys(gateway)}
    page = open_page("sign-in")
    sign_in(page, gateway.admin, keep=True)
    page.goto(f"{gateway.console}#/chat")
    page.get_by_label("Model", exact=True).wait_for()
    page.goto(f"{gateway.console}#/playground")
    page.get_by_label("Prompt", exact=True).wait_for()
    assert {key["id"] for key in console_keys(gateway)} == before

    send_prompt(page, "one")
    page.reload()
    send_prompt(page, "two")
    page.goto(f"{gateway.console}#/chat")
    page.get_by_label("Message", exact=True).fill("three")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("article").get_by_text("You asked: “three”").wait_for()
    (mine,) = [key for key in console_keys(gateway) if key["id"] not in before]
    assert mine["name"].startswith("Console: playground and chat, until 20")
    assert mine["expires_at"]
    assert mine["usage"]["requests"] == 3

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_revoked_console_key_is_replaced(open_page: OpenPage, gateway: Gateway) -> None:
    """A revoked console key is replaced and the request repeated without an error."""
    before = {key["id"] for key in console_keys(gateway)}
    page = open_page("playground", key=gateway.admin)
    send_prompt(page, "first")
    (mine,) = [key["id"] for key in console_keys(gateway) if key["id"] not in before]
    gateway.call_admin("DELETE", f"/admin/keys/{mine}")
    send_prompt(page, "second")
    assert page.get_by_role("alert").count() == 0
    assert len([key for key in console_keys(gateway) if key["id"] not in before]) == 2
    clear_faults(page)  # the rejection


def test_unvisited_pages_recover_after_offline(open_page: OpenPage, gateway: Gateway) -> None:
    """Offline, each page shows an error, and its data loads once online."""
    page = open_page(key=gateway.admin)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.context.set_offline(True)
    page.get_by_text("You are offline").wait_for()
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        page.get_by_role("alert").get_by_text("is unreachable").first.wait_for()
    for name in PAGES:
        page.context.set_offline(True)
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("alert").get_by_text("is unreachable").first.wait_for()
        page.context.set_offline(False)
        page.get_by_role("alert").first.wait_for(state="detached")
    page.get_by_text("You are offline").wait_for(state="detached")
    clear_faults(page)


def test_a_gateway_outage_is_shown_and_recovers(open_page: OpenPage, gateway: Gateway) -> None:
    """An outage is shown on every page; afterwards all sections of a page recover."""
    page = open_page("balance", key=gateway.admin)
    page.get_by_role("heading", name="Gateway and owners").wait_for()
    page.route("**/admin/**", lambda route: route.abort())
    page.route("**/health", lambda route: route.abort())
    page.get_by_role("link", name="Routes", exact=True).click()
    page.get_by_text("No connection to the gateway").wait_for()
    page.get_by_role("link", name="Balance", exact=True).click()
    page.get_by_role("alert").nth(2).wait_for()  # keys, limits, alerts

    page.unroute("**/admin/**")
    page.unroute("**/health")
    page.get_by_role("table", name="Balances").wait_for()
    page.get_by_role("button", name="Edit limits of the gateway").wait_for()
    page.get_by_role("alert").first.wait_for(state="detached")
    page.get_by_text("No connection to the gateway").wait_for(state="detached")
    clear_faults(page)


def test_a_providers_failure_is_not_the_gateways(open_page: OpenPage, gateway: Gateway) -> None:
    """A 503 from the gateway itself is shown as a request error, not as an outage."""
    page = open_page("playground", key=gateway.admin)
    error = {
        "error": {"message": "all providers failed", "code": "all_providers_failed", "type": "server_error"}
    }
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=503, json=error))
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("all providers failed").wait_for()
    assert page.get_by_text("No connection to the gateway").count() == 0
    clear_faults(page)


def check_discard(page: Page, dialog: str, field: str, text: str) -> None:
    """Fill in a field, dismiss the confirmation of Escape and Close, then discard."""
    form = page.get_by_role("dialog", name=dialog)
    form.get_by_label(field, exact=True).fill(text)
    question = page.get_by_role("dialog", name="Discard unsaved changes?")
    for _ in range(3):
        page.keyboard.press("Escape")
        question.wait_for()
        page.keyboard.press("Escape")
        question.wait_for(state="detached")
    form.get_by_role("button", name="Close").click()
    question.get_by_role("button", name="Cancel").click()
    assert form.get_by_label(field, exact=True).input_value() == text
    page.keyboard.press("Escape")
    question.get_by_role("button", name="Discard").click()
    form.wait_for(state="detached")


def test_unsaved_forms_ask_before_closing(open_page: OpenPage, gateway: Gateway) -> None:
    """Escape and Close ask for confirmation only if a form has changes."""
    page = open_page("keys", key=gateway.admin)
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog", name="New key").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="New key").click()
    check_discard(page, "New key", "Name", "a long form")

    page.goto(f"{gateway.console}#/routes")
    page.get_by_role("button", name="New route").click()
    check_discard(page, "New route", "Name", "best")
    page.goto(f"{gateway.console}#/balance")
    page.get_by_role("button", name="Edit limits of the gateway").click()
    check_discard(page, "Limits of the gateway", "Tokens per minute", "70000")


def test_sample_code_uses_an_allowed_model(open_page: OpenPage, gateway: Gateway) -> None:
    """The overview's sample code uses a model from the key's own list."""
    mine = gateway.call_admin("POST", "/admin/keys", {"name": "narrow", "allowed_models": ["anthropic/*"]})
    page = open_page(key=mine["key"])
    page.get_by_role("region", name="Python code").get_by_text('model="claude-').wait_for()
