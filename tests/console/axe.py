"""Accessibility checks with axe: WCAG 2.2 AA and best practices."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECK = """async (options) => {
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, any, all, none }) =>
    [impact, id, target.join(" "), [...any, ...all, ...none].map(({ message }) => message).join("; ")]));
}"""
RULES = {"resultTypes": ["violations"]}


@cache
def axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def violations(page: Page) -> list[list[str]]:
    """Return axe's findings on the page as [impact, rule, selector, message]."""
    page.evaluate("() => document.getAnimations().forEach((each) => each.cancel())")
    page.evaluate(axe())
    results: list[list[Any]] = page.evaluate(CHECK, RULES)
    return results
