"""Screenshots of every page and state, with automatic layout and accessibility checks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.axe import violations
from tests.console.conftest import DESKTOP, PHONE, Gateway, shoot
from tests.console.sample_data import sample_gateway
from tests.console.scenes import OpenPage, visit_all

TABLET = (768, 1024)
MOST_SHIFT = 0.1  # the "good" limit of web.dev
# Overflowing elements: the page itself, texts clipped without an ellipsis, tables on a desktop.
WIDER = """() => {
  const problems = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) problems.push(`the page: ${scrollWidth} > ${clientWidth}`);
  const tell = ({ localName, className, scrollWidth, clientWidth }) =>
    problems.push(`${localName}.${className}: ${scrollWidth} > ${clientWidth}`);
  for (const each of document.querySelectorAll("#console *")) {
    const style = getComputedStyle(each);
    const visible = each.checkVisibility() && each.clientWidth > 1
      && !each.closest("svg, input, .visually-hidden");
    if (!visible || each.scrollWidth <= each.clientWidth + 1) continue;
    const hides = ["hidden", "clip"].includes(style.overflowX) && style.textOverflow !== "ellipsis";
    const table = each.matches(".table") && innerWidth >= 1280;  // scrolls, but should not need to
    if (hides || table) tell(each);
  }
  return problems;
}"""
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  const add = (entries) => entries.forEach((each) => { if (!each.hadRecentInput) sum += each.value; });
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => { add(observer.takeRecords()); done(sum); }));
})"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with sample_gateway(tmp_path_factory.mktemp("screens")) as created:
        yield created


@pytest.mark.parametrize(
    ("theme", "size"),
    [
        ("light", DESKTOP),
        ("dark", PHONE),
        pytest.param("dark", DESKTOP, marks=pytest.mark.slow),
        pytest.param("light", PHONE, marks=pytest.mark.slow),
        pytest.param("light", TABLET, marks=pytest.mark.slow),
    ],
)
def test_every_page(theme: str, size: tuple[int, int], open_page: OpenPage, gateway: Gateway) -> None:
    """No page or dialog violates an axe rule, overflows, clips text or shifts while loading."""
    problems: list[tuple[str, ...]] = []
    for scene, page in visit_all(open_page, gateway, theme, size):
        shift: float = page.evaluate(SHIFT)
        print(f"{scene.name:20} {size[0]:5} {theme:5} layout shift {shift:.4f}")
        problems += [(scene.name, each) for each in page.evaluate(WIDER)]
        if shift >= MOST_SHIFT and not scene.grows:
            problems.append((scene.name, f"layout shift {shift:.3f}"))
        page.evaluate("scrollTo(0, 0)")
        shoot(page, scene.name)
        problems += [(scene.name, *each) for each in violations(page)]

    for each in problems:
        print(*each, sep=" | ")
    assert problems == []
