"""Every page of the console and its main states, each with the steps that lead there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.console.conftest import Gateway, sign_in
from tests.console.sample_data import LONG, conversations

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
Way = Callable[["Page"], object]
ADMIN, KEY, SIGNED_OUT = "admin", "key", "nobody"
RAISES_ERRORS = re.compile("Failed to load resource|net::ERR_INTERNET_DISCONNECTED")


@dataclass(frozen=True, slots=True)
class Scene:
    """A page in a state. `way` runs from the page's heading, and returns when the state is reached."""

    name: str
    view: str
    way: Way
    who: str = ADMIN
    expects_errors: bool = False  # requests fail on purpose
    grows: bool = False  # content loads while the page is visible


def text(words: str) -> Way:
    """Wait for a text."""
    return lambda page: page.locator("main").get_by_text(words).first.wait_for()


def row(words: str) -> Way:
    return lambda page: page.locator("tbody tr").filter(has_text=words).first.wait_for()


def rows(page: Page) -> None:
    page.locator("tbody tr:not(.spacer)").first.wait_for()


def press(name: str, then: Way | None = None, role: str = "button") -> Way:
    """Press the button with a name, and wait for its dialog or `then`."""

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
    page.get_by_text("This gateway doesn't recognise that key").wait_for()


def _run_playground(page: Page) -> None:
    page.get_by_label("Model", exact=True).fill("best")
    page.get_by_label("Temperature").fill("1.7")
    page.get_by_label("Prompt", exact=True).fill("How far is the moon?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("done", exact=True).wait_for()
    page.get_by_role("table", name="Attempts").wait_for()


def _open_conversation(title: str, then: str) -> Way:
    """Open an imported conversation; the file is imported once per tab."""

    def way(page: Page) -> None:
        page.get_by_role("button", name="Export all").wait_for()
        if not page.evaluate("sessionStorage.imported"):
            page.evaluate("sessionStorage.imported = true")
            body = json.dumps(conversations()).encode()
            page.get_by_label("File to import").set_input_files(
                files=[{"name": "conversations.json", "mimeType": "application/json", "buffer": body}]
            )
            page.get_by_text(re.compile(r"Imported \d+ conversations")).wait_for()
            page.get_by_text(re.compile(r"Imported \d+ conversations")).wait_for(state="detached")
        _show_list(page)
        page.locator(".chats-item").filter(has_text=title).first.click()
        page.locator(then).first.wait_for()

    return way


def _open_list(page: Page) -> None:
    _open_conversation("Passwords", ".markdown pre")(page)
    _show_list(page)
    page.locator(".chats-item").first.wait_for()


def _show_list(page: Page) -> None:
    """Show the list of conversations, which is behind a button on a phone."""
    page.locator(".chats").wait_for(state="attached")
    if not page.locator(".chats").is_visible():
        page.get_by_role("button", name="Conversations", exact=True).click()


def _seal_vault(page: Page) -> None:
    page.get_by_label("Provider", exact=True).fill("groq")
    page.get_by_label("Key", exact=True).fill("gsk_0123456789")
    page.get_by_role("button", name="Add key").click()
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Seal vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()


def _search_docs(page: Page) -> None:
    page.get_by_label("Search the docs").fill("idempotency")
    page.locator(".docs-results a, .docs-results button").first.wait_for()


def _without_path(path: str, words: str) -> Way:
    """The page while the gateway does not respond on a path."""

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
    Scene("signed-out", "overview", text("Sample code"), SIGNED_OUT),
    Scene("sign-in", "sign-in", text("Stay signed in until"), SIGNED_OUT),
    Scene("sign-in-wrong", "sign-in", _wrong_key, SIGNED_OUT, expects_errors=True),
    Scene("not-found", "nowhere", text("Page not found"), SIGNED_OUT),
    Scene("own-overview", "overview", text("Spend"), KEY),
    Scene("own-usage", "usage", row("model_not_found"), KEY),
    Scene("own-models", "models", rows, KEY),
    Scene("access-denied", "logs", text("This page requires the admin key"), KEY),
    Scene("overview", "overview", row("OpenAI")),
    Scene("menu", "overview", _menu),
    Scene("models", "models", rows),
    Scene("models-empty", "models?q=nothing-is-called-so", text("No matching models")),
    Scene("model", "models?q=gpt-4o-mini", open_row("gpt-4o-mini")),
    Scene("keys", "keys", row(LONG)),
    Scene("key", "keys", open_row("everything limited")),
    Scene("key-new", "keys", press("New key")),
    Scene("key-shown", "keys", _new_key),
    Scene("key-revoke", "keys", press("Revoke support bot")),
    Scene("playground-empty", "playground", lambda page: page.get_by_label("Prompt", exact=True).wait_for()),
    Scene("playground", "playground", _run_playground, grows=True),
    Scene("chat-empty", "chat", text("Start a conversation")),
    Scene("chat", "chat", _open_conversation("Passwords", ".markdown pre .hl-note")),
    Scene("chat-picture", "chat", _open_conversation("A sunset", ".message img")),
    Scene("chat-failed", "chat", _open_conversation("What failed", ".message [role=alert], .message .note")),
    Scene("chat-list", "chat", _open_list),
    Scene("logs", "logs", rows),
    Scene("logs-empty", "logs?search=nothing-is-called-so", text("No matching requests")),
    Scene("logs-detail", "logs?status=5xx", open_row("503")),
    Scene("logs-refused", "logs?status=429", row("load test")),
    Scene("logs-refused-detail", "logs?status=402", open_row("402")),
    Scene("logs-error", "logs", _without_path("**/admin/logs*", "Offline"), expects_errors=True),
    Scene("usage", "usage", row("gpt-4o-mini")),
    Scene("usage-keys", "usage?by=key&metric=requests&days=90", row("checkout")),
    Scene("balance", "balance", row("checkout")),
    Scene("balance-top-up", "balance", press("Top up checkout")),
    Scene("balance-thresholds", "balance", press("Edit thresholds")),
    Scene("routes", "routes", text("fast-llm")),
    Scene("routes-dry-run", "routes", press("Dry run of best", text("Matches route"))),
    Scene("routes-editor", "routes", press("Edit fast")),
    Scene("vault", "vault", text("Create a vault")),
    Scene("vault-sealed", "vault", _seal_vault),
    Scene("vault-open", "vault", press("Open a vault", text("Open"), role="tab")),
    Scene("docs", "docs", lambda page: page.locator(".docs-text .markdown h3").first.wait_for()),
    Scene(
        "docs-providers", "docs?page=providers", lambda page: page.locator(".docs-text td").first.wait_for()
    ),
    Scene("docs-errors", "docs?page=errors", text("deadline_exceeded")),
    Scene("docs-search", "docs", _search_docs),
    Scene("docs-admin", "docs?page=admin", lambda page: page.locator(".docs-operation").first.wait_for()),
    Scene("offline", "balance", _offline, expects_errors=True),
)


def visit_all(
    open_page: OpenPage, gateway: Gateway, theme: str, size: tuple[int, int]
) -> Iterator[tuple[Scene, Page]]:
    """Yield every scene in a fresh page; each role signs in once."""
    for who, key in ((SIGNED_OUT, None), (KEY, gateway.key), (ADMIN, gateway.admin)):
        page = open_page("sign-in", theme=theme, size=size)
        if key:
            sign_in(page, key, keep=True)
        for scene in SCENES:
            if scene.who == who:
                arrive(page, gateway, scene)
                yield scene, page
                page.unroute_all()
                page.context.set_offline(False)
                if scene.expects_errors:
                    faults = page.faults  # type: ignore[attr-defined]
                    faults[:] = [each for each in faults if not RAISES_ERRORS.search(each)]


def arrive(page: Page, gateway: Gateway, scene: Scene) -> None:
    page.goto("about:blank")  # a change after # does not reload the page
    page.goto(f"{gateway.console}#/{scene.view}")
    page.get_by_role("heading", level=1).wait_for()
    scene.way(page)
