"""The models page: search, details, and the link to the playground."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.console.conftest import Gateway
from tests.console.xss_payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]


def test_a_model_is_found_and_tried(open_page: OpenPage, gateway: Gateway) -> None:
    """Filters narrow the list; a model shows its price and opens in the playground."""
    page = open_page("models", key=gateway.admin)
    kinds = page.get_by_role("group", name="Type")
    kinds.get_by_role("button", name="Embedding").click()
    page.get_by_text("text-embedding-3-small", exact=True).wait_for()
    assert page.get_by_text("gpt-4o-mini", exact=True).count() == 0
    assert kinds.get_by_role("button", name="Embedding").get_attribute("aria-pressed") == "true"
    kinds.get_by_role("button", name="All").click()

    page.get_by_label("Provider", exact=True).select_option("openai")
    page.get_by_label("Capabilities", exact=True).select_option("tools")
    page.get_by_role("searchbox").type("4o-mini gpt")
    row = page.get_by_role("row").filter(has=page.get_by_text("gpt-4o-mini", exact=True))
    row.get_by_text("$0.15").wait_for()
    row.get_by_text("128K").wait_for()
    row.get_by_text("up", exact=True).wait_for()
    assert "q=4o-mini+gpt" in page.url
    assert page.evaluate("document.activeElement.type") == "search"

    row.get_by_text("OpenAI").click()
    dialog = page.get_by_role("dialog", name="gpt-4o-mini")
    dialog.get_by_text("cache read", exact=True).wait_for()
    dialog.get_by_role("button", name="Try it").click()
    page.wait_for_url("**/#/playground?model=gpt-4o-mini")


def test_a_key_sees_its_own_models(open_page: OpenPage, gateway: Gateway) -> None:
    """A virtual key sees its allowed models, without provider health."""
    created = gateway.call_admin(
        "POST", "/admin/keys", {"name": "few", "allowed_models": ["gpt-4o-mini", "dall-e-3"]}
    )
    page = open_page("models", key=created["key"])
    page.get_by_text("models · prices").wait_for()
    page.get_by_text("$0.04 each").wait_for()
    assert page.get_by_text("up", exact=True).count() == 0

    page.get_by_role("searchbox").fill("no such thing")
    page.get_by_text("No matching models").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_text("dall-e-3", exact=True).wait_for()


def test_an_unreachable_gateway_is_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """An unreachable gateway is reported, and a retry recovers."""
    page = open_page(key=gateway.admin)
    page.route("**/admin/models", lambda route: route.abort())
    page.goto(f"{gateway.console}#/models")
    page.get_by_text("The gateway is unreachable.").wait_for()
    page.unroute("**/admin/models")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("text-embedding-3-small", exact=True).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs failed requests


def test_availability_follows_provider_health(open_page: OpenPage, gateway: Gateway) -> None:
    """A model is down if its only provider is down, and partly down if another one is up."""
    down = {"state": "open", "failures": 5, "rests": 30.0, "reason": "HTTP 503"}
    health = {"keys": {}, "quotas": {}, "providers": {"openai": down}}
    page = open_page(key=gateway.admin)
    page.route("**/admin/health", lambda route: route.fulfill(json=health))
    page.goto(f"{gateway.console}#/models")
    for name, state in (
        ("gpt-4o-mini", "paused after failures"),
        ("fast-llm", "partly down"),
        ("claude-opus-4-5", "up"),
    ):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        row.get_by_text(state, exact=True).wait_for()


def test_a_thousand_models_with_odd_names_stay_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Of 1,000 models only visible ones are rendered; names with HTML are text."""
    page = open_page(key=gateway.admin)
    sample = gateway.call_admin("GET", "/admin/models")["data"][0]
    rows = [{**sample, "id": f"{IMAGE}{number:04}"} for number in range(1_000)]
    page.route("**/admin/models", lambda route: route.fulfill(json={"data": rows}))
    page.goto(f"{gateway.console}#/models")
    page.get_by_text(f"{IMAGE}0000", exact=True).wait_for()
    assert page.locator("main tbody tr").count() < 100
    assert page.locator("main img").count() == 0
