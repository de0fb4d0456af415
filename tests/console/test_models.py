"""The page of models: finding one, what is told of it, and the way to the playground."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.console.conftest import House
from tests.console.payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]


def test_a_model_is_found_and_tried(opened: Opened, house: House) -> None:
    """The list narrows by type, provider, capability and words; a model tells its price and can be tried."""
    page = opened("models", key=house.admin)
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


def test_a_key_sees_its_own_models(opened: Opened, house: House) -> None:
    """A virtual key is shown the models that it may use, without what only an admin may know."""
    made = house.ask("POST", "/admin/keys", {"name": "few", "allowed_models": ["gpt-4o-mini", "dall-e-3"]})
    page = opened("models", key=made["key"])
    page.get_by_text("models · prices").wait_for()
    page.get_by_text("$0.04 each").wait_for()
    assert page.get_by_text("up", exact=True).count() == 0

    page.get_by_role("searchbox").fill("no such thing")
    page.get_by_text("No model fits").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("dall-e-3", exact=True).wait_for()


def test_a_gateway_that_is_away_is_said(opened: Opened, house: House) -> None:
    """Where no answer comes the page says so, and asks again when it is told to."""
    page = opened(key=house.admin)
    page.route("**/admin/models", lambda route: route.abort())
    page.goto(f"{house.console}#/models")
    page.get_by_text("The gateway cannot be reached.").wait_for()
    page.unroute("**/admin/models")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("text-embedding-3-small", exact=True).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the answer that did not come


def test_availability_is_of_the_health(opened: Opened, house: House) -> None:
    """A model rests where its only provider does, and rests partly where another one serves it too."""
    down = {"state": "open", "failures": 5, "rests": 30.0, "reason": "HTTP 503"}
    health = {"keys": {}, "quotas": {}, "providers": {"openai": down}}
    page = opened(key=house.admin)
    page.route("**/admin/health", lambda route: route.fulfill(json=health))
    page.goto(f"{house.console}#/models")
    for name, state in (
        ("gpt-4o-mini", "resting"),
        ("fast-llm", "partly resting"),
        ("claude-opus-4-5", "up"),
    ):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        row.get_by_text(state, exact=True).wait_for()


def test_a_thousand_models_with_odd_names_stay_inert(opened: Opened, house: House) -> None:
    """Of many models some dozens are drawn; names full of HTML are text."""
    page = opened(key=house.admin)
    told = house.ask("GET", "/admin/models")["data"][0]
    rows = [{**told, "id": f"{IMAGE}{number:04}"} for number in range(1_000)]
    page.route("**/admin/models", lambda route: route.fulfill(json={"data": rows}))
    page.goto(f"{house.console}#/models")
    page.get_by_text(f"{IMAGE}0000", exact=True).wait_for()
    assert page.locator("main tbody tr").count() < 100
    assert page.locator("main img").count() == 0
