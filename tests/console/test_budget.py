"""What the console's first view costs: requests, bytes as they are transferred, time until it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FIRST_VIEW, AGAIN = 150_000, 5_000  # bytes
FILES = 6  # requests


@dataclass(frozen=True, slots=True)
class Transfer:
    """A request as the browser's network saw it."""

    url: str
    size: int  # of head and body, compressed; nothing where it was in the browser's cache


class Meter:
    """Counts what a page transfers, by the browser's own measure."""

    def __init__(self, page: Page, house: House) -> None:
        self._console = house.console
        self._asked: dict[str, str] = {}
        self.transfers: list[Transfer] = []
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    @property
    def files(self) -> list[Transfer]:
        """The console's own files."""
        return [each for each in self.transfers if each.url.startswith(self._console)]

    @property
    def bytes(self) -> int:
        return sum(each.size for each in self.transfers)

    def _sent(self, told: dict[str, Any]) -> None:
        self._asked[told["requestId"]] = told["request"]["url"].partition("#")[0]

    def _finished(self, told: dict[str, Any]) -> None:
        url = self._asked.get(told["requestId"], "data:")  # what was asked before anybody counted
        if not url.startswith("data:"):
            self.transfers.append(Transfer(url, int(told["encodedDataLength"])))


# The moment that the heading and the navigation are there and a link of it can have the focus.
INTERACTIVE = """() => new Promise((done) => {
  const look = () => {
    const link = document.querySelector("nav a");
    if (document.querySelector("#content h1") && link) {
      link.focus();
      if (document.activeElement === link) return done(performance.now());
    }
    requestAnimationFrame(look);
  };
  look();
})"""


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that was never here."""
    with chromium.new_context(viewport={"width": 1280, "height": 800}) as context:
        yield context


def test_the_first_view_is_small(visitor: BrowserContext, house: House) -> None:
    """Signed out and signed in together, a handful of compressed files and less than 150 kB are loaded."""
    page = visitor.new_page()
    meter = Meter(page, house)
    page.goto(house.console, wait_until="commit")
    took = page.evaluate(INTERACTIVE)
    page.get_by_text("up", exact=True).first.wait_for()
    signed_out = meter.bytes
    page.goto(f"{house.console}#/sign-in")
    sign_in(page, house.admin)
    page.get_by_text("Requests", exact=True).first.wait_for()

    print(f"{len(meter.files)} files, {len(meter.transfers)} requests, {signed_out} bytes signed out,")
    print(f"{meter.bytes} bytes with the operator's overview; answers after {took:.0f} ms, packing included")
    assert len(meter.files) <= FILES
    assert 50_000 < signed_out <= meter.bytes < FIRST_VIEW


def test_the_second_visit_is_smaller(visitor: BrowserContext, house: House) -> None:
    """A tab that is opened later asks for the page alone, and gets no file again."""
    first = visitor.new_page()
    first.goto(house.console, wait_until="commit")
    took = first.evaluate(INTERACTIVE)
    print(f"the first visit to a gateway that has packed its files answers after {took:.0f} ms")
    first.wait_for_load_state()
    page = visitor.new_page()
    meter = Meter(page, house)
    page.goto(house.console, wait_until="commit")
    took = page.evaluate(INTERACTIVE)

    print(f"{sum(each.size for each in meter.files)} bytes of files; answers after {took:.0f} ms")
    assert {each.url for each in meter.files if each.size} == {house.console}
    assert sum(each.size for each in meter.files) < AGAIN


def test_all_pages_are_in_the_first_script(visitor: BrowserContext, house: House) -> None:
    """Whoever has the page goes on through a change of versions: no page asks for another file of ours."""
    page = visitor.new_page()
    page.goto(f"{house.console}#/sign-in")
    sign_in(page, house.admin)
    meter = Meter(page, house)
    links = page.locator("nav a[href^='#/']")
    for at in range(links.count()):
        title = links.nth(at).inner_text()
        links.nth(at).click()
        page.get_by_role("heading", name=title, level=1).wait_for()

    assert links.count() >= 10
    others = {each.url.removeprefix(house.console) for each in meter.files} - {""}
    assert {name.split(".")[0] for name in others if not name.endswith(".md")} <= {"marked", "purify"}
