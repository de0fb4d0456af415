"""Fixtures for console tests: Chromium against `vaultedge serve` with simulated providers."""

from __future__ import annotations

import importlib.util
import mimetypes
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from _pytest.runner import runtestprotocol

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.web.console import FILES, HEADERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page, Route

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "build" / "console-screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")  # for root in a container with little shared memory
DESKTOP, PHONE = (1280, 800), (360, 740)
RETRY = "run once more after a timeout"
TIMEOUT = 30  # seconds; a busy machine is not a defect
# Injected scripts set `fired` or open a dialog; both are reported, however the script came to run.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
    window.violated(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
Object.defineProperty(window, "fired", { get: () => undefined, set: (by) => window.violated(`ran: ${by}`) });
for (const name of ["alert", "confirm", "prompt", "print"])
    window[name] = () => window.violated(`ran: ${name}`);"""
HTTP_OPTIONS: dict[str, Any] = {"trust_env": False, "timeout": TIMEOUT}

# Only `make test-console` has the browser driver; `make test` runs the tests that need no browser.
collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]
LONGEST = "test_screens.py"
BROWSERLESS = {"test_vendored.py", "test_headers.py"}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return False if collection_path.name in BROWSERLESS else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest file, so that the other worker does not wait for it at the end."""
    items.sort(key=lambda item: item.path.name != LONGEST)


class NoBrowser(Exception):
    """The browser does not start, which says nothing about the console."""


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test once more if it failed by a browser timeout; no other failure is repeated.

    The first failure is kept in the reports, and listed at the end of the run.
    """
    if Path(__file__).parent not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failures = [each.longreprtext for each in reports if each.failed and "TimeoutError" in each.longreprtext]
    if failures:
        item._initrequest()  # type: ignore[attr-defined]  # fresh fixtures, as pytest-rerunfailures does
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        reports[0].sections.append((RETRY, failures[0]))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the timeouts after which a test was run once more."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for title, failure in getattr(report, "sections", ()):
                if title == RETRY:
                    terminalreporter.section(f"{RETRY}: {report.nodeid}")
                    terminalreporter.write_line(failure)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway that serves the console, and keys for it."""

    server: GatewayProcess
    simulators: dict[str, Simulator]
    key: str = field(repr=False)  # a virtual key

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def console(self) -> str:
        return f"{self.server.url}/console/"

    @property
    def admin(self) -> str:
        return self.server.printed["admin key"]

    def call_admin(self, method: str, path: str, body: object = None) -> Any:
        """Call the admin API and return its JSON response."""
        headers = {"authorization": f"Bearer {self.admin}"}
        response = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, **HTTP_OPTIONS)
        response.raise_for_status()
        return response.json()

    def complete(
        self, model: str, text: str = "Hello", *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send one chat completion, as an application would."""
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            json={"model": model, "messages": [{"role": "user", "content": text}], **more},
            headers={"authorization": f"Bearer {key or self.key}"},
            **HTTP_OPTIONS,
        )

    def wait_for_usage(self, key: str, count: int) -> None:
        """Wait until the usage of a key has this many requests, which may take four seconds."""
        path = f"/admin/usage?key={key}"
        _wait_until(lambda: self.call_admin("GET", path)["total"]["requests"] >= count)

    def wait_for_refusals(self, count: int, key: str | None = None) -> None:
        """Wait until the store has this many refused requests, which are written within ten seconds."""
        path = f"/admin/refusals?key={key}" if key else "/admin/refusals"
        _wait_until(lambda: sum(row["count"] for row in self.call_admin("GET", path)["data"]) >= count)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not within {TIMEOUT} seconds"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("console")
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        overlay = prepare_home(home, simulators)
        with run_serve(home, "--providers", str(overlay)) as server:
            created = Gateway(server, simulators, "").call_admin(
                "POST", "/admin/keys", {"name": "the shop", "credits_usd": 20, "token_quota": 1_000_000}
            )
            yield Gateway(server, simulators, created["key"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT * 1_000)
    with sync_playwright() as playwright:
        browser = _launch(playwright.chromium)
        yield browser
        browser.close()


def _launch(kind: BrowserType) -> Browser:
    """Launch the browser; retry once if it crashes at startup."""
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
def open_page(gateway: Gateway, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page: open_page("models", key=gateway.admin, size=PHONE, theme="dark").

    The test fails on errors in the page's log, policy violations, requests to another origin, dialogs, and
    assignment to `window.fired`. A test that provokes such errors removes them with `page.faults.clear()`.
    With `modules` the page uses the unbundled modules, so that a test can import them.
    """
    faults: list[str] = []
    contexts = []

    def open_view(
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
        context.set_default_timeout(TIMEOUT * 1_000)
        context.expose_binding("violated", lambda _, report: faults.append(str(report)))
        context.add_init_script(WATCH)
        if modules:
            context.route(f"{gateway.console}**", _serve_modules)
        page = context.new_page()
        page.faults = faults  # type: ignore[attr-defined]
        page.on(
            "console",
            lambda message: faults.append(f"log: {message.text}") if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        context.on("request", lambda request: _report_foreign(request.url, gateway, faults))
        page.goto(f"{gateway.console}#/{'sign-in' if key else view}")
        if key:
            sign_in(page, key)
            if view != "overview":
                page.goto(f"{gateway.console}#/{view}")
        return page

    yield open_view
    for context in contexts:
        context.close()
    assert faults == []


def sign_in(page: Page, key: str, *, keep: bool = False) -> None:
    """Sign in on the sign-in page."""
    page.get_by_label("Key", exact=True).fill(key)
    if keep:
        page.get_by_label("Stay signed in until this tab is closed").check()
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.locator(".account").wait_for(state="attached")  # on a phone it is inside the drawer


def shoot(page: Page, name: str) -> Path:
    """Save a screenshot of the whole page as NAME-THEME-WIDTH.png."""
    dark = page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    width = (page.viewport_size or {"width": 0})["width"]
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{re.sub('[^a-z0-9-]', '', name)}-{'dark' if dark else 'light'}-{width}.png"
    page.screenshot(path=path, full_page=True)
    return path


def _serve_modules(route: Route) -> None:
    """Serve the page and its unbundled modules from the repository."""
    path = FILES / (urlsplit(route.request.url).path.partition("/console/")[2] or "index.html")
    kind = mimetypes.guess_type(path.name)[0] or ""
    route.fulfill(body=path.read_bytes(), headers={**HEADERS, "content-type": kind})


def _report_foreign(url: str, gateway: Gateway, faults: list[str]) -> None:
    if not url.startswith((gateway.url + "/", f"blob:{gateway.url}/", "data:")):
        faults.append(f"another origin: {url}")
