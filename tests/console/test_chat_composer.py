"""The composer: images, models without vision, instructions, errors, offline use."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console.chat_page import (
    TEXT,
    OpenPage,
    answers,
    conversation_button,
    export_file,
    import_file,
    send,
    start_chat,
)
from tests.console.conftest import Gateway, sign_in
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page

NO_VISION = "o3-mini"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TRANSFER = """(place, [kind, name, type, bytes]) => {
  const transfer = new DataTransfer();
  const data = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
  transfer.items.add(new File([data], name, { type }));
  const shared = { bubbles: true, cancelable: true };
  const event = kind === "paste" ? new ClipboardEvent(kind, { ...shared, clipboardData: transfer })
    : new DragEvent(kind, { ...shared, dataTransfer: transfer });
  return place.dispatchEvent(event);
}"""


def transfer_file(page: Page, kind: str, name: str, type_: str, data: bytes) -> bool:
    """Paste or drop a file; return False if the page prevents the browser's default."""
    place = page.get_by_label("Message", exact=True) if kind == "paste" else page.locator(".chat-main")
    return bool(place.evaluate(TRANSFER, [kind, name, type_, base64.b64encode(data).decode()]))


def test_images_are_pasted_and_dropped(open_page: OpenPage, gateway: Gateway, tmp_path: Path) -> None:
    """Paste and drop attach images; other files and models without vision are reported."""
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    page.get_by_label("Message", exact=True).fill("Look")
    assert transfer_file(page, "paste", "a.png", "image/png", PIXEL) is False
    page.get_by_role("img", name="Attached image 1").wait_for()
    assert transfer_file(page, "dragover", "b.png", "image/png", PIXEL) is False
    page.get_by_text("Drop images to attach them").wait_for()
    assert transfer_file(page, "drop", "b.png", "image/png", PIXEL) is False
    page.get_by_role("img", name="Attached image 2").wait_for()
    transfer_file(page, "drop", "a.pdf", "application/pdf", b"%PDF")
    page.get_by_text("a.pdf is not a PNG, JPEG, WebP or GIF image.").wait_for()
    transfer_file(page, "drop", "c.png", "image/png", b"nothing")
    page.get_by_text("c.png cannot be read.").wait_for()
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(20_000_001)
    page.get_by_label("Images", exact=True).set_input_files(huge)
    page.get_by_text("huge.png is too large. The maximum is 20 MB.").wait_for()

    page.get_by_label("Model", exact=True).select_option(NO_VISION)
    page.get_by_text(f"{NO_VISION} does not accept images. Choose another model or remove them.").wait_for()
    assert page.get_by_role("button", name="Send").is_disabled()
    page.get_by_label("Model", exact=True).select_option(TEXT)
    page.get_by_role("button", name="Send").click()
    answers(page).first.wait_for()
    page.get_by_label("Model", exact=True).select_option(NO_VISION)
    page.get_by_text("Images in this conversation are not sent").wait_for()
    send(page, "And now?")
    answers(page).nth(1).get_by_text("And now?").wait_for()
    messages = gateway.simulators["openai"].script.requests[-1].body["messages"]
    assert [each["content"] for each in messages if each["role"] == "user"] == ["Look", "And now?"]


def test_instructions_and_totals(open_page: OpenPage, gateway: Gateway) -> None:
    """Instructions and temperature are sent with each message; the header shows the totals."""
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    page.get_by_role("button", name="Edit conversation").click()
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    page.get_by_label("Temperature", exact=True).fill("3")
    page.get_by_text("Enter a number from 0 to 2.").wait_for()
    assert page.get_by_role("button", name="Save", exact=True).is_disabled()
    page.get_by_label("Temperature", exact=True).fill("0.5")
    page.get_by_role("button", name="Save", exact=True).click()
    send(page, "**What** is it?\nTell me.")
    answers(page).get_by_text("Tell me.").wait_for()
    body = gateway.simulators["openai"].script.requests[-1].body
    assert body["temperature"] == 0.5
    assert body["messages"][0]["content"] == "Be brief."
    conversation_button(page, "What is it?").wait_for()
    cost = re.search(r"\$0\.\d+", answers(page).inner_text())
    assert cost is not None
    assert cost[0] in page.locator(".chat-sums").inner_text()
    assert "2 messages" in page.locator(".chat-sums").inner_text()


def test_an_error_stays_with_its_message(open_page: OpenPage, gateway: Gateway) -> None:
    """An error is shown in place of the answer with code and request id, also after a reload."""
    gateway.simulators["openai"].script.queue(TEXT, *[InjectedFault(status=400, message="too odd")] * 2)
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    send(page, "Odd")
    page.get_by_role("alert").get_by_text("too odd").wait_for()
    page.faults[:] = [each for each in page.faults if "400" not in each]  # type: ignore[attr-defined]
    page.reload()
    sign_in(page, gateway.key)
    page.get_by_role("link", name="Chat").click()
    conversation_button(page, "Odd").click()
    note = page.get_by_role("article").get_by_role("alert")
    note.get_by_text(re.compile(r"400 \w+.*request \S+")).wait_for()
    gateway.simulators["openai"].script.clear()
    note.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("You asked: “Odd”").wait_for()
    assert page.get_by_role("article").count() == 2


def test_the_history_is_readable_offline(open_page: OpenPage, gateway: Gateway) -> None:
    """Without the model list, conversations are readable; sending works again once online."""
    page = open_page("chat", key=gateway.key)
    import_file(page, export_file("Hello?", "Hello.", title="Before"))
    page.get_by_text("Hello.").wait_for()
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    page.context.set_offline(True)
    page.get_by_role("link", name="Chat").click()
    page.get_by_text("You cannot send messages").wait_for()
    conversation_button(page, "Before").click()
    page.get_by_text("Hello.").wait_for()
    assert page.get_by_label("Message", exact=True).is_disabled()

    page.context.set_offline(False)
    page.faults[:] = [each for each in page.faults if "ERR_INTERNET" not in each]  # type: ignore[attr-defined]
    page.get_by_text("You cannot send messages").wait_for(state="detached")
    send(page, "Again")
    answers(page).get_by_text("You asked: “Again”").wait_for()
