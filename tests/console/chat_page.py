"""Helpers for tests of the chat page, and a model whose output a test controls."""

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

OpenPage = Callable[..., "Page"]
TEXT, OTHER = "gpt-4o-mini", "claude-haiku-4-5"


def start_chat(page: Page, model: str = TEXT) -> None:
    """Start a new conversation with a model."""
    page.get_by_role("button", name="New chat").click()
    page.get_by_label("Model", exact=True).select_option(model)


def send(page: Page, text: str) -> None:
    """Send a message."""
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")


def answers(page: Page) -> Locator:
    """Return the complete answers in the thread."""
    return page.get_by_role("article").filter(has=page.get_by_role("button", name="Regenerate"))


def list_items(page: Page) -> Locator:
    """Return the entries of the conversation list."""
    return page.get_by_label("Conversations", exact=True).get_by_role("listitem")


def conversation_button(within: Page | Locator, title: str) -> Locator:
    """Return the button that opens a conversation in the list."""
    return within.get_by_role("button", name=re.compile(f"^{re.escape(title)} "))


def choose_item(page: Page, menu: str, conversation_button: str) -> None:
    """Choose an item of a menu by keyboard."""
    page.get_by_role("button", name=menu, exact=True).press("Enter")
    page.get_by_role("menuitem", name=conversation_button).press("Enter")


def import_file(page: Page, content: object) -> None:
    """Import a file of conversations."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    file = {"name": "conversations.json", "mimeType": "application/json", "buffer": body}
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import", exact=True).click()
    chooser.value.set_files(files=[file])  # type: ignore[list-item]


def export_file(
    *texts: str, title: str = "Imported", folder: str = "", model: str = TEXT, **more: Any
) -> dict[str, Any]:
    """Return an exported file with one conversation that alternates user and model messages."""
    roles = ("user", "assistant")
    messages = [
        {"role": roles[at % 2], "text": text, "model": model, **more} for at, text in enumerate(texts)
    ]
    conversation = {"title": title, "folder": folder, "model": model, "system": "", "messages": messages}
    return {"format": "vaultedge.chat", "version": 1, "conversations": [conversation]}


class ScriptedModel:
    """A model that streams the chunks that a test sends; `None` ends the answer."""

    def __init__(self) -> None:
        self.chunks: queue.Queue[str | None] = queue.Queue()
        self.url = ""

    def send(self, *chunks: str) -> None:
        for each in chunks:
            self.chunks.put(each)

    def end(self) -> None:
        self.chunks.put(None)

    def intercept(self, page: Page) -> None:
        """Redirect the page's chat completions to this model."""
        page.route("**/v1/chat/completions", lambda route: route.continue_(url=self.url))


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """Serve a ScriptedModel on a free port."""
    model = ScriptedModel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            while (chunk := model.chunks.get()) is not None:
                self._send({"choices": [{"index": 0, "delta": {"content": chunk}}]})
            self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})

        def _send(self, data: object) -> None:
            self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Suppress the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.end()
        server.shutdown()
        server.server_close()
        thread.join()
