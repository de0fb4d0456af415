"""Helpers for tests of the vault page: sample keys, adding and opening, calls of its modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from tests.console.conftest import ROOT
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenPage = Callable[..., "Page"]
VIEWS = ROOT / "vaultcore/console/views/vault"
KEYS = [
    Credential("openai", "sk-first-0123456789"),
    Credential("anthropic", 'sk-ant-"quoted"\\ünïcode-\U0001f511'),
    Credential("openai", "sk-second-987654321"),
]
PASSWORD = "Kaffee-mühle 7 Wolkenbrüche"


def add_key(page: Page, provider: str, key: str) -> None:
    page.get_by_label("Provider", exact=True).fill(provider)
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Add key").click()


def open_string(page: Page, text: str, password: str, *, replace: bool = False) -> None:
    page.get_by_label("Vault string", exact=True).fill(text)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Open", exact=True).click()
    if replace:
        page.get_by_role("dialog").get_by_role("button", name="Replace keys").click()


def open_tab(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Open a vault", exact=True).click()
    open_string(page, text, PASSWORD)
    page.get_by_text("Vault opened.").wait_for()


@contextmanager
def modules(chromium: Browser) -> Iterator[Page]:
    """Yield a page that serves the unbundled console modules, for `call`."""
    handler = partial(_QuietHandler, directory=ROOT / "vaultcore/console")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/docs/")
        yield page
        page.close()
        server.shutdown()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def call(page: Page, module: str, name: str, *arguments: Any, each: Sequence[str] | None = None) -> Any:
    """Return what a function of a vault module returns. Bytes are passed as bytes and returned as numbers."""
    return page.evaluate(
        """async ([module, name, args, each]) => {
            const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
            const decode = (value) => value?.latin1 === undefined ? value : bytes(value.latin1);
            const run = (await import(`/views/vault/${module}.js`))[name];
            if (each) return each.map((one) => run(one));
            try {
                const result = await run(...args.map(decode));
                return result instanceof Uint8Array ? [...result] : result;
            } catch (error) {
                return { refused: error.message };
            }
        }""",
        [module, name, [_encode(each) for each in arguments], each],
    )


def _encode(value: Any) -> Any:
    return {"latin1": value.decode("latin-1")} if isinstance(value, bytes) else value
