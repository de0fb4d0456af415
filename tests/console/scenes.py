"""What the console looks like: every page and its main states, each with the way that leads there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.console.conftest import House, sign_in
from tests.console.lived import LONG, conversations

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
Way = Callable[["Page"], object]
ADMIN, KEY, NOBODY = "admin", "key", "nobody"
RAISES_ERRORS = re.compile("Failed to load resource|net::ERR_INTERNET_DISCONNECTED")


@dataclass(frozen=True, slots=True)
class Scene:
    """A page in a state. `way` leads there from the page's heading, and ends when it is there."""

    name: str
    view: str
    way: Way
    who: str = ADMIN
    harsh: bool = False  # requests fail on purpose
    grows: bool = False  # what was asked for comes while one looks


def text(words: str) -> Way:
    """Nothing to do but to wait for words."""
    return lambda page: page.locator("main").get_by_text(words).first.wait_for()


def row(words: str) -> Way:
    return lambda page: page.locator("tbody tr").filter(has_text=words).first.wait_for()


def rows(page: Page) -> None:
    page.locator("tbody tr:not(.spacer)").first.wait_for()


def press(name: str, then: Way | None = None, role: str = "button") -> Way:
    """Press what has that name, and see the dialog that opens or what else comes."""

    def way(page: Page) -> None:
        page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
        (then or (lambda here: here.get_by_role("dialog").wait_for()))(page)

    return way


def open_row(words: str) -> Way:
    def way(page: Page) -> None:
        page.locator("tbody tr").filter(has_text=words).first.focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()

    return way


def _new_key(page: Page) -> None:
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog", name="New key")
    form.get_by_label("Name").fill("a new one")
    form.get_by_role("button", name="Create key").click()
    page.get_by_role("dialog", name="Copy the key now").wait_for()


def _wrong_key(page: Page) -> None:
    page.get_by_label("Key", exact=True).fill("vg_" + "0" * 40)
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_text("No key of this gateway").wait_for()


