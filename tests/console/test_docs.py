"""The docs page: the repository's documentation with this gateway's address, and the admin API reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console.conftest import PHONE, Gateway, shoot

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]


def test_the_documentation_is_browsed(open_page: OpenPage, gateway: Gateway) -> None:
    """The contents open pages, links between pages stay in place, and examples have this address."""
    page = open_page("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    assert f'base_url="{gateway.url}/v1"' in page.locator(".docs-text").inner_text()
    contents = page.get_by_role("navigation", name="Documentation")
    contents.get_by_role("link", name="Settings").click()
    page.get_by_role("cell", name="VAULTEDGE_STORE", exact=True).wait_for()
    assert page.get_by_role("heading", name="Errors").count() == 0
    contents.get_by_role("link", name="Errors").click()
    page.get_by_role("cell", name="all_providers_failed").wait_for()
    contents.get_by_role("link", name="Keys, limits and budgets").click()
    page.get_by_role("heading", name="Limits of owners and the gateway").wait_for()

    page.locator(".docs-text").get_by_role("link", name="prices.md").click()
    page.get_by_role("heading", name="Prices", level=2).wait_for()
    assert page.url.endswith("#/docs?page=prices")
    assert len(page.context.pages) == 1
    page.go_back()
    page.get_by_role("heading", name="Limits of owners and the gateway").wait_for()


def test_every_page_renders(open_page: OpenPage) -> None:
    """Every page renders without HTML comments, unparsed tables or broken links."""
    page = open_page("docs")
    contents = page.get_by_role("navigation", name="Documentation")
    for link in contents.get_by_role("link").all():
        title = link.inner_text()
        link.click()
        page.get_by_role("heading", name=title, level=2, exact=True).wait_for()
        if title == "Admin API reference":
            continue
        page.locator(".docs-text .markdown > *").nth(1).wait_for()
        text = page.locator(".docs-text .markdown").inner_text()
        assert "<!--" not in text, title
        assert "|---" not in text, title
        assert "](" not in text, title


def test_the_admin_api_reference_is_complete(open_page: OpenPage, gateway: Gateway) -> None:
    """An admin finds every operation, searches fields and downloads the reference."""
    page = open_page("docs", key=gateway.admin)
    page.get_by_role("link", name="Admin API reference").click()
    page.locator(".docs-operation").first.wait_for()
    paths = gateway.call_admin("GET", "/admin/openapi.json")["paths"]
    assert page.locator(".docs-operation").count() == sum(len(item) for item in paths.values())

    page.get_by_label("Search operations and fields").fill("grace_seconds")
    page.locator("summary", has_text="/admin/keys/{id}/rotate").press("Enter")
    page.get_by_role("cell", name="grace_seconds", exact=True).wait_for()
    assert page.locator(".docs-operation").count() == 1
    page.get_by_label("Search operations and fields").fill("no such thing")
    page.get_by_text("No matching operations").wait_for()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download as HTML").click()
    assert "/admin/keys/{id}/rotate" in Path(coming.value.path()).read_text()

    link = page.get_by_role("link", name="/admin/docs")
    assert link.get_attribute("href") == f"{gateway.url}/admin/docs"
    with page.expect_download() as coming:
        link.click()
    assert "/admin/keys/{id}/rotate" in Path(coming.value.path()).read_text()
    assert f"{gateway.url}/admin/docs > admin.html" in page.get_by_role("region", name="command").inner_text()


def test_the_docs_are_searched(open_page: OpenPage, gateway: Gateway) -> None:
    """A search covers all pages, ranks them, shows excerpts and opens results."""
    page = open_page("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if "/docs/" in request.url else None)
    page.get_by_label("Search the docs").fill("pepper")
    results = page.locator(".docs-results li")
    results.first.wait_for()
    shoot(page, "docs-search")
    titles = results.get_by_role("link").all_inner_texts()
    assert "Keys, limits and budgets" in titles
    assert len(titles) > 1
    for excerpt in page.locator(".docs-results mark").all_inner_texts():
        assert excerpt.lower() == "pepper"

    page.get_by_label("Search the docs").fill("pepper zyzzyva")
    page.get_by_text("No results").wait_for()
    page.get_by_label("Search the docs").fill("standard webhooks signed")
    results.get_by_role("link", name="Alerts").wait_for()
    files = [url for url in urls if url.endswith(".md")]
    assert len(files) == len(set(files))  # each file is fetched once
    results.get_by_role("link", name="Alerts").click()
    page.get_by_role("heading", name="Destinations").wait_for()
    assert page.get_by_label("Search the docs").input_value() == ""
    assert page.url.endswith("#/docs?page=alerts")


def test_the_reference_requires_the_admin_key(open_page: OpenPage, gateway: Gateway) -> None:
    """A virtual key reads the docs, but not the admin API reference."""
    page = open_page("docs", key=gateway.key)
    page.get_by_role("heading", name="With your own keys").wait_for()
    page.get_by_role("link", name="Admin API reference").click()
    page.get_by_text("requires the admin key").wait_for()


def test_a_failed_page_is_retried(open_page: OpenPage) -> None:
    """Offline, an unread page shows an error under its title, and loads once online."""
    page = open_page("docs")
    page.get_by_role("heading", name="With your own keys").wait_for()
    page.context.set_offline(True)
    page.get_by_role("link", name="Alerts", exact=True).click()
    page.get_by_role("alert").get_by_text("is unreachable").wait_for()
    page.get_by_role("heading", name="Alerts", level=2).wait_for()
    page.context.set_offline(False)
    page.locator(".docs-text .markdown").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs failed requests


def test_a_phone_chooses_pages_from_a_list(open_page: OpenPage) -> None:
    """At 360 pixels the contents are a select, and no page overflows."""
    page = open_page("docs?page=providers", size=PHONE)
    page.get_by_role("heading", name="Providers and models", level=2).wait_for()
    page.locator(".docs-text table").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_label("Page", exact=True).select_option(label="Errors")
    page.get_by_role("cell", name="deadline_exceeded").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
