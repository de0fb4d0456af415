"""Whoever cannot see, point or sit still: axe on every page and dialog, the keyboard alone, and motion."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import DESKTOP, PHONE, House
from tests.console.lived import lived_in
from tests.console.scenes import Opened, visited

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECK = """async (options) => {
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, any, all, none }) =>
    [impact, id, target.join(" "), [...any, ...all, ...none].map(({ message }) => message).join("; ")]));
}"""
# Rules that hold for conformance with WCAG 2.2 AA, and what axe calls best practice.
RULES = {"resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with lived_in(tmp_path_factory.mktemp("accessible")) as made:
        yield made


@cache
def axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def violations(page: Page) -> list[list[str]]:
    """Of the page as it is: [impact, rule, where, why]."""
    page.evaluate("() => Promise.all(document.getAnimations().map((each) => each.finish?.()))")
    page.evaluate(axe())
    found: list[list[Any]] = page.evaluate(CHECK, RULES)
    return found


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(theme: str, size: tuple[int, int], opened: Opened, house: House) -> None:
    """No page and no dialog breaks any of axe's rules, contrast included, in either theme, however wide."""
    found = [
        (scene.name, *each)
        for scene, page in visited(opened, house, theme, size)
        for each in violations(page)
    ]
    for each in found:
        print(*each, sep=" | ")

    assert found == []
