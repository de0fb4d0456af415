"""Routes: made, put in order by drag and by keys, tried without a call, taken back, set beside others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House
from tests.console.payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Opened = Callable[..., "Page"]
MINI, CLAUDE, LARGE = "openai/gpt-4o-mini", "anthropic/claude-simulated", "openai/gpt-4o"


@pytest.fixture(autouse=True)
def plain(house: House) -> Iterator[None]:
    """The routes as they were."""
    put(house, {})
    yield
    put(house, {})


def put(house: House, models: dict[str, object]) -> None:
    house.ask("PUT", "/admin/routes", {"models": models})


def stored(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.ask("GET", "/admin/routes")["models"]
    return found


def names(house: House, name: str) -> list[str]:
    """A stored route's targets, in order."""
    return [each["target"] for each in stored(house)[name]["targets"]]


def handle(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=f"Move model {number} of")


def test_a_route_is_made_tried_and_taken_back(opened: Opened, house: House) -> None:
    """A new route is in force, a dry run calls nobody, and undo takes the route away."""
    page = opened("routes", key=house.admin)
    page.get_by_role("heading", name="fast-llm").wait_for()  # of the file
    page.get_by_role("button", name="New route").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("A route needs a name.").wait_for()
    page.get_by_label("Name", exact=True).fill("our-best")
    page.get_by_label("Which model is asked first").select_option("weighted")
    page.get_by_label("Model 1", exact=True).fill(MINI)
    page.get_by_label("Weight of model 1").fill("3")
    page.get_by_role("button", name="Add a model").click()
    page.get_by_label("Model 2", exact=True).fill(CLAUDE)
    page.get_by_text("75%").wait_for()
    page.get_by_role("button", name="Save").click()

    page.get_by_role("heading", name="our-best").wait_for()
    assert stored(house) == {
        "our-best": {
            "strategy": "weighted",
            "targets": [{"target": MINI, "weight": 3}, {"target": CLAUDE, "weight": 1}],
        }
    }
    asked = sum(len(each.script.asked) for each in house.simulators.values())
    page.get_by_role("button", name="Dry run of our-best").click()
    page.get_by_text("The name leads to the route our-best").wait_for()
    page.get_by_role("table", name="Who would be asked").get_by_role("cell", name=CLAUDE).wait_for()
    assert "/v1/" in page.get_by_role("region", name="address").inner_text()
    assert sum(len(each.script.asked) for each in house.simulators.values()) == asked

    page.get_by_role("button", name="Undo the last change").click()
    page.get_by_role("dialog", name="Undo: added our-best?").get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("heading", name="our-best").wait_for(state="detached")
    assert "our-best" not in stored(house)


def test_undo_goes_back_step_by_step(opened: Opened, house: House) -> None:
    """Undoing twice is two steps back and no redo, after going back to a version too; one is in force."""
    page = opened("routes", key=house.admin)

    def undo(said: str) -> None:
        page.get_by_role("button", name="Undo the last change").click()
        page.get_by_role("dialog", name=f"Undo: {said}?").get_by_role("button", name="Restore").click()
        page.get_by_role("dialog").wait_for(state="detached")

    for targets in ([MINI], [MINI, CLAUDE], [LARGE]):
        put(house, {"steps": targets})
    page.reload()
    page.get_by_label("Key", exact=True).fill(house.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    versions = page.get_by_role("region", name="Versions")
    versions.get_by_text("in force").wait_for()
    undo("changed steps")
    assert stored(house)["steps"] == [MINI, CLAUDE]
    undo("changed steps")
    assert stored(house)["steps"] == [MINI]
    assert versions.get_by_text("in force").count() == 1

    versions.get_by_role("row").nth(3).get_by_role("button", name="Restore").click()  # the last that was put
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    versions.get_by_text("goes back to").first.wait_for()
    assert stored(house)["steps"] == [LARGE]
    undo("changed steps")
    assert stored(house)["steps"] == [MINI, CLAUDE]
    undo("changed steps")
    undo("added steps")
    assert stored(house) == {}


def test_a_route_is_renamed_and_shows_its_shares(opened: Opened, house: House) -> None:
    """A name can be changed, and the old one is gone; weights are shares, with no arrow between."""
    targets = [{"target": MINI, "weight": 3}, {"target": CLAUDE, "weight": 1}]
    put(house, {"before": {"targets": targets, "strategy": "weighted"}, "chain": [MINI, CLAUDE]})
    page = opened("routes", key=house.admin)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="before"))
    card.get_by_role("meter", name=f"Share of {MINI}").get_by_text("75%, weight 3").wait_for()
    assert card.locator(".routes-chain").count() == 0
    page.get_by_role("button", name="Edit before").click()
    page.get_by_label("Name", exact=True).fill("chain")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("There is a route of this name already.").wait_for()
    page.get_by_label("Name", exact=True).fill("after")
    page.get_by_text("Programs that ask for before are no longer routed by this.").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="after").wait_for()
    assert names_of(house) == {"after", "chain"}
    page.get_by_role("button", name="New route").click()
    page.locator("dialog input:focus").wait_for()
    page.keyboard.type("typed at once")
    assert page.get_by_label("Name", exact=True).input_value() == "typed at once"


