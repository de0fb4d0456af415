"""What people do in the chat, by the names that the page gives to things; a model that speaks when told."""

from __future__ import annotations

import json
import queue
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Opened = Callable[..., "Page"]
TEXT, OTHER = "gpt-4o-mini", "claude-haiku-4-5"


def start(page: Page, model: str = TEXT) -> None:
    """A new conversation with a model."""
    page.get_by_role("button", name="New chat").click()
    page.get_by_label("Model", exact=True).select_option(model)


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")


def answers(page: Page) -> Locator:
    """What models have said, once it is whole."""
    return page.get_by_role("article").filter(has=page.get_by_role("button", name="Answer again"))


def listed(page: Page) -> Locator:
    return page.get_by_label("Conversations", exact=True).get_by_role("listitem")


def item(within: Page | Locator, title: str) -> Locator:
    """What opens a conversation of the list: its title and when something was said."""
    return within.get_by_role("button", name=re.compile(f"^{re.escape(title)} "))


def choose(page: Page, menu: str, item: str) -> None:
    """An item of a menu, by keyboard."""
    page.get_by_role("button", name=menu, exact=True).press("Enter")
    page.get_by_role("menuitem", name=item).press("Enter")


def bring(page: Page, told: object) -> None:
    """Import a file."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    file = {"name": "kept.json", "mimeType": "application/json", "buffer": body}
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Import", exact=True).click()
    asked.value.set_files(files=[file])  # type: ignore[list-item]


def exported(
    *texts: str, title: str = "Kept", folder: str = "", model: str = TEXT, **more: Any
) -> dict[str, Any]:
    """A file of one conversation, the user's words and a model's by turns."""
    roles = ("user", "assistant")
    messages = [
        {"role": roles[at % 2], "text": text, "model": model, **more} for at, text in enumerate(texts)
    ]
    told = {"title": title, "folder": folder, "model": model, "system": "", "messages": messages}
    return {"format": "vaultedge.chat", "version": 1, "conversations": [told]}


class Speaker:
    """A model whose answer comes piece by piece, as a test says it; `None` ends it."""

    def __init__(self) -> None:
        self.pieces: queue.Queue[str | None] = queue.Queue()
        self.url = ""

    def say(self, *pieces: str) -> None:
        for each in pieces:
            self.pieces.put(each)

    def end(self) -> None:
        self.pieces.put(None)

    def answers(self, page: Page) -> None:
        """Have the page's questions answered here; the page knows nothing of it."""
        page.route("**/v1/chat/completions", lambda route: route.continue_(url=self.url))


@contextmanager
def speaking() -> Iterator[Speaker]:
    """Serve a Speaker on a free port."""
    speaker = Speaker()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            while (piece := speaker.pieces.get()) is not None:
                self._send({"choices": [{"index": 0, "delta": {"content": piece}}]})
            self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})

        def _send(self, chunk: object) -> None:
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    speaker.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield speaker
    finally:
        speaker.end()
        server.shutdown()
        server.server_close()
        thread.join()