def _asked(page: Page) -> None:
    page.get_by_label("Model", exact=True).fill("best")
    page.get_by_label("Temperature").fill("1.7")
    page.get_by_label("Prompt", exact=True).fill("How far is the moon?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.get_by_role("table", name="Attempts").wait_for()


def _talk(title: str, then: str) -> Way:
    """A conversation that was brought along; they are imported once in a tab."""

    def way(page: Page) -> None:
        page.get_by_role("button", name="Export all").wait_for()
        if not page.evaluate("sessionStorage.brought"):
            page.evaluate("sessionStorage.brought = true")
            body = json.dumps(conversations()).encode()
            page.get_by_label("File to import").set_input_files(
                files=[{"name": "kept.json", "mimeType": "application/json", "buffer": body}]
            )
            page.get_by_text("conversations were imported").wait_for()
            page.get_by_text("conversations were imported").wait_for(state="detached")
        _list(page)
        page.locator(".chats-item").filter(has_text=title).first.click()
        page.locator(then).first.wait_for()

    return way


def _talks(page: Page) -> None:
    _talk("Passwords", ".markdown pre")(page)
    _list(page)
    page.locator(".chats-item").first.wait_for()


def _list(page: Page) -> None:
    """See the list of conversations, which a phone has behind a button."""
    page.locator(".chats").wait_for(state="attached")
    if not page.locator(".chats").is_visible():
        page.get_by_role("button", name="Conversations", exact=True).click()


def _sealed(page: Page) -> None:
    page.get_by_label("Provider", exact=True).fill("groq")
    page.get_by_label("Key", exact=True).fill("gsk_0123456789")
    page.get_by_role("button", name="Add key").click()
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()


def _searched(page: Page) -> None:
    page.get_by_label("Search the docs").fill("idempotency")
    page.locator(".docs-found a, .docs-found button").first.wait_for()


def _without(path: str, words: str) -> Way:
    """As it is while the gateway does not answer there."""

    def way(page: Page) -> None:
        page.route(path, lambda route: route.abort())
        page.reload()
        page.get_by_role("alert").get_by_text(words).first.wait_for()

    return way


def _offline(page: Page) -> None:
    page.locator("main table").first.wait_for()
    page.context.set_offline(True)
    page.get_by_text("You are offline").wait_for()


def _menu(page: Page) -> None:
    page.locator("main .card").first.wait_for()
    if page.get_by_role("button", name="Menu").is_visible():
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Docs", exact=True).wait_for()


SCENES = (
    Scene("stranger", "overview", text("From your program"), NOBODY),
    Scene("sign-in", "sign-in", text("Keep it until"), NOBODY),
    Scene("sign-in-wrong", "sign-in", _wrong_key, NOBODY, harsh=True),
    Scene("not-found", "nowhere", text("There is no such page"), NOBODY),
    Scene("own-overview", "overview", text("Spend"), KEY),
    Scene("own-usage", "usage", text("What is left"), KEY),
    Scene("own-models", "models", rows, KEY),
    Scene("shut", "logs", text("This page needs the admin key"), KEY),
    Scene("overview", "overview", row("OpenAI")),
    Scene("menu", "overview", _menu),
    Scene("models", "models", rows),
    Scene("models-empty", "models?q=nothing-is-called-so", text("No model fits")),
    Scene("model", "models?q=gpt-4o-mini", open_row("gpt-4o-mini")),
    Scene("keys", "keys", row(LONG)),
    Scene("key", "keys", open_row("everything limited")),
    Scene("key-new", "keys", press("New key")),
    Scene("key-shown", "keys", _new_key),
    Scene("key-revoke", "keys", press("Revoke support bot")),
    Scene("playground-empty", "playground", lambda page: page.get_by_label("Prompt", exact=True).wait_for()),
    Scene("playground", "playground", _asked, grows=True),
    Scene("chat-empty", "chat", text("Say something")),
    Scene("chat", "chat", _talk("Passwords", ".markdown pre .hl-note")),
    Scene("chat-picture", "chat", _talk("A sunset", ".turn img")),
    Scene("chat-failed", "chat", _talk("What failed", ".turn [role=alert], .turn .note")),
    Scene("chat-list", "chat", _talks),
    Scene("logs", "logs", rows),
    Scene("logs-empty", "logs?search=nothing-is-called-so", text("No request fits")),
    Scene("logs-detail", "logs?status=5xx", open_row("503")),
    Scene("logs-error", "logs", _without("**/admin/logs*", "Offline"), harsh=True),
    Scene("usage", "usage", row("gpt-4o-mini")),
    Scene("usage-keys", "usage?by=key&metric=requests&days=90", row("checkout")),
    Scene("balance", "balance", row("checkout")),
    Scene("balance-top-up", "balance", press("Top up checkout")),
    Scene("balance-marks", "balance", press("Set marks")),
    Scene("routes", "routes", text("fast-llm")),
    Scene("routes-dry-run", "routes", press("Dry run of best", text("The name leads to"))),
    Scene("routes-editor", "routes", press("Edit fast")),
    Scene("vault", "vault", text("Build a vault")),
    Scene("vault-sealed", "vault", _sealed),
    Scene("vault-open", "vault", press("Open a vault", text("Open"), role="tab")),
    Scene("docs", "docs", lambda page: page.locator(".docs-text .markdown h3").first.wait_for()),
    Scene(
        "docs-providers", "docs?page=providers", lambda page: page.locator(".docs-text td").first.wait_for()
    ),
    Scene("docs-errors", "docs?page=errors", text("deadline_exceeded")),
    Scene("docs-search", "docs", _searched),
    Scene("docs-admin", "docs?page=admin", lambda page: page.locator(".docs-operation").first.wait_for()),
    Scene("offline", "balance", _offline, harsh=True),
)


def visited(opened: Opened, house: House, theme: str, size: tuple[int, int]) -> Iterator[tuple[Scene, Page]]:
    """Every scene in a fresh page of its own, by whoever sees it; a key is typed once for all of them."""
    for who, key in ((NOBODY, None), (KEY, house.key), (ADMIN, house.admin)):
        page = opened("sign-in", theme=theme, size=size)
        if key:
            sign_in(page, key, keep=True)
        for scene in SCENES:
            if scene.who == who:
                arrive(page, house, scene)
                yield scene, page
                page.unroute_all()
                page.context.set_offline(False)
                if scene.harsh:
                    faults = page.faults  # type: ignore[attr-defined]
                    faults[:] = [each for each in faults if not RAISES_ERRORS.search(each)]


def arrive(page: Page, house: House, scene: Scene) -> None:
    page.goto("about:blank")  # from one address behind # to another nothing is loaded anew
    page.goto(f"{house.console}#/{scene.view}")
    page.get_by_role("heading", level=1).wait_for()
    scene.way(page)
