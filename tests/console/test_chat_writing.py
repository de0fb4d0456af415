"""Where one writes: pictures, what a model cannot see, instructions, errors and their way out, no network."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console.chatting import TEXT, Opened, answers, bring, exported, item, say, start
from tests.console.conftest import House, sign_in
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page

BLIND = "o3-mini"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HAND = """(place, [kind, name, type, bytes]) => {
  const transfer = new DataTransfer();
  const data = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
  transfer.items.add(new File([data], name, { type }));
  const shared = { bubbles: true, cancelable: true };
  const given = kind === "paste" ? new ClipboardEvent(kind, { ...shared, clipboardData: transfer })
    : new DragEvent(kind, { ...shared, dataTransfer: transfer });
  return place.dispatchEvent(given);
}"""


def hand(page: Page, kind: str, name: str, type_: str, data: bytes) -> bool:
    """Paste or drop a file; False where the page takes it from the browser."""
    place = page.get_by_label("Message", exact=True) if kind == "paste" else page.locator(".chat-main")
    return bool(place.evaluate(HAND, [kind, name, type_, base64.b64encode(data).decode()]))


def test_pictures_are_pasted_and_dropped_and_others_told(
    opened: Opened, house: House, tmp_path: Path
) -> None:
    """A paste and a drop attach pictures; what is none is told, and a blind model before sending."""
    page = opened("chat", key=house.key)
    start(page)
    page.get_by_label("Message", exact=True).fill("Look")
    assert hand(page, "paste", "a.png", "image/png", PIXEL) is False
    page.get_by_role("img", name="Attached picture 1").wait_for()
    assert hand(page, "dragover", "b.png", "image/png", PIXEL) is False
    page.get_by_text("Drop pictures to attach them").wait_for()
    assert hand(page, "drop", "b.png", "image/png", PIXEL) is False
    page.get_by_role("img", name="Attached picture 2").wait_for()
    hand(page, "drop", "a.pdf", "application/pdf", b"%PDF")
    page.get_by_text("a.pdf is no PNG, JPEG, WebP or GIF picture.").wait_for()
    hand(page, "drop", "c.png", "image/png", b"nothing")
    page.get_by_text("c.png cannot be read.").wait_for()
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(20_000_001)
    page.get_by_label("Pictures", exact=True).set_input_files(huge)
    page.get_by_text("huge.png is too large: 20 MB are the most.").wait_for()

    page.get_by_label("Model", exact=True).select_option(BLIND)
    page.get_by_text(f"{BLIND} cannot see pictures: choose another model, or remove them.").wait_for()
    assert page.get_by_role("button", name="Send").is_disabled()
    page.get_by_label("Model", exact=True).select_option(TEXT)
    page.get_by_role("button", name="Send").click()
    answers(page).first.wait_for()
    page.get_by_label("Model", exact=True).select_option(BLIND)
    page.get_by_text("those of this conversation are not sent to it").wait_for()
    say(page, "And now?")
    answers(page).nth(1).get_by_text("And now?").wait_for()
    asked = house.simulators["openai"].script.asked[-1].body["messages"]
    assert [each["content"] for each in asked if each["role"] == "user"] == ["Look", "And now?"]


def test_instructions_and_sums(opened: Opened, house: House) -> None:
    """A conversation's instructions and temperature go with each question; what it cost stands above it."""
    page = opened("chat", key=house.key)
    start(page)
    page.get_by_role("button", name="Name, folder and instructions").click()
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    page.get_by_label("Temperature", exact=True).fill("3")
    page.get_by_text("A number from 0 to 2.").wait_for()
    assert page.get_by_role("button", name="Save", exact=True).is_disabled()
    page.get_by_label("Temperature", exact=True).fill("0.5")
    page.get_by_role("button", name="Save", exact=True).click()
    say(page, "**What** is it?\nTell me.")
    answers(page).get_by_text("Tell me.").wait_for()
    asked = house.simulators["openai"].script.asked[-1].body
    assert asked["temperature"] == 0.5
    assert asked["messages"][0]["content"] == "Be brief."
    item(page, "What is it?").wait_for()
    cost = re.search(r"\$0\.\d+", answers(page).inner_text())
    assert cost is not None
    assert cost[0] in page.locator(".chat-sums").inner_text()
    assert "2 messages" in page.locator(".chat-sums").inner_text()


def test_an_error_stays_with_its_message(opened: Opened, house: House) -> None:
    """A refusal stands where the answer would, with its code and the request's id, also after a reload."""
    house.simulators["openai"].script.queue(TEXT, *[InjectedFault(status=400, message="too odd")] * 2)
    page = opened("chat", key=house.key)
    start(page)
    say(page, "Odd")
    page.get_by_role("alert").get_by_text("too odd").wait_for()
    page.faults[:] = [each for each in page.faults if "400" not in each]  # type: ignore[attr-defined]
    page.reload()
    sign_in(page, house.key)
    page.get_by_role("link", name="Chat").click()
    item(page, "Odd").click()
    note = page.get_by_role("article").get_by_role("alert")
    note.get_by_text(re.compile(r"400 \w+.*request \S+")).wait_for()
    house.simulators["openai"].script.clear()
    note.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("You asked: “Odd”").wait_for()
    assert page.get_by_role("article").count() == 2


def test_without_network_the_history_is_there(opened: Opened, house: House) -> None:
    """Where the models cannot be read, conversations can; once there is a network again, one can write."""
    page = opened("chat", key=house.key)
    bring(page, exported("Hello?", "Hello.", title="Before"))
    page.get_by_text("Hello.").wait_for()
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="Usage", level=1).wait_for()
    page.context.set_offline(True)
    page.get_by_role("link", name="Chat").click()
    page.get_by_text("so nothing can be sent").wait_for()
    item(page, "Before").click()
    page.get_by_text("Hello.").wait_for()
    assert page.get_by_label("Message", exact=True).is_disabled()

    page.context.set_offline(False)
    page.faults[:] = [each for each in page.faults if "ERR_INTERNET" not in each]  # type: ignore[attr-defined]
    page.get_by_text("so nothing can be sent").wait_for(state="detached")
    say(page, "Again")
    answers(page).get_by_text("You asked: “Again”").wait_for()
