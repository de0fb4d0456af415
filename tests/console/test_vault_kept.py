"""What is typed into the vault's page leaves it for nowhere, and is asked about before it is lost."""

from __future__ import annotations

import json
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.console.conftest import House
from tests.console.vaults import KEYS, PASSWORD, Opened, add, open_tab
from vaultcore.vault import sealed
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from playwright.sync_api import Page


# Chromium itself asks Google what kind of form a page has, by hashes of its fields' names, wherever one has a
# password; a page has no say in that, and what is typed is not in it.
BROWSERS_OWN = b"CONNECT content-autofill.googleapis.com:443 "


def test_leaving_is_asked_about_and_forgets_everything(opened: Opened, house: House) -> None:
    """Who leaves over unsealed keys is asked, by link or going back; who returns finds the page empty."""
    page = opened("docs", key=house.admin)
    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_label("Key", exact=True).fill("sk-0123456789-secret")
    page.get_by_role("link", name="Docs").click()
    asked = page.get_by_role("dialog", name="Leave the vault?")
    asked.get_by_role("button", name="Cancel").click()
    assert page.url.endswith("#/vault")
    assert page.get_by_label("Key", exact=True).input_value() == "sk-0123456789-secret"
    add(page, "openai", "sk-0123456789-secret")
    page.get_by_label("Password of the vault").fill(PASSWORD)
    page.go_back()
    asked.get_by_role("button", name="Leave and forget").click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()

    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_text("No keys yet").wait_for()
    assert page.get_by_label("Password of the vault").input_value() == ""
    assert page.get_by_label("Key", exact=True).input_value() == ""
    _nothing_kept(page, "sk-0123", PASSWORD)


def test_memory_forgets(opened: Opened) -> None:
    """Once the page is left, no object that is alive holds a key, a password or what was decrypted."""
    page = opened("vault")
    open_tab(page, sealed.seal([Credential("groq", "gsk-MARKED-0001")], PASSWORD))
    for label, typed in (
        ("Provider", "openai"),
        ("Key", "sk-MARKED-0002"),
        ("Password of the vault", "MARKED/7-Wolken"),
    ):
        page.get_by_label(label, exact=True).focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(typed)
    page.get_by_role("button", name="Add key").click()
    page.get_by_label("Password of the vault").press("Enter")
    page.get_by_role("group", name="Sealed vault").wait_for()
    assert {"gsk-MARKED-0001", "sk-MARKED-0002", "MARKED/7-Wolken"} <= _alive(page, "MARKED")

    page.get_by_role("link", name="Docs").click()
    page.get_by_role("button", name="Leave and forget").click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    assert _alive(page, "MARKED") == set()


