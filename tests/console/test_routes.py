"""Routes: creating, ordering, dry runs, undo, and conflicts with other admins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import Gateway
from tests.console.xss_payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OpenPage = Callable[..., "Page"]
LATE_VERSIONS = """() => { const fetched = window.fetch; window.fetch = async (url, options) => {
  if (String(url).includes("admin/audit")) await new Promise((go) => setTimeout(go, 500));
  return fetched(url, options);
}; }"""
MINI, CLAUDE, LARGE = "openai/gpt-4o-mini", "anthropic/claude-simulated", "openai/gpt-4o"


@pytest.fixture(autouse=True)
def no_routes(gateway: Gateway) -> Iterator[None]:
    """Remove all console routes before and after the test."""
    put(gateway, {})
    yield
    put(gateway, {})


def put(gateway: Gateway, models: dict[str, object]) -> None:
    gateway.call_admin("PUT", "/admin/routes", {"models": models})


def stored(gateway: Gateway) -> dict[str, Any]:
    models: dict[str, Any] = gateway.call_admin("GET", "/admin/routes")["models"]
    return models


def target_names(gateway: Gateway, name: str) -> list[str]:
    """Return a stored route's targets, in order."""
    return [each["target"] for each in stored(gateway)[name]["targets"]]


def handle(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=f"Move model {number} of")


def test_a_route_is_created_tried_and_undone(open_page: OpenPage, gateway: Gateway) -> None:
    """A new route is active, a dry run calls no provider, and undo removes the route."""
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("heading", name="fast-llm").wait_for()  # from the providers file
    page.get_by_role("button", name="New route").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Enter a name.").wait_for()
    page.get_by_label("Name", exact=True).fill("our-best")
    page.get_by_label("Strategy").select_option("weighted")
    page.get_by_label("Model 1", exact=True).fill(MINI)
    page.get_by_label("Weight of model 1").fill("3")
    page.get_by_role("button", name="Add model").click()
    page.get_by_label("Model 2", exact=True).fill(CLAUDE)
    page.get_by_text("75%").wait_for()
    page.get_by_label("Cache marks").select_option("auto")
    page.get_by_role("button", name="Save").click()

    page.get_by_role("heading", name="our-best").wait_for()
    assert stored(gateway) == {
        "our-best": {
            "strategy": "weighted",
            "cache": "auto",
            "targets": [{"target": MINI, "weight": 3}, {"target": CLAUDE, "weight": 1}],
        }
    }
    request_count = sum(len(each.script.requests) for each in gateway.simulators.values())
    page.get_by_role("button", name="Dry run of our-best").click()
    page.get_by_text("Matches route our-best").wait_for()
    page.get_by_role("table", name="Candidates").get_by_role("cell", name=CLAUDE).wait_for()
    assert "/v1/" in page.get_by_role("region", name="URL").inner_text()
    assert sum(len(each.script.requests) for each in gateway.simulators.values()) == request_count

    page.get_by_role("button", name="Undo last change").click()
    page.get_by_role("dialog", name="Undo: added our-best?").get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("heading", name="our-best").wait_for(state="detached")
    assert "our-best" not in stored(gateway)


def test_undo_goes_back_step_by_step(open_page: OpenPage, gateway: Gateway) -> None:
    """Each undo reverts one more change, also after a restore; one version is current. No button
    acts on an old list of versions."""
    page = open_page("routes", key=gateway.admin)

    def confirm(name: str | re.Pattern[str]) -> None:
        dialog = page.get_by_role("dialog", name=name)
        with page.expect_response(lambda response: response.request.method == "PUT"):
            dialog.get_by_role("button", name="Restore").click()
        dialog.wait_for(state="detached")

    def undo(change: str) -> None:
        page.get_by_role("button", name="Undo last change").click()
        confirm(f"Undo: {change}?")

    for targets in ([MINI], [MINI, CLAUDE], [LARGE]):
        put(gateway, {"steps": targets})
    page.reload()
    page.get_by_label("Key", exact=True).fill(gateway.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    versions = page.get_by_role("region", name="Versions")
    versions.get_by_text("current", exact=True).wait_for()
    page.evaluate(LATE_VERSIONS)
    undo("changed steps")
    assert stored(gateway)["steps"] == [MINI, CLAUDE]
    undo("changed steps")
    assert stored(gateway)["steps"] == [MINI]
    versions.get_by_text("current", exact=True).wait_for()  # raises if there are two

    versions.get_by_role("row").nth(3).get_by_role("button", name="Restore").click()  # the last saved version
    confirm(re.compile("Restore the routes of"))
    versions.get_by_text("restored from").first.wait_for()
    assert stored(gateway)["steps"] == [LARGE]
    undo("changed steps")
    assert stored(gateway)["steps"] == [MINI, CLAUDE]
    undo("changed steps")
    undo("added steps")
    assert stored(gateway) == {}


def test_a_route_is_renamed_and_shows_its_shares(open_page: OpenPage, gateway: Gateway) -> None:
    """A route is renamed; weights are shown as shares."""
    targets = [{"target": MINI, "weight": 3}, {"target": CLAUDE, "weight": 1}]
    put(gateway, {"before": {"targets": targets, "strategy": "weighted"}, "chain": [MINI, CLAUDE]})
    page = open_page("routes", key=gateway.admin)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="before"))
    card.get_by_role("meter", name=f"Share of {MINI}").get_by_text("75%, weight 3").wait_for()
    assert card.locator(".routes-chain").count() == 0
    page.get_by_role("button", name="Edit before").click()
    page.get_by_label("Name", exact=True).fill("chain")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("A route with this name already exists.").wait_for()
    page.get_by_label("Name", exact=True).fill("after")
    page.get_by_text("Requests for before will no longer use this route.").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="after").wait_for()
    assert route_names(gateway) == {"after", "chain"}
    page.get_by_role("button", name="New route").click()
    page.locator("dialog input:focus").wait_for()
    page.keyboard.type("typed at once")
    assert page.get_by_label("Name", exact=True).input_value() == "typed at once"


