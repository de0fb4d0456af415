"""Keyboard access and reduced motion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.conftest import Gateway, sign_in
from tests.console.sample_data import sample_gateway
from tests.console.scenes import OpenPage

# The visible controls that Tab should reach, without those reached by arrow keys; and the focused one.
ACTIONS = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((each) =>
  !each.disabled && each.tabIndex >= 0 && each.checkVisibility({ visibilityProperty: true })
  && each.getClientRects().length && !each.closest(".offline"))
  .map((each, at) => { each.dataset.at = at; return each.outerHTML.slice(0, 120); })"""
FOCUSED = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return [document.activeElement.dataset.at ?? null, outlineStyle, parseFloat(outlineWidth)];
}"""
# A page, and the control that opens a dialog.
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
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with sample_gateway(tmp_path_factory.mktemp("accessible")) as created:
        yield created


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
def test_tab_reaches_every_action(view: str, open_page: OpenPage, gateway: Gateway) -> None:
    """Tab reaches every control in page order, with a visible focus outline."""
    page = open_page(view, key=gateway.admin)
    page.locator("main .card, main .chat-main, main .docs-text").first.wait_for()
    page.locator(".loading").first.wait_for(state="detached")
    page.locator("h1").focus()  # before the page's first control
    actions = page.evaluate(ACTIONS)
    first = page.evaluate("() => document.querySelector('main [data-at]').dataset.at")
    reached: list[str] = []
    unmarked = []
    for _ in actions[int(first) :]:
        page.keyboard.press("Tab")
        at, style, width = page.evaluate(FOCUSED)
        reached.append(at)
        if style == "none" or width < 2:
            unmarked.append(actions[int(at)] if at else "nothing")

    assert reached == [str(at) for at in range(int(first), len(actions))]
    assert unmarked == []


@pytest.mark.parametrize(("view", "role", "name"), OPENERS)
def test_escape_closes_a_dialog_and_restores_focus(
    view: str, role: Any, name: str, open_page: OpenPage, gateway: Gateway
) -> None:
    """A dialog opened by keyboard traps the focus; Escape closes it and restores the focus."""
    page = open_page(view, key=gateway.admin)
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


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", 0.001), ("no-preference", 1.4)])
def test_motion_follows_the_system_setting(
    motion: str, seconds: float, open_page: OpenPage, gateway: Gateway
) -> None:
    """Loading placeholders are animated unless the system asks for reduced motion."""
    page = open_page("overview", reduced_motion=motion)
    page.locator("main .card").first.wait_for()
    page.route("**/admin/keys*", lambda route: None)
    page.goto(f"{gateway.console}#/sign-in")
    sign_in(page, gateway.admin)
    page.goto(f"{gateway.console}#/keys")
    page.locator(".skeleton").first.wait_for()
    skeleton = page.locator(".skeleton").first
    assert (
        skeleton.evaluate("(element) => parseFloat(getComputedStyle(element).animationDuration)") == seconds
    )
