"""The console in the system's Chromium, against `vaultedge serve` over simulated providers."""

from __future__ import annotations

import importlib.util
import mimetypes
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from _pytest.runner import runtestprotocol

from tests.fakes.served import Served, fill, served
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.web.console import FILES, HEADERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page, Route

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "build" / "console-screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")  # a container's root, with little shared memory
DESKTOP, PHONE = (1280, 800), (360, 740)
PATIENCE = 30  # seconds: a machine that does much else at once is not a defect
# `fired` is what hostile texts set, and dialogs are what they open, in whatever way they come to run.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
    window.violated(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
Object.defineProperty(window, "fired", { get: () => undefined, set: (by) => window.violated(`ran: ${by}`) });
for (const name of ["alert", "confirm", "prompt", "print"])
    window[name] = () => window.violated(`ran: ${name}`);"""
ALONE: dict[str, Any] = {"trust_env": False, "timeout": PATIENCE}

# The driver is in the environment of `make test-console` alone; `make test` runs what needs no browser.
collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]
BROWSERLESS = {"test_vendored.py", "test_headers.py"}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return False if collection_path.name in BROWSERLESS else None


class NoBrowser(Exception):
    """The browser does not start here, which says nothing of the console."""


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test that a browser was too slow for is run once more, and said to be; no other failure is."""
    if Path(__file__).parent not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(each.failed and "TimeoutError" in each.longreprtext for each in reports):
        print(f"again, after a timeout: {item.nodeid}")
        item._initrequest()  # type: ignore[attr-defined]  # fresh fixtures, as pytest-rerunfailures does
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@dataclass(frozen=True, slots=True)
class House:
    """A gateway that serves the console, and keys to it."""

    gateway: Served
    simulators: dict[str, Simulator]
    key: str = field(repr=False)  # a virtual key

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def console(self) -> str:
        return f"{self.gateway.url}/console/"

    @property
    def admin(self) -> str:
        return self.gateway.said["admin key"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the admin API answers."""
        headers = {"authorization": f"Bearer {self.admin}"}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, **ALONE)
        answer.raise_for_status()
        return answer.json()

    def complete(
        self, model: str, text: str = "Hello", *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """One chat completion, as an application would ask for it."""
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            json={"model": model, "messages": [{"role": "user", "content": text}], **more},
            headers={"authorization": f"Bearer {key or self.key}"},
            **ALONE,
        )


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("console")
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = fill(home, simulators)
        with served(home, "--providers", str(overlay)) as gateway:
            made = House(gateway, simulators, "").ask(
                "POST", "/admin/keys", {"name": "the shop", "credits_usd": 20, "token_quota": 1_000_000}
            )
            yield House(gateway, simulators, made["key"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1_000)
    with sync_playwright() as playwright:
        browser = _launch(playwright.chromium)
        yield browser
        browser.close()


def _launch(kind: BrowserType) -> Browser:
    """The browser. Where it dies at its start it is started once more."""
    from playwright.sync_api import Error

    try:
        return kind.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
    except Error:
        print("the browser did not start; trying once more")
    try:
        return kind.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
    except Error as error:
        raise NoBrowser(str(error)) from error


@pytest.fixture
def opened(house: House, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages of the console: opened("models", key=house.admin, size=PHONE, theme="dark").

    The test fails on errors in a page's log, on violations of its policy, on requests to another origin, on a
    browser's dialog, and where anything sets `window.fired`. What a test means to provoke it takes out:
    `page.faults.clear()`. With `modules` the page is of single modules, which a test can import.
    """
    faults: list[str] = []
    contexts = []

    def open_page(
        view: str = "overview",
        *,
        key: str | None = None,
        size: tuple[int, int] = DESKTOP,
        theme: str = "light",
        modules: bool = False,
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,  # type: ignore[arg-type]
            locale="en-US",
            timezone_id="Europe/Berlin",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1_000)
        context.expose_binding("violated", lambda _, told: faults.append(str(told)))
        context.add_init_script(WATCH)
        if modules:
            context.route(f"{house.console}**", _apart)
        page = context.new_page()
        page.faults = faults  # type: ignore[attr-defined]
        page.on("console", lambda said: faults.append(f"log: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        context.on("request", lambda asked: _foreign(asked.url, house, faults))
        page.goto(f"{house.console}#/{'sign-in' if key else view}")
        if key:
            sign_in(page, key)
            if view != "overview":
                page.goto(f"{house.console}#/{view}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def sign_in(page: Page, key: str, *, keep: bool = False) -> None:
    """As a person does, on the page that asks for a key."""
    page.get_by_label("Key", exact=True).fill(key)
    if keep:
        page.get_by_label("Keep it until this tab is closed").check()
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.locator(".badge").wait_for(state="attached")  # on a phone it is in the drawer


def shoot(page: Page, name: str) -> Path:
    """A picture of the whole page for people to look at: NAME-THEME-WIDTH.png."""
    dark = page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    width = (page.viewport_size or {"width": 0})["width"]
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{re.sub('[^a-z0-9-]', '', name)}-{'dark' if dark else 'light'}-{width}.png"
    page.screenshot(path=path, full_page=True)
    return path


def _apart(route: Route) -> None:
    """What the gateway does not serve: the page and the modules as they are in the repository."""
    path = FILES / (urlsplit(route.request.url).path.partition("/console/")[2] or "index.html")
    kind = mimetypes.guess_type(path.name)[0] or ""
    route.fulfill(body=path.read_bytes(), headers={**HEADERS, "content-type": kind})


def _foreign(url: str, house: House, faults: list[str]) -> None:
    if not url.startswith((house.url + "/", f"blob:{house.url}/", "data:")):
        faults.append(f"another origin: {url}")
