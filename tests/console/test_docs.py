"""The documentation's page: the repository's own text, this gateway's address, and the admin API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console.conftest import PHONE, ROOT, House, shoot
from vaultcore.web.console import FILES

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
CONTENTS = (FILES / "views/docs/contents.js").read_text()


def test_somebody_reads_the_documentation(opened: Opened, house: House) -> None:
    """The contents lead to a page, a page's links to others in place, and the examples have this address."""
    page = opened("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    assert f'base_url="{house.url}/v1"' in page.locator(".docs-text").inner_text()
    contents = page.get_by_role("navigation", name="Documentation")
    contents.get_by_role("link", name="Settings").click()
    page.get_by_role("cell", name="VAULTEDGE_STORE", exact=True).wait_for()
    assert page.get_by_role("heading", name="Errors").count() == 0
    contents.get_by_role("link", name="Errors").click()
    page.get_by_role("cell", name="all_providers_failed").wait_for()
    contents.get_by_role("link", name="Keys, limits and budgets").click()
    page.get_by_role("heading", name="Limits beyond a key").wait_for()

    page.locator(".docs-text").get_by_role("link", name="prices.md").click()
    page.get_by_role("heading", name="Prices", level=2).wait_for()
    assert page.url.endswith("#/docs?page=prices")
    assert len(page.context.pages) == 1
    page.go_back()
    page.get_by_role("heading", name="Limits beyond a key").wait_for()


def test_every_page_reads(opened: Opened) -> None:
    """Every entry shows a text without remarks for machines, tables that were not understood or dead ends."""
    page = opened("docs")
    contents = page.get_by_role("navigation", name="Documentation")
    for link in contents.get_by_role("link").all():
        title = link.inner_text()
        link.click()
        page.get_by_role("heading", name=title, level=2, exact=True).wait_for()
        if title == "Admin API reference":
            continue
        page.locator(".docs-text .markdown > *").nth(1).wait_for()
        shown = page.locator(".docs-text .markdown").inner_text()
        assert "<!--" not in shown, title
        assert "|---" not in shown, title
        assert "](" not in shown, title


def test_the_admin_api_describes_itself(opened: Opened, house: House) -> None:
    """An admin finds every operation of the description, looks for a field, and saves all as one page."""
    page = opened("docs", key=house.admin)
    page.get_by_role("link", name="Admin API reference").click()
    page.locator(".docs-operation").first.wait_for()
    paths = house.ask("GET", "/admin/openapi.json")["paths"]
    assert page.locator(".docs-operation").count() == sum(len(item) for item in paths.values())

    page.get_by_label("Find an operation or a field").fill("grace_seconds")
    page.locator("summary", has_text="/admin/keys/{id}/rotate").press("Enter")
    page.get_by_role("cell", name="grace_seconds", exact=True).wait_for()
    assert page.locator(".docs-operation").count() == 1
    page.get_by_label("Find an operation or a field").fill("no such thing")
    page.get_by_text("Nothing of that name").wait_for()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Save as one page").click()
    assert "/admin/keys/{id}/rotate" in Path(coming.value.path()).read_text()

    link = page.get_by_role("link", name="/admin/docs")
    assert link.get_attribute("href") == f"{house.url}/admin/docs"
    with page.expect_download() as coming:
        link.click()
    assert "/admin/keys/{id}/rotate" in Path(coming.value.path()).read_text()
    assert f"{house.url}/admin/docs > admin.html" in page.get_by_role("region", name="command").inner_text()


def test_the_docs_are_searched(opened: Opened, house: House) -> None:
    """All pages are looked through, the best first and with the place; a finding leads to its page."""
    page = opened("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/docs/" in request.url else None)
    page.get_by_label("Search the docs").fill("pepper")
    results = page.locator(".docs-found li")
    results.first.wait_for()
    shoot(page, "docs-search")
    titles = results.get_by_role("link").all_inner_texts()
    assert "Keys, limits and budgets" in titles
    assert len(titles) > 1
    for excerpt in page.locator(".docs-found mark").all_inner_texts():
        assert excerpt.lower() == "pepper"

    page.get_by_label("Search the docs").fill("pepper zyzzyva")
    page.get_by_text("No page has that").wait_for()
    page.get_by_label("Search the docs").fill("standard webhooks signed")
    results.get_by_role("link", name="Alerts").wait_for()
    files = [url for url in asked if url.endswith(".md")]
    assert len(files) == len(set(files))  # each once, however much is typed
    results.get_by_role("link", name="Alerts").click()
    page.get_by_role("heading", name="Where alerts go").wait_for()
    assert page.get_by_label("Search the docs").input_value() == ""
    assert page.url.endswith("#/docs?page=alerts")


def test_others_are_told_who_may_read_the_reference(opened: Opened, house: House) -> None:
    """A virtual key is told that the admin API describes itself to the admin key; the rest reads."""
    page = opened("docs", key=house.key)
    page.get_by_role("heading", name="With your own keys").wait_for()
    page.get_by_role("link", name="Admin API reference").click()
    page.get_by_text("describes itself to the admin key").wait_for()


def test_a_page_that_did_not_come_comes_later(opened: Opened) -> None:
    """Offline, what was not read yet is an error with its page's title; when the gateway is back it reads."""
    page = opened("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    page.context.set_offline(True)
    page.get_by_role("link", name="Alerts", exact=True).click()
    page.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    page.get_by_role("heading", name="Alerts", level=2).wait_for()
    page.context.set_offline(False)
    page.locator(".docs-text .markdown").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs what it did not reach


def test_a_phone_chooses_pages_from_a_list(opened: Opened) -> None:
    """At 360 pixels the contents are a list to choose from, and no page is wider than the screen."""
    page = opened("docs?page=providers", size=PHONE)
    page.get_by_role("heading", name="Providers and models", level=2).wait_for()
    page.locator(".docs-text table").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_label("Page", exact=True).select_option(label="Errors")
    page.get_by_role("cell", name="deadline_exceeded").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_there_is_one_source() -> None:
    """What the console serves is the repository's documentation itself, all of it, and each has its entry."""
    served = {path.name: path.resolve() for path in (FILES / "docs").iterdir()}
    files = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "SECURITY.md"]
    assert served == {path.name: path for path in files}
    assert set(re.findall(r'file: "([^"]+)"', CONTENTS)) == set(served)


def test_the_overview_of_the_api_has_every_route() -> None:
    """Every data route and header of the gateway is in docs/api.md."""
    told = (ROOT / "docs/api.md").read_text().lower()
    source = (ROOT / "vaultcore/app.py").read_text()
    for path in re.findall(r'Route\("(/[a-z_/]+)', source):
        assert path.rstrip("/") in told, path
    headers = set()
    for file in (ROOT / "vaultcore/web").glob("*.py"):
        headers |= set(re.findall(r'"(x-vaultedge-[a-z-]+)"', file.read_text()))
    assert {header for header in headers if header not in told} == set()
