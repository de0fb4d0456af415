"""The cost of the console's first view: requests, bytes transferred, time to interactive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import Gateway, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FIRST_VIEW, AGAIN = 150_000, 5_000  # bytes
FILES = 6  # requests


@dataclass(frozen=True, slots=True)
class Transfer:
    """A request as the browser's network layer reports it."""

    url: str
    size: int  # of headers and body, compressed; 0 from the browser's cache


class Meter:
    """Counts what a page transfers, as measured by the browser."""

    def __init__(self, page: Page, gateway: Gateway) -> None:
        self._console = gateway.console
        self._urls: dict[str, str] = {}
        self.transfers: list[Transfer] = []
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.loadingFinished", self._on_finished)
        session.send("Network.enable")

    @property
    def files(self) -> list[Transfer]:
        """The console's own files."""
        return [each for each in self.transfers if each.url.startswith(self._console)]

    @property
    def bytes(self) -> int:
        return sum(each.size for each in self.transfers)

    def _on_request(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"].partition("#")[0]

    def _on_finished(self, event: dict[str, Any]) -> None:
        url = self._urls.get(event["requestId"], "data:")  # the request was sent before counting started
        if not url.startswith("data:"):
            self.transfers.append(Transfer(url, int(event["encodedDataLength"])))


# Resolves when the heading and the navigation are rendered and a link can take the focus.
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
    """A browser context with an empty cache."""
    with chromium.new_context(viewport={"width": 1280, "height": 800}) as context:
        yield context


def test_the_first_view_is_small(visitor: BrowserContext, gateway: Gateway) -> None:
    """Signed out and signed in together, the console loads a few compressed files of less than 150 kB."""
    page = visitor.new_page()
    meter = Meter(page, gateway)
    page.goto(gateway.console, wait_until="commit")
    took = page.evaluate(INTERACTIVE)
    page.get_by_text("up", exact=True).first.wait_for()
    signed_out = meter.bytes
    page.goto(f"{gateway.console}#/sign-in")
    sign_in(page, gateway.admin)
    page.get_by_text("Requests", exact=True).first.wait_for()

    print(f"{len(meter.files)} files, {len(meter.transfers)} requests, {signed_out} bytes signed out,")
    print(f"{meter.bytes} bytes with the operator's overview; answers after {took:.0f} ms, packing included")
    assert len(meter.files) <= FILES
    assert 50_000 < signed_out <= meter.bytes < FIRST_VIEW


def test_the_second_visit_is_smaller(visitor: BrowserContext, gateway: Gateway) -> None:
    """A second tab requests only the page and loads no file again."""
    first = visitor.new_page()
    first.goto(gateway.console, wait_until="commit")
    took = first.evaluate(INTERACTIVE)
    print(f"the first visit to a gateway that has packed its files answers after {took:.0f} ms")
    first.wait_for_load_state()
    page = visitor.new_page()
    meter = Meter(page, gateway)
    page.goto(gateway.console, wait_until="commit")
    took = page.evaluate(INTERACTIVE)

    print(f"{sum(each.size for each in meter.files)} bytes of files; answers after {took:.0f} ms")
    assert {each.url for each in meter.files if each.size} == {gateway.console}
    assert sum(each.size for each in meter.files) < AGAIN


def test_all_pages_are_in_the_first_script(visitor: BrowserContext, gateway: Gateway) -> None:
    """All views are in the first script, so that an open page survives a deployment."""
    page = visitor.new_page()
    page.goto(f"{gateway.console}#/sign-in")
    sign_in(page, gateway.admin)
    meter = Meter(page, gateway)
    links = page.locator("nav a[href^='#/']")
    for at in range(links.count()):
        title = links.nth(at).inner_text()
        links.nth(at).click()
        page.get_by_role("heading", name=title, level=1).wait_for()

    assert links.count() >= 10
    others = {each.url.removeprefix(gateway.console) for each in meter.files} - {""}
    assert {name.split(".")[0] for name in others if not name.endswith(".md")} <= {"marked", "purify"}
