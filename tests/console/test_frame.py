"""The console's frame on bad days: storage that is blocked, a gateway that is away, keys that end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Opened = Callable[..., "Page"]
BLOCKED = """for (const name of ["localStorage", "sessionStorage", "indexedDB"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""
PAGES = ("Models", "API keys", "Playground", "Logs", "Usage", "Balance", "Routes", "Docs")


def provoked(page: Page) -> None:
    """What went wrong was meant to, and Chromium logs each request of it."""
    page.faults.clear()  # type: ignore[attr-defined]


def made(house: House) -> list[dict[str, Any]]:
    """The keys that the console has made for itself."""
    return [key for key in house.ask("GET", "/admin/keys?limit=100")["data"] if "made_by" in key["metadata"]]


def asks(page: Page, prompt: str) -> None:
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Send").click()
    page.get_by_text(f"You asked: “{prompt}”").wait_for()


def test_storage_may_be_blocked(opened: Opened, house: House) -> None:
    """Where a browser keeps nothing, the console runs all the same, and only what was ticked is forgotten."""
    page = opened("sign-in")
    page.add_init_script(BLOCKED)
    page.reload()
    sign_in(page, house.admin, keep=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.get_by_role("button", name="Use dark theme").click()
    page.get_by_role("button", name="Use light theme").wait_for()
    page.goto(f"{house.console}#/chat")
    page.get_by_text("This browser keeps nothing").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_reload_while_the_gateway_fails(status: int, opened: Opened, house: House) -> None:
    """A key that this tab keeps is not given up: the failure is told, and trying again leads on."""
    page = opened("sign-in")
    sign_in(page, house.admin, keep=True)
    page.goto(f"{house.console}#/models?type=image")
    page.route("**/admin/config", lambda asked: asked.fulfill(status=status) if status else asked.abort())
    page.reload()
    told = f"The gateway answered {status}" if status else "cannot be reached"
    page.get_by_role("alert").get_by_text(told).wait_for()
    page.get_by_text("You are not signed out").wait_for()
    page.get_by_role("heading", name="Models", level=1).wait_for()

    page.unroute("**/admin/config")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Image", pressed=True).wait_for()
    assert page.url.endswith("#/models?type=image")
    provoked(page)


def test_a_slow_gateway_is_waited_for_on_the_page(opened: Opened, house: House) -> None:
    """While a kept key is being tried the page says so, and neither the sign-in nor a failure is shown."""
    page = opened("sign-in")
    sign_in(page, house.admin, keep=True)
    waiting: list[Route] = []
    page.route("**/admin/config", lambda asked: waiting.append(asked))  # noqa: PLW0108 - it wants a function
    page.goto(f"{house.console}#/keys")
    page.reload()
    page.get_by_text("Signing in …").wait_for(state="attached")
    assert page.url.endswith("#/keys")
    waiting[0].continue_()
    page.get_by_role("button", name="New key").wait_for()


def test_signing_in_leads_to_the_whole_address(opened: Opened, house: House) -> None:
    """Who was sent to sign in, at first or because the key ended, is led back with all filters."""
    mine = house.ask("POST", "/admin/keys", {"name": "ends in mid-work"})
    page = opened("logs?status=5xx&time=7d")
    sign_in(page, house.admin)
    page.get_by_role("heading", name="Logs", level=1).wait_for()
    assert page.url.endswith("#/logs?status=5xx&time=7d")

    page = opened("models?type=text&q=gpt 4", key=mine["key"])
    page.get_by_label("Search", exact=True).wait_for()
    house.ask("DELETE", f"/admin/keys/{mine['id']}")
    page.goto(f"{house.console}#/usage?days=7")
    page.get_by_text("This key is no longer good here").wait_for()
    sign_in(page, house.key)
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    assert page.url.endswith("#/usage?days=7")
    provoked(page)


def test_looking_makes_no_key(opened: Opened, house: House) -> None:
    """An admin's pages make a key when something is asked, and one for all, also after a reload."""
    before = {key["id"] for key in made(house)}
    page = opened("sign-in")
    sign_in(page, house.admin, keep=True)
    page.goto(f"{house.console}#/chat")
    page.get_by_label("Model", exact=True).wait_for()
    page.goto(f"{house.console}#/playground")
    page.get_by_label("Prompt", exact=True).wait_for()
    assert {key["id"] for key in made(house)} == before

    asks(page, "one")
    page.reload()
    asks(page, "two")
    page.goto(f"{house.console}#/chat")
    page.get_by_label("Message", exact=True).fill("three")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("article").get_by_text("You asked: “three”").wait_for()
    (mine,) = [key for key in made(house) if key["id"] not in before]
    assert mine["name"].startswith("Console: playground and chat, until 20")
    assert mine["expires_at"]
    assert mine["usage"]["requests"] == 3

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_revoked_console_key_is_replaced(opened: Opened, house: House) -> None:
    """What an admin asks with a console key that was revoked is asked again with a new one, unseen."""
    before = {key["id"] for key in made(house)}
    page = opened("playground", key=house.admin)
    asks(page, "first")
    (mine,) = [key["id"] for key in made(house) if key["id"] not in before]
    house.ask("DELETE", f"/admin/keys/{mine}")
    asks(page, "second")
    assert page.get_by_role("alert").count() == 0
    assert len([key for key in made(house) if key["id"] not in before]) == 2
    provoked(page)  # the refusal


def test_pages_that_were_never_opened_come_back(opened: Opened, house: House) -> None:
    """Offline each page tells so under its own heading, and once online its data come by themselves."""
    page = opened(key=house.admin)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.context.set_offline(True)
    page.get_by_text("You are offline").wait_for()
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        page.get_by_role("alert").get_by_text("cannot be reached").first.wait_for()
    for name in PAGES:
        page.context.set_offline(True)
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("alert").get_by_text("cannot be reached").first.wait_for()
        page.context.set_offline(False)
        page.get_by_role("alert").first.wait_for(state="detached")
    page.get_by_text("You are offline").wait_for(state="detached")
    provoked(page)


def test_a_gateway_that_comes_back_is_noticed(opened: Opened, house: House) -> None:
    """While it does not answer a line says so on every page; then all of a page recovers by itself."""
    page = opened("balance", key=house.admin)
    page.get_by_role("heading", name="Gateway and owners").wait_for()
    page.route("**/admin/**", lambda asked: asked.abort())
    page.route("**/health", lambda asked: asked.abort())
    page.get_by_role("link", name="Routes", exact=True).click()
    page.get_by_text("The gateway does not answer").wait_for()
    page.get_by_role("link", name="Balance", exact=True).click()
    page.get_by_role("alert").nth(2).wait_for()  # keys, limits, alerts

    page.unroute("**/admin/**")
    page.unroute("**/health")
    page.get_by_role("table", name="Balances").wait_for()
    page.get_by_role("button", name="Edit limits of The gateway").wait_for()
    page.get_by_role("alert").first.wait_for(state="detached")
    page.get_by_text("The gateway does not answer").wait_for(state="detached")
    provoked(page)


def test_a_providers_failure_is_not_the_gateways(opened: Opened, house: House) -> None:
    """What the gateway itself answers with 503 is told where it was asked, not as a gateway that is away."""
    page = opened("playground", key=house.admin)
    error = {
        "error": {"message": "all providers failed", "code": "all_providers_failed", "type": "server_error"}
    }
    page.route("**/v1/chat/completions", lambda asked: asked.fulfill(status=503, json=error))
    page.get_by_label("Model", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Prompt", exact=True).fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("all providers failed").wait_for()
    assert page.get_by_text("The gateway does not answer").count() == 0
    provoked(page)


def typed(page: Page, dialog: str, field: str, text: str) -> None:
    """Type, and try to leave by Escape, three times, and by the cross; what was typed is still there."""
    form = page.get_by_role("dialog", name=dialog)
    form.get_by_label(field, exact=True).fill(text)
    question = page.get_by_role("dialog", name="Discard what you changed?")
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


def test_a_form_is_not_thrown_away_unasked(opened: Opened, house: House) -> None:
    """Escape and the cross ask before they close a form in which something was changed, and no other."""
    page = opened("keys", key=house.admin)
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog", name="New key").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="New key").click()
    typed(page, "New key", "Name", "a long form")

    page.goto(f"{house.console}#/routes")
    page.get_by_role("button", name="New route").click()
    typed(page, "New route", "Name", "best")
    page.goto(f"{house.console}#/balance")
    page.get_by_role("button", name="Edit limits of The gateway").click()
    typed(page, "Limits of the gateway", "Tokens per minute", "70000")


def test_code_to_begin_with_names_a_model_that_may_be_asked(opened: Opened, house: House) -> None:
    """The overview's code asks for a model of the signed-in key's own list."""
    mine = house.ask("POST", "/admin/keys", {"name": "narrow", "allowed_models": ["anthropic/*"]})
    page = opened(key=mine["key"])
    page.get_by_role("region", name="Python code").get_by_text('model="claude-').wait_for()