def test_targets_are_reordered(open_page: OpenPage, gateway: Gateway) -> None:
    """A handle is dragged or moved by arrow keys, keeps the focus and announces its position."""
    put(gateway, {"ours": [MINI, CLAUDE, LARGE]})
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("button", name="Edit ours").click()
    start, end = handle(page, 3).bounding_box(), handle(page, 1).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 10, end["y"] + 4, steps=12)
    page.mouse.up()
    assert page.get_by_label("Model 1", exact=True).input_value() == LARGE

    handle(page, 1).focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("status").get_by_text(f"{LARGE} moved to position 2 of 3.").wait_for(state="attached")
    page.locator("[aria-label^='Move model 2 of']:focus").wait_for()
    page.get_by_role("button", name="Remove model 3").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert target_names(gateway, "ours") == [MINI, LARGE]


def test_a_conflict_keeps_both_changes(open_page: OpenPage, gateway: Gateway) -> None:
    """After a conflict, saving reports it, keeps the input and the other change, and can be repeated."""
    put(gateway, {"ours": MINI})
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("button", name="Edit ours").click()
    put(gateway, {"ours": MINI, "theirs": CLAUDE})
    page.get_by_label("Model 1", exact=True).fill(LARGE)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("Another admin has changed the routes").wait_for()
    assert route_names(gateway) == {"ours", "theirs"}
    assert page.get_by_label("Model 1", exact=True).input_value() == LARGE

    page.get_by_text("save again to keep both changes").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert route_names(gateway) == {"ours", "theirs"}
    assert target_names(gateway, "ours") == [LARGE]
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 409


def route_names(gateway: Gateway) -> set[str]:
    return set(stored(gateway))


def test_file_routes_can_be_overridden(open_page: OpenPage, gateway: Gateway) -> None:
    """Editing a file route overrides it; deleting the override restores it after a confirmation."""
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("button", name="Edit fast-llm").click()
    page.get_by_role("button", name="Remove model 2").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("from console, overrides file").wait_for()
    assert target_names(gateway, "fast-llm") == [MINI]

    page.get_by_role("button", name="Delete fast-llm").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert target_names(gateway, "fast-llm") == [MINI]
    page.get_by_role("button", name="Delete fast-llm").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("from the providers file").wait_for()
    assert stored(gateway) == {}


def test_errors_are_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """An unknown provider and an unroutable dry run are reported, and nothing changes."""
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("button", name="New route").click()
    page.get_by_label("Name", exact=True).fill(IMAGE)
    page.get_by_label("Model 1", exact=True).fill("nobody/at-all")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_role("alert").get_by_text("nobody").wait_for()
    assert stored(gateway) == {}
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Model", exact=True).fill("leads-nowhere")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("alert").get_by_text("no provider of this gateway serves").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs both 400


def test_hostile_names_are_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """A route name with HTML is text, and the route can be deleted."""
    put(gateway, {IMAGE: MINI})
    page = open_page("routes", key=gateway.admin)
    page.get_by_role("heading", name=IMAGE).wait_for()
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name=f"Delete {IMAGE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name=IMAGE).wait_for(state="detached")
    assert stored(gateway) == {}
