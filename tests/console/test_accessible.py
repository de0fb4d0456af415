"""Whoever cannot point or sit still: the keyboard alone, and motion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.conftest import House, sign_in
from tests.console.lived import lived_in
from tests.console.scenes import Opened

# What can be acted on and is seen, without what arrow keys lead to, as names; and what has the focus.
ACTIONS = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((each) =>
  !each.disabled && each.tabIndex >= 0 && each.checkVisibility({ visibilityProperty: true })
  && each.getClientRects().length && !each.closest(".offline"))
  .map((each, at) => { each.dataset.at = at; return each.outerHTML.slice(0, 120); })"""
FOCUSED = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return [document.activeElement.dataset.at ?? null, outlineStyle, parseFloat(outlineWidth)];
}"""
# A page, and what opens a dialog there.
OPENERS = (
    ("keys", "button", "New key"),
    ("keys", "button", "Revoke support bot"),
    ("keys", "row", "support bot"),
    ("models?q=gpt-4o-mini", "row", "gpt-4o-mini"),
    ("logs?status=5xx", "row", "503"),
    ("balance", "button", "Top up checkout"),
    ("routes", "button", "Edit fast"),
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with lived_in(tmp_path_factory.mktemp("accessible")) as made:
        yield made


@pytest.mark.parametrize(
    "view",
    [
        "overview",
        "models?q=gpt-4o-mini",
        "keys",
        "playground",
        "chat",
        "logs?status=5xx",
        "usage",
        "balance",
        "routes",
        "vault",
        "docs?page=errors",
    ],
)
def test_tab_reaches_every_action(view: str, opened: Opened, house: House) -> None:
    """Tab leads through all that can be acted on, in the order of the page, and shows where it is."""
    page = opened(view, key=house.admin)
    page.locator("main .card, main .chat-main, main .docs-text").first.wait_for()
    page.locator(".loading").first.wait_for(state="detached")
    page.locator("h1").focus()  # before the first action of the page itself
    actions = page.evaluate(ACTIONS)
    first = page.evaluate("() => document.querySelector('main [data-at]').dataset.at")
    reached: list[str] = []
    unseen = []
    for _ in actions[int(first) :]:
        page.keyboard.press("Tab")
        at, style, width = page.evaluate(FOCUSED)
        reached.append(at)
        if style == "none" or width < 2:
            unseen.append(actions[int(at)] if at else "nothing")

    assert reached == [str(at) for at in range(int(first), len(actions))]
    assert unseen == []


@pytest.mark.parametrize(("view", "role", "name"), OPENERS)
def test_escape_leads_back(view: str, role: Any, name: str, opened: Opened, house: House) -> None:
    """A dialog that a key opens holds the focus; Escape closes it, and what opened it has the focus again."""
    page = opened(view, key=house.admin)
    if role == "row":
        opener = page.locator("tbody tr").filter(has_text=name).first
    else:
        opener = page.get_by_role(role, name=name).first
    opener.wait_for()
    opener.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.locator("dialog:focus-within").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert opener.evaluate("opener => opener === document.activeElement")


@pytest.mark.parametrize(("wish", "seconds"), [("reduce", 0.001), ("no-preference", 1.4)])
def test_motion_is_reduced_on_demand(wish: str, seconds: float, opened: Opened, house: House) -> None:
    """What breathes while a page comes is still for whoever asks their system for that, and for no other."""
    page = opened("overview", reduced_motion=wish)
    page.locator("main .card").first.wait_for()
    page.route("**/admin/keys*", lambda route: None)
    page.goto(f"{house.console}#/sign-in")
    sign_in(page, house.admin)
    page.goto(f"{house.console}#/keys")
    page.locator(".bone").first.wait_for()
    bone = page.locator(".bone").first
    assert bone.evaluate("(bone) => parseFloat(getComputedStyle(bone).animationDuration)") == seconds