def test_targets_are_put_in_order(opened: Opened, house: House) -> None:
    """A handle is dragged, or moved by the arrow keys, which keep the focus and say where it is now."""
    put(house, {"ours": [MINI, CLAUDE, LARGE]})
    page = opened("routes", key=house.admin)
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
    page.get_by_role("status").get_by_text(f"{LARGE} is now 2 of 3.").wait_for(state="attached")
    page.locator("[aria-label^='Move model 2 of']:focus").wait_for()
    page.get_by_role("button", name="Remove model 3").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert names(house, "ours") == [MINI, LARGE]


def test_nobody_is_overwritten_unawares(opened: Opened, house: House) -> None:
    """Where somebody else was first, saving says so, keeps what they did and what was typed, and goes on."""
    put(house, {"ours": MINI})
    page = opened("routes", key=house.admin)
    page.get_by_role("button", name="Edit ours").click()
    put(house, {"ours": MINI, "theirs": CLAUDE})
    page.get_by_label("Model 1", exact=True).fill(LARGE)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("Somebody else has changed the routes").wait_for()
    assert names_of(house) == {"ours", "theirs"}
    assert page.get_by_label("Model 1", exact=True).input_value() == LARGE

    page.get_by_text("you can save again").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert names_of(house) == {"ours", "theirs"}
    assert names(house, "ours") == [LARGE]
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 409


def names_of(house: House) -> set[str]:
    return set(stored(house))


def test_the_files_routes_can_be_covered_and_uncovered(opened: Opened, house: House) -> None:
    """Editing the file's route sets one before it; deleting that brings the file's back, once confirmed."""
    page = opened("routes", key=house.admin)
    page.get_by_role("button", name="Edit fast-llm").click()
    page.get_by_role("button", name="Remove model 2").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("set here, instead of the file's").wait_for()
    assert names(house, "fast-llm") == [MINI]

    page.get_by_role("button", name="Delete fast-llm").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert names(house, "fast-llm") == [MINI]
    page.get_by_role("button", name="Delete fast-llm").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("from the providers file").wait_for()
    assert stored(house) == {}


def test_a_refusal_is_told(opened: Opened, house: House) -> None:
    """A provider that is not known, and a dry run that leads nowhere, are told, and nothing is changed."""
    page = opened("routes", key=house.admin)
    page.get_by_role("button", name="New route").click()
    page.get_by_label("Name", exact=True).fill(IMAGE)
    page.get_by_label("Model 1", exact=True).fill("nobody/at-all")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_role("alert").get_by_text("nobody").wait_for()
    assert stored(house) == {}
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Model name").fill("leads-nowhere")
    page.get_by_role("button", name="Try", exact=True).click()
    page.get_by_role("alert").get_by_text("no provider here serves").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs both 400


def test_hostile_names_are_inert(opened: Opened, house: House) -> None:
    """A route whose name is markup is shown as text, and can be deleted."""
    put(house, {IMAGE: MINI})
    page = opened("routes", key=house.admin)
    page.get_by_role("heading", name=IMAGE).wait_for()
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name=f"Delete {IMAGE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name=IMAGE).wait_for(state="detached")
    assert stored(house) == {}
