"""Pictures of every page and state for people to look at; and what a machine can say of their looks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.axe import violations
from tests.console.conftest import DESKTOP, PHONE, House, shoot
from tests.console.lived import lived_in
from tests.console.scenes import Opened, visited

TABLET = (768, 1024)
MOST_SHIFT = 0.1  # what web.dev calls good
# What is wider than its place: the page itself, texts that are cut without a sign of it, tables on a desktop.
WIDER = """() => {
  const said = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) said.push(`the page: ${scrollWidth} > ${clientWidth}`);
  const tell = ({ localName, className, scrollWidth, clientWidth }) =>
    said.push(`${localName}.${className}: ${scrollWidth} > ${clientWidth}`);
  for (const each of document.querySelectorAll("#console *")) {
    const style = getComputedStyle(each);
    const shown = each.checkVisibility() && each.clientWidth > 1 && !each.closest("svg, input, .hidden");
    if (!shown || each.scrollWidth <= each.clientWidth + 1) continue;
    const hides = ["hidden", "clip"].includes(style.overflowX) && style.textOverflow !== "ellipsis";
    const table = each.matches(".table") && innerWidth >= 1280;  // scrolls, but should not need to
    if (hides || table) tell(each);
  }
  return said;
}"""
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  const add = (entries) => entries.forEach((each) => { if (!each.hadRecentInput) sum += each.value; });
  const seen = new PerformanceObserver((list) => add(list.getEntries()));
  seen.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => { add(seen.takeRecords()); done(sum); }));
})"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with lived_in(tmp_path_factory.mktemp("screens")) as made:
        yield made


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
def test_every_page(theme: str, size: tuple[int, int], opened: Opened, house: House) -> None:
    """No page and no dialog breaks one of axe's rules, contrast included, or is wider than the screen, or cut
    without a sign of it, or jumps while it comes.
    """
    found: list[tuple[str, ...]] = []
    for scene, page in visited(opened, house, theme, size):
        shift: float = page.evaluate(SHIFT)
        print(f"{scene.name:20} {size[0]:5} {theme:5} layout shift {shift:.4f}")
        found += [(scene.name, each) for each in page.evaluate(WIDER)]
        if shift >= MOST_SHIFT and not scene.grows:
            found.append((scene.name, f"layout shift {shift:.3f}"))
        page.evaluate("scrollTo(0, 0)")
        shoot(page, scene.name)
        found += [(scene.name, *each) for each in violations(page)]

    for each in found:
        print(*each, sep=" | ")
    assert found == []
