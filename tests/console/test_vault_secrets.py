"""Secrets on the vault page: they never leave it, and unsaved keys are not lost without a question."""

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

from tests.console.conftest import Gateway
from tests.console.vault_page import KEYS, PASSWORD, OpenPage, add_key, open_tab
from vaultcore.vault import sealed
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from playwright.sync_api import Page


# Chromium asks Google for the type of every form with a password, by hashes of its field names. A page cannot
# prevent that, and the request contains no input.
AUTOFILL_QUERY = b"CONNECT content-autofill.googleapis.com:443 "


def test_leaving_asks_and_clears_the_page(open_page: OpenPage, gateway: Gateway) -> None:
    """Leaving with unsaved keys asks for confirmation; afterwards the page is empty."""
    page = open_page("docs", key=gateway.admin)
    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_label("Key", exact=True).fill("sk-0123456789-secret")
    page.get_by_role("link", name="Docs").click()
    dialog = page.get_by_role("dialog", name="Leave the vault?")
    dialog.get_by_role("button", name="Cancel").click()
    assert page.url.endswith("#/vault")
    assert page.get_by_label("Key", exact=True).input_value() == "sk-0123456789-secret"
    add_key(page, "openai", "sk-0123456789-secret")
    page.get_by_label("Vault password").fill(PASSWORD)
    page.go_back()
    dialog.get_by_role("button", name="Leave").click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()

    page.get_by_role("link", name="Vault", exact=True).click()
    page.get_by_text("No keys yet").wait_for()
    assert page.get_by_label("Vault password").input_value() == ""
    assert page.get_by_label("Key", exact=True).input_value() == ""
    _assert_no_secrets(page, "sk-0123", PASSWORD)


def test_secrets_are_removed_from_memory(open_page: OpenPage) -> None:
    """After leaving, no live object contains a key, a password or a plaintext."""
    page = open_page("vault")
    open_tab(page, sealed.seal([Credential("groq", "gsk-MARKED-0001")], PASSWORD))
    for label, typed in (
        ("Provider", "openai"),
        ("Key", "sk-MARKED-0002"),
        ("Vault password", "MARKED/7-Wolken"),
    ):
        page.get_by_label(label, exact=True).focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(typed)
    page.get_by_role("button", name="Add key").click()
    page.get_by_label("Vault password").press("Enter")
    page.get_by_role("group", name="Sealed vault").wait_for()
    assert {"gsk-MARKED-0001", "sk-MARKED-0002", "MARKED/7-Wolken"} <= _strings_in_memory(page, "MARKED")

    page.get_by_role("link", name="Docs").click()
    page.get_by_role("button", name="Leave").click()
    page.get_by_role("heading", name="Docs", level=1).wait_for()
    assert _strings_in_memory(page, "MARKED") == set()


def test_leaving_without_unsaved_keys_does_not_ask(open_page: OpenPage) -> None:
    """An empty page, an opened string, and a sealed and copied one are left without a question."""
    page = open_page("vault", permissions=["clipboard-read", "clipboard-write"])
    docs = page.get_by_role("heading", name="Docs", level=1)
    open_tab(page, sealed.seal(KEYS, PASSWORD))
    page.get_by_role("link", name="Docs").click()
    docs.wait_for()
    page.get_by_role("link", name="Vault", exact=True).click()
    open_tab(page, sealed.seal(KEYS, PASSWORD))
    add_key(page, "groq", "gsk_new-one-12")
    assert _asks_before_unload(page)
    page.get_by_role("button", name="Seal vault").click()
    page.get_by_role("group", name="Sealed vault").wait_for()
    assert _asks_before_unload(page)
    page.get_by_role("button", name="Copy string").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert not _asks_before_unload(page)
    page.get_by_role("link", name="Docs").click()
    docs.wait_for()


@pytest.mark.parametrize("name", ["key", "password"])
def test_secret_fields_disable_browser_features(name: str, open_page: OpenPage) -> None:
    """The browser does not show, complete, correct or capitalize secrets."""
    page = open_page("vault")
    label = {"key": "Key", "password": "Vault password"}[name]
    attributes = page.get_by_label(label, exact=True).evaluate(
        """(input) => ["type", "autocomplete", "spellcheck", "autocapitalize"]
            .map((name) => input.getAttribute(name))"""
    )
    assert attributes == ["password", "off", "false", "off"]
    if name == "password":
        page.get_by_role("button", name="Show").click()
        assert page.get_by_label(label, exact=True).get_attribute("type") == "text"


