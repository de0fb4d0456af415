"""The offline vault page in Chromium: opened from disk, without a network."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console.axe import violations
from tests.console.conftest import DESKTOP, PHONE, ROOT, TIMEOUT, WATCH, shoot
from tests.console.vault_page import KEYS, PASSWORD, OpenPage, add_key, open_string, open_tab
from vaultcore.console_bundle.vault_page import build_page
from vaultcore.vault import sealed, sealed_v2
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def offline_page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """The offline page opened from disk; the test fails on any request, error or policy violation."""
    file = tmp_path / "vault.html"
    file.write_bytes(build_page().content)
    faults: list[str] = []
    urls: list[str] = []
    context = chromium.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, locale="en-US")
    context.set_default_timeout(TIMEOUT * 1_000)
    context.set_offline(True)
    context.expose_binding("violated", lambda _, report: faults.append(str(report)))
    context.add_init_script(WATCH)
    page = context.new_page()
    page.faults, page.requests = faults, urls  # type: ignore[attr-defined]
    page.on(
        "console",
        lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("websocket", lambda socket: urls.append(socket.url))
    context.on("request", lambda request: urls.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert faults == []
    assert {each for each in urls if not each.startswith(("blob:", "data:"))} <= {file.as_uri()}


def test_a_vault_is_sealed_offline(offline_page: Page) -> None:
    """Keys are sealed offline; the copied and the downloaded string open in Python."""
    offline_page.get_by_role("heading", name="Vault", level=1).wait_for()
    for each in KEYS:
        add_key(offline_page, each.provider, each.key)
    offline_page.get_by_role("button", name="Generate").click()
    password = offline_page.get_by_label("Vault password").input_value()
    offline_page.get_by_role("button", name="Seal vault").click()
    offline_page.get_by_role("group", name="Sealed vault").wait_for()
    with offline_page.expect_download() as coming:
        offline_page.get_by_role("button", name="Download", exact=True).click()
    offline_page.get_by_role("button", name="Copy string").click()
    offline_page.get_by_role("button", name="Copied").wait_for()
    offline_page.get_by_role("button", name="Start over").click()
    offline_page.get_by_role("tab", name="Open a vault", exact=True).click()
    offline_page.get_by_label("Vault string", exact=True).press("Control+V")

    copied = offline_page.get_by_label("Vault string", exact=True).input_value()
    assert sealed.unseal(Path(coming.value.path()).read_text(), password) == KEYS
    assert sealed.unseal(copied, password) == KEYS


@pytest.mark.parametrize("version", [1, 2])
def test_a_vault_is_opened_offline(version: int, offline_page: Page) -> None:
    """A string from Python opens offline only with its password, and is sealed again."""
    text = (sealed if version == 1 else sealed_v2).seal(KEYS, PASSWORD)
    offline_page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(offline_page, text, "wrong")
    offline_page.get_by_role("alert").get_by_text("Cannot open the vault").wait_for()
    open_tab(offline_page, text)
    add_key(offline_page, "groq", "gsk_new-one-12")
    offline_page.get_by_role("button", name="Remove openai sk-f...6789").click()
    offline_page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    offline_page.get_by_role("button", name="Seal vault").click()

    again = offline_page.get_by_role("region", name="vault string").inner_text()
    assert again.startswith(f"VE_VAULT_v{version}_")
    assert sealed.unseal(again, PASSWORD) == [*KEYS[1:], Credential("groq", "gsk_new-one-12")]


def test_the_policy_blocks_all_connections(offline_page: Page) -> None:
    """Even injected code cannot send requests, load, frame or run anything."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(1)
    offline_page.context.set_offline(False)
    events = offline_page.evaluate(
        """async (url) => {
            const events = [];
            addEventListener("securitypolicyviolation", (event) => {
                events.push(event.effectiveDirective);
                event.stopImmediatePropagation();
            }, true);
            const create = (name, more) => Object.assign(document.createElement(name), more);
            const put = (name, more) => document.body.append(create(name, more));
            await fetch(url).catch(() => events.push("no fetch"));
            events.push(navigator.sendBeacon(url) ? "beacon" : "no beacon");
            put("img", { src: url });
            put("iframe", { src: url });
            for (const rel of ["stylesheet", "prefetch", "preconnect"]) put("link", { rel, href: url });
            try { new WebSocket(url.replace("http", "ws")); } catch { events.push("no socket"); }
            put("form", { action: url, method: "post" });
            document.forms[document.forms.length - 1].submit();
            try { document.body.innerHTML = "<b>"; } catch { events.push("no markup"); }
            try { put("script", { src: url }); } catch { events.push("no script"); }
            const pause = () => new Promise((done) => setTimeout(done, 200));
            await pause();
            for (let turn = 0; turn < 50 && !events.includes("form-action"); turn += 1) await pause();
            return events.sort();
        }""",
        f"http://127.0.0.1:{listening.getsockname()[1]}/",
    )
    assert {"connect-src", "img-src", "frame-src", "style-src-elem", "form-action"} <= set(events)
    assert {"no fetch", "no markup", "no script"} <= set(events)
    offline_page.context.set_offline(True)
    assert _received(listening) == b""
    offline_page.faults.clear()  # type: ignore[attr-defined]
    offline_page.requests.clear()  # type: ignore[attr-defined]


def _received(listening: socket.socket) -> bytes:
    """Return the bytes received. Chromium connects for frames and forms before it checks the policy."""
    received = b""
    with listening:
        while True:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                return received
            with connection:
                connection.settimeout(1)
                with suppress(TimeoutError):
                    received += connection.recv(1_000)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_and_is_accessible(theme: str, size: tuple[int, int], offline_page: Page) -> None:
    """The page fits the screen in both themes and has no axe findings."""
    offline_page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    offline_page.set_viewport_size({"width": size[0], "height": size[1]})
    add_key(offline_page, "openai", "sk-0123456789")
    offline_page.get_by_role("button", name="Generate").click()
    offline_page.get_by_role("button", name="Seal vault").click()
    offline_page.get_by_role("group", name="Sealed vault").wait_for()
    assert offline_page.evaluate("document.documentElement.scrollWidth") <= size[0]
    offline_page.evaluate("scrollTo(0, 0)")
    shoot(offline_page, "vault-offline")
    assert violations(offline_page) == []


def test_the_console_offers_the_download(open_page: OpenPage) -> None:
    """The console's link downloads the page, next to its published SHA-256."""
    page = open_page("vault")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download offline page").click()

    assert coming.value.suggested_filename == "vaultedge-vault.html"
    assert Path(coming.value.path()).read_bytes() == build_page().content
    digest = page.get_by_role("region", name="SHA-256 of the file").inner_text().strip()
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest in (ROOT / "docs/vault.md").read_text("utf-8")  # another test checks that digest
