"""The vault's page as one file: opened from a disk, with no network, in Chromium."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console.axe import violations
from tests.console.conftest import DESKTOP, PATIENCE, PHONE, ROOT, WATCH, shoot
from tests.console.vaults import KEYS, PASSWORD, Opened, add, open_string, open_tab
from vaultcore.console_bundle.vault_page import page as made
from vaultcore.vault import sealed, sealed_v2
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def alone(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """The file, opened from a disk without a network; the test fails on any request, error or violation."""
    file = tmp_path / "vault.html"
    file.write_bytes(made().content)
    faults: list[str] = []
    asked: list[str] = []
    context = chromium.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, locale="en-US")
    context.set_default_timeout(PATIENCE * 1_000)
    context.set_offline(True)
    context.expose_binding("violated", lambda _, told: faults.append(str(told)))
    context.add_init_script(WATCH)
    page = context.new_page()
    page.faults, page.asked = faults, asked  # type: ignore[attr-defined]
    page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("websocket", lambda socket: asked.append(socket.url))
    context.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert faults == []
    assert {each for each in asked if not each.startswith(("blob:", "data:"))} <= {file.as_uri()}


def test_a_vault_is_sealed_without_a_network(alone: Page) -> None:
    """Keys are added and sealed from a file alone; what is copied and what is saved open in Python."""
    alone.get_by_role("heading", name="Vault", level=1).wait_for()
    for each in KEYS:
        add(alone, each.provider, each.key)
    alone.get_by_role("button", name="Generate").click()
    password = alone.get_by_label("Password of the vault").input_value()
    alone.get_by_role("button", name="Seal the vault").click()
    alone.get_by_role("group", name="Sealed vault").wait_for()
    with alone.expect_download() as coming:
        alone.get_by_role("button", name="Download", exact=True).click()
    alone.get_by_role("button", name="Copy string").click()
    alone.get_by_role("button", name="Copied").wait_for()
    alone.get_by_role("button", name="Start over").click()
    alone.get_by_role("tab", name="Open a vault", exact=True).click()
    alone.get_by_label("Vault string", exact=True).press("Control+V")

    copied = alone.get_by_label("Vault string", exact=True).input_value()
    assert sealed.unseal(Path(coming.value.path()).read_text(), password) == KEYS
    assert sealed.unseal(copied, password) == KEYS


@pytest.mark.parametrize("version", [1, 2])
def test_a_vault_is_opened_without_a_network(version: int, alone: Page) -> None:
    """A string of Python's opens from a file alone, but with no other password, and is sealed anew."""
    text = (sealed if version == 1 else sealed_v2).seal(KEYS, PASSWORD)
    alone.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(alone, text, "wrong")
    alone.get_by_role("alert").get_by_text("does not open").wait_for()
    open_tab(alone, text)
    add(alone, "groq", "gsk_new-one-12")
    alone.get_by_role("button", name="Remove openai sk-f...6789").click()
    alone.get_by_role("dialog").get_by_role("button", name="Remove").click()
    alone.get_by_role("button", name="Seal the vault").click()

    again = alone.get_by_role("region", name="vault string").inner_text()
    assert again.startswith(f"VE_VAULT_v{version}_")
    assert sealed.unseal(again, PASSWORD) == [*KEYS[1:], Credential("groq", "gsk_new-one-12")]


def test_the_file_cannot_talk_to_anybody(alone: Page) -> None:
    """Even code that ran in the page could neither ask a server, nor load, frame or run anything."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(1)
    alone.context.set_offline(False)
    tried = alone.evaluate(
        """async (url) => {
            const told = [];
            addEventListener("securitypolicyviolation", (event) => {
                told.push(event.effectiveDirective);
                event.stopImmediatePropagation();
            }, true);
            const made = (name, more) => Object.assign(document.createElement(name), more);
            const put = (name, more) => document.body.append(made(name, more));
            await fetch(url).catch(() => told.push("no fetch"));
            told.push(navigator.sendBeacon(url) ? "beacon" : "no beacon");
            put("img", { src: url });
            put("iframe", { src: url });
            for (const rel of ["stylesheet", "prefetch", "preconnect"]) put("link", { rel, href: url });
            try { new WebSocket(url.replace("http", "ws")); } catch { told.push("no socket"); }
            put("form", { action: url, method: "post" });
            document.forms[document.forms.length - 1].submit();
            try { document.body.innerHTML = "<b>"; } catch { told.push("no markup"); }
            try { put("script", { src: url }); } catch { told.push("no script"); }
            await new Promise((done) => setTimeout(done, 200));
            return told.sort();
        }""",
        f"http://127.0.0.1:{listening.getsockname()[1]}/",
    )
    assert {"connect-src", "img-src", "frame-src", "style-src-elem", "form-action"} <= set(tried)
    assert {"no fetch", "no markup", "no script"} <= set(tried)
    alone.context.set_offline(True)
    assert _heard(listening) == b""
    alone.faults.clear()  # type: ignore[attr-defined]
    alone.asked.clear()  # type: ignore[attr-defined]


def _heard(listening: socket.socket) -> bytes:
    """What was said to it. Chromium connects for frames and forms before it asks the policy."""
    heard = b""
    with listening:
        while True:
            try:
                said, _ = listening.accept()
            except TimeoutError:
                return heard
            with said:
                said.settimeout(1)
                with suppress(TimeoutError):
                    heard += said.recv(1_000)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_of_the_file(theme: str, size: tuple[int, int], alone: Page) -> None:
    """The file alone fits the screen in both themes, and axe finds nothing wrong with it."""
    alone.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    alone.set_viewport_size({"width": size[0], "height": size[1]})
    add(alone, "openai", "sk-0123456789")
    alone.get_by_role("button", name="Generate").click()
    alone.get_by_role("button", name="Seal the vault").click()
    alone.get_by_role("group", name="Sealed vault").wait_for()
    assert alone.evaluate("document.documentElement.scrollWidth") <= size[0]
    alone.evaluate("scrollTo(0, 0)")
    shoot(alone, "vault-alone")
    assert violations(alone) == []


def test_the_console_gives_the_file(opened: Opened) -> None:
    """The link on the console's page gives the file itself, and the published SHA-256 stands beside."""
    page = opened("vault")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download this page as one file").click()

    assert coming.value.suggested_filename == "vaultedge-vault.html"
    assert Path(coming.value.path()).read_bytes() == made().content
    shown = page.get_by_role("region", name="SHA-256 of the file").inner_text().strip()
    assert re.fullmatch("[0-9a-f]{64}", shown)
    assert shown in (ROOT / "docs/vault.md").read_text("utf-8")  # where another test compares it