def test_no_byte_leaves_the_browser(open_page: OpenPage, gateway: Gateway) -> None:
    """From the first input to leaving, a proxy between browser and network receives nothing."""
    with _start_relay(gateway.url) as relay:
        page = open_page(
            "vault",
            proxy={"server": relay.url},
            permissions=["clipboard-read", "clipboard-write"],
        )
        page.get_by_text("No keys yet").wait_for()
        page.wait_for_load_state("load")
        urls = _record_requests(page)
        before = len(relay.received)
        assert before, "the console itself came through the relay"

        page.get_by_label("Provider", exact=True).press_sequentially("openai")
        page.get_by_label("Key", exact=True).press_sequentially("sk-SECRET-0001")
        page.get_by_role("button", name="Add key").click()
        add_key(page, "groq", "gsk_SECRET_0002")
        page.get_by_role("button", name="Edit groq gsk_...0002").click()
        page.get_by_label("Key", exact=True).fill("gsk_SECRET_0003")
        page.get_by_role("button", name="Save key").click()
        page.get_by_label("Vault password").fill(PASSWORD)
        page.get_by_role("button", name="Show").click()
        page.get_by_role("button", name="Copy password").click()
        page.get_by_label("Use format v2 (stronger)").check()
        page.get_by_role("button", name="Seal vault").click()
        page.get_by_role("group", name="Sealed vault").wait_for()
        page.get_by_role("button", name="Copy string").click()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download", exact=True).click()
        text = Path(coming.value.path()).read_text()
        assert [each.key for each in sealed.unseal(text, PASSWORD)] == ["sk-SECRET-0001", "gsk_SECRET_0003"]
        open_tab(page, text)
        page.get_by_role("tab", name="Create a vault", exact=True).hover()
        assert page.get_by_role("button", name="Download offline page").is_disabled()
        _assert_no_secrets(page, "SECRET", PASSWORD)
        assert (urls, relay.received[before:]) == ([], [])

        page.evaluate("fetch('../health').then(() => null)")  # a request that the relay must see
        page.get_by_role("button", name="Start over").click()
        page.get_by_text("No keys yet").wait_for()
        page.get_by_role("link", name="Docs").click()
        page.get_by_role("heading", name="Docs", level=1).wait_for()
        assert any(b"/health" in each for each in relay.received[before:])
        assert urls
        _assert_no_secrets(page, "SECRET", PASSWORD)


class _Relay(socketserver.ThreadingTCPServer):
    """A proxy that records what a browser sends, and forwards requests for one gateway."""

    daemon_threads = True

    def __init__(self, gateway: str) -> None:
        super().__init__(("127.0.0.1", 0), _RelayHandler)
        place = urlsplit(gateway)
        self.gateway = (place.hostname or "", place.port or 0)
        self.received: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _RelayHandler(socketserver.BaseRequestHandler):
    server: _Relay

    def handle(self) -> None:
        data = self._receive()
        place = urlsplit([*data.split(b" ", 2), b""][1].decode())
        if (place.hostname, place.port) != self.server.gateway:
            return
        with socket.create_connection(self.server.gateway) as gateway:
            Thread(target=_copy, args=(gateway, self.request), daemon=True).start()
            while data:
                gateway.sendall(data)
                data = self._receive()

    def _receive(self) -> bytes:
        data: bytes = self.request.recv(65_536)
        if data and not data.startswith(AUTOFILL_QUERY):
            self.server.received.append(data)
        return data


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    except OSError:  # the browser or the gateway closed the connection
        return


@contextmanager
def _start_relay(gateway: str) -> Iterator[_Relay]:
    with _Relay(gateway) as relay:
        Thread(target=relay.serve_forever, daemon=True).start()
        yield relay
        relay.shutdown()


def _record_requests(page: Page) -> list[str]:
    """Return a list that collects the page's requests, including beacons and sockets."""
    urls: list[str] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda event: urls.append(event["request"]["url"]))
    session.on("Network.webSocketCreated", lambda event: urls.append(event["url"]))
    session.on("Network.webTransportCreated", lambda event: urls.append(event["url"]))
    page.on("worker", lambda worker: urls.append(worker.url))
    return urls


def _strings_in_memory(page: Page, part: str) -> set[str]:
    """Return the strings containing `part` in the page's memory after garbage collection."""
    chunks: list[str] = []
    profiler = page.context.new_cdp_session(page)
    profiler.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    profiler.send("HeapProfiler.collectGarbage")
    profiler.send("HeapProfiler.takeHeapSnapshot")
    profiler.detach()
    return {text for text in json.loads("".join(chunks))["strings"] if part in text}


def _assert_no_secrets(page: Page, *secrets: str) -> None:
    """Assert that browser storage, the address and the document contain no secret."""
    stored = json.dumps(page.context.storage_state(indexed_db=True), ensure_ascii=False)
    session = page.evaluate(
        """async () => JSON.stringify([{ ...sessionStorage }, await caches.keys(), name, history.state])
            + document.title + location.href + document.cookie + document.documentElement.outerHTML"""
    )
    for secret in secrets:
        assert secret not in stored
        assert secret not in session


def _asks_before_unload(page: Page) -> bool:
    """Return True if the page objects to closing; uses a synthetic event, so that no dialog opens."""
    script = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    return bool(page.evaluate(script))