def test_nothing_is_asked_where_nothing_is_lost(opened: Opened) -> None:
    """An empty page, an opened string and one that was sealed and copied are left without a question."""
    page = opened("vault", permissions=["clipboard-read", "clipboard-write"])
    docs = page.get_by_role("heading", name="Docs", level=1)
    open_tab(page, sealed.seal(KEYS, PASSWORD))
    page.get_by_role("link", name="Docs").click()
    docs.wait_for()
    page.get_by_role("link", name="Vault", exact=True).click()
    open_tab(page, sealed.seal(KEYS, PASSWORD))
    add(page, "groq", "gsk_new-one-12")
    assert _closing_is_questioned(page)
    page.get_by_role("button", name="Seal the vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()
    assert _closing_is_questioned(page)
    page.get_by_role("button", name="Copy string").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert not _closing_is_questioned(page)
    page.get_by_role("link", name="Docs").click()
    docs.wait_for()


@pytest.mark.parametrize("name", ["key", "password"])
def test_secrets_are_not_spelled_nor_remembered(name: str, opened: Opened) -> None:
    """The browser neither shows, completes, corrects nor capitalizes what is secret, until it is asked to."""
    page = opened("vault")
    label = {"key": "Key", "password": "Password of the vault"}[name]
    told = page.get_by_label(label, exact=True).evaluate(
        """(input) => ["type", "autocomplete", "spellcheck", "autocapitalize"]
            .map((name) => input.getAttribute(name))"""
    )
    assert told == ["password", "off", "false", "off"]
    if name == "password":
        page.get_by_role("button", name="Show").click()
        assert page.get_by_label(label, exact=True).get_attribute("type") == "text"


def test_not_a_byte_leaves_the_browser(opened: Opened, house: House) -> None:
    """From the first character to leaving, a relay between the browser and all networks hears nothing."""
    with _relayed(house.url) as relay:
        page = opened(
            "vault",
            proxy={"server": relay.url},
            permissions=["clipboard-read", "clipboard-write"],
        )
        page.get_by_text("No keys yet").wait_for()
        page.wait_for_load_state("load")
        asked = _asked(page)
        before = len(relay.heard)
        assert before, "the console itself came through the relay"

        page.get_by_label("Provider", exact=True).press_sequentially("openai")
        page.get_by_label("Key", exact=True).press_sequentially("sk-SECRET-0001")
        page.get_by_role("button", name="Add key").click()
        add(page, "groq", "gsk_SECRET_0002")
        page.get_by_role("button", name="Change groq gsk_...0002").click()
        page.get_by_label("Key", exact=True).fill("gsk_SECRET_0003")
        page.get_by_role("button", name="Save key").click()
        page.get_by_label("Password of the vault").fill(PASSWORD)
        page.get_by_role("button", name="Show").click()
        page.get_by_role("button", name="Copy password").click()
        page.get_by_label("Use the stronger format, v2").check()
        page.get_by_role("button", name="Seal the vault").click()
        page.get_by_role("group", name="Sealed vault").wait_for()
        page.get_by_role("button", name="Copy string").click()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download", exact=True).click()
        text = Path(coming.value.path()).read_text()
        assert [each.key for each in sealed.unseal(text, PASSWORD)] == ["sk-SECRET-0001", "gsk_SECRET_0003"]
        open_tab(page, text)
        page.get_by_role("tab", name="Build a vault", exact=True).hover()
        assert page.get_by_role("button", name="Download this page as one file").is_disabled()
        _nothing_kept(page, "SECRET", PASSWORD)
        assert (asked, relay.heard[before:]) == ([], [])

        page.evaluate("fetch('../health').then(() => null)")  # what the relay is there to hear
        page.get_by_role("button", name="Start over").click()
        page.get_by_text("No keys yet").wait_for()
        page.get_by_role("link", name="Docs").click()
        page.get_by_role("heading", name="Docs", level=1).wait_for()
        assert any(b"/health" in each for each in relay.heard[before:])
        assert asked
        _nothing_kept(page, "SECRET", PASSWORD)


class _Relay(socketserver.ThreadingTCPServer):
    """A proxy that keeps all that a browser says to whomever, and passes on what is for one gateway."""

    daemon_threads = True

    def __init__(self, gateway: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        place = urlsplit(gateway)
        self.gateway = (place.hostname or "", place.port or 0)
        self.heard: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passing(socketserver.BaseRequestHandler):
    server: _Relay

    def handle(self) -> None:
        said = self._hear()
        place = urlsplit([*said.split(b" ", 2), b""][1].decode())
        if (place.hostname, place.port) != self.server.gateway:
            return
        with socket.create_connection(self.server.gateway) as gateway:
            Thread(target=_pump, args=(gateway, self.request), daemon=True).start()
            while said:
                gateway.sendall(said)
                said = self._hear()

    def _hear(self) -> bytes:
        said: bytes = self.request.recv(65_536)
        if said and not said.startswith(BROWSERS_OWN):
            self.server.heard.append(said)
        return said


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
    except OSError:  # the browser or the gateway has closed its end
        return


@contextmanager
def _relayed(gateway: str) -> Iterator[_Relay]:
    with _Relay(gateway) as relay:
        Thread(target=relay.serve_forever, daemon=True).start()
        yield relay
        relay.shutdown()


def _asked(page: Page) -> list[str]:
    """What the page asks for from now on, as the browser tells it: beacons and sockets, too."""
    asked: list[str] = []
    told = page.context.new_cdp_session(page)
    told.send("Network.enable")
    told.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    told.on("Network.webSocketCreated", lambda event: asked.append(event["url"]))
    told.on("Network.webTransportCreated", lambda event: asked.append(event["url"]))
    page.on("worker", lambda worker: asked.append(worker.url))
    return asked


def _alive(page: Page, part: str) -> set[str]:
    """The strings with that part in the page's memory, after what nobody holds is collected."""
    pieces: list[str] = []
    profiler = page.context.new_cdp_session(page)
    profiler.on("HeapProfiler.addHeapSnapshotChunk", lambda event: pieces.append(event["chunk"]))
    profiler.send("HeapProfiler.collectGarbage")
    profiler.send("HeapProfiler.takeHeapSnapshot")
    profiler.detach()
    return {text for text in json.loads("".join(pieces))["strings"] if part in text}


def _nothing_kept(page: Page, *secrets: str) -> None:
    """Neither what the browser stores, nor the address, nor the document has a secret in it."""
    stored = json.dumps(page.context.storage_state(indexed_db=True), ensure_ascii=False)
    session = page.evaluate(
        """async () => JSON.stringify([{ ...sessionStorage }, await caches.keys(), name, history.state])
            + document.title + location.href + document.cookie + document.documentElement.outerHTML"""
    )
    for secret in secrets:
        assert secret not in stored
        assert secret not in session


def _closing_is_questioned(page: Page) -> bool:
    """Whether somebody objects to closing the tab; the event is one of our own, so that no dialog comes."""
    asked = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    return bool(page.evaluate(asked))
