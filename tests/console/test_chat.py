"""The chat: complete conversations, stored in the browser."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.console.chat_page import (
    OTHER,
    TEXT,
    OpenPage,
    answers,
    choose_item,
    conversation_button,
    export_file,
    import_file,
    list_items,
    send,
    start_chat,
)
from tests.console.conftest import Gateway
from vaultcore.simulators.faults import InjectedFault

IMAGE_MODELS = ("dall-e-3", "gpt-image-1")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = (
    '<img src=x onerror="window.fired=1"><script>window.fired=1</script> [run](javascript:window.fired=1) '
    "![picture](https://evil.example/p.png)\n\n```python\nimport os  # the <b>\n```"
)


def test_a_conversation(open_page: OpenPage, gateway: Gateway) -> None:
    """Send, switch the model, reload, rename, move to a folder, export and delete a conversation."""
    page = open_page("sign-in")
    page.get_by_label("Key", exact=True).fill(gateway.key)
    page.get_by_label("Stay signed in until this tab is closed").check()
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Chat").click()
    start_chat(page, TEXT)
    send(page, "What is a vault?")
    answers(page).get_by_text("You asked: “What is a vault?”").wait_for()
    answers(page).get_by_text(re.compile(r"openai · \d+ tokens")).wait_for()

    page.get_by_label("Model", exact=True).select_option(OTHER)
    send(page, "And a key?")
    answers(page).get_by_text("a simulated anthropic").wait_for()
    messages = gateway.simulators["anthropic"].script.requests[-1].body["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "user"]

    page.reload()
    page.get_by_role("article").nth(3).wait_for()
    assert page.get_by_label("Model", exact=True).input_value() == OTHER
    page.get_by_role("button", name="Edit conversation").click()
    page.get_by_label("Name", exact=True).fill("Vaults")
    page.get_by_label("Folder", exact=True).fill("Work")
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    page.get_by_role("button", name="Save", exact=True).click()
    conversation_button(page.get_by_role("group").filter(has_text="Work"), "Vaults").wait_for()
    send(page, "Shorter, please.")
    answers(page).nth(2).wait_for()
    assert gateway.simulators["anthropic"].script.requests[-1].body["system"] is not None

    with page.expect_download() as saved:
        choose_item(page, "Conversation actions", "Export as Markdown")
    assert saved.value.suggested_filename == "vaults.md"
    text = Path(saved.value.path()).read_text()
    assert text.startswith("# Vaults\n\n> Be brief.\n\n## You\n\nWhat is a vault?")
    choose_item(page, "Conversation actions", "Delete")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("No conversations yet").wait_for()


def test_an_answer_is_stopped_regenerated_and_edited(open_page: OpenPage, gateway: Gateway) -> None:
    """Stop ends an answer, Regenerate replaces it, and an edited message gets a new answer."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(delay=5))
    page = open_page("chat", key=gateway.key)
    start_chat(page, TEXT)
    send(page, "Slowly")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped", exact=True).wait_for()

    page.get_by_role("button", name="Regenerate").click()
    answers(page).get_by_text("You asked: “Slowly”").wait_for()
    send(page, "Second")
    answers(page).get_by_text("You asked: “Second”").wait_for()
    page.get_by_role("button", name="Edit", exact=True).first.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("Quickly")
    page.get_by_label("Your message").press("Control+Enter")
    page.get_by_text("This deletes 2 later messages").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Regenerate").click()
    answers(page).get_by_text("You asked: “Quickly”").wait_for()
    assert page.get_by_role("article").count() == 2


def test_an_error_keeps_the_partial_answer(open_page: OpenPage, gateway: Gateway) -> None:
    """An interrupted stream keeps its text and can be retried; so can a request while offline."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(cut_after=4))
    page = open_page("chat", key=gateway.key)
    start_chat(page, TEXT)
    send(page, "Break")
    page.get_by_role("alert").wait_for()
    assert "You asked:" in answers(page).first.inner_text()
    page.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("charges nothing").wait_for()

    page.context.set_offline(True)
    send(page, "Anybody?")
    page.get_by_text("The gateway is unreachable.").wait_for()
    page.context.set_offline(False)
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the request that failed
    page.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("You asked: “Anybody?”").wait_for()


@pytest.mark.parametrize("image_model", IMAGE_MODELS)
def test_images_are_sent_and_generated(image_model: str, open_page: OpenPage, gateway: Gateway) -> None:
    """An attached image reaches the model, and a generated image is shown from its data."""
    page = open_page("chat", key=gateway.key)
    start_chat(page, TEXT)
    page.get_by_label("Images", exact=True).set_input_files(
        files=[{"name": "a.png", "mimeType": "image/png", "buffer": PIXEL}]
    )
    page.get_by_role("img", name="Attached image 1").wait_for()
    send(page, "What is this?")
    answers(page).first.wait_for()
    parts = gateway.simulators["openai"].script.requests[-1].body["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"

    page.get_by_label("Model", exact=True).select_option(image_model)
    send(page, "A red roof")
    image = answers(page).get_by_role("img", name="Image 1")
    image.wait_for()
    assert str(image.get_attribute("src")).startswith("data:image/")
    page.get_by_label("Images", exact=True).wait_for(state="detached")


def test_an_imported_conversation_is_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Hostile texts, titles, model names and images of an imported file run and fetch nothing."""
    page = open_page("chat", key=gateway.key)
    content = export_file(
        HOSTILE,
        HOSTILE,
        title=HOSTILE,
        model=HOSTILE,
        pictures=["https://evil.example/p.png", "data:image/svg+xml,<svg>"],
    )
    content["conversations"][0]["folder"] = HOSTILE
    import_file(page, content)
    page.get_by_text("Imported 1 conversation.").wait_for()
    block = page.locator(".markdown pre")
    block.wait_for()

    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.fired") is None
    assert block.inner_text().strip() == "import os  # the <b>"
    assert block.locator(".hl-word").all_inner_texts() == ["import"]
    assert block.locator(".hl-note").all_inner_texts() == ["# the <b>"]
    send(page, HOSTILE)
    page.get_by_role("alert").wait_for()  # the model does not exist
    assert page.evaluate("window.fired") is None
    page.faults[:] = [each for each in page.faults if "404" not in each]  # type: ignore[attr-defined]


def test_exports_can_be_imported(open_page: OpenPage, gateway: Gateway) -> None:
    """A JSON export is identical after an import elsewhere; other files are rejected."""
    first = open_page("chat", key=gateway.key)
    import_file(first, export_file("One", "Two *three*", "Four", "Five", title="Numbers"))
    first.get_by_text("Five").wait_for()
    with first.expect_download() as saved:
        first.get_by_role("button", name="Export all").click()
    stored = Path(saved.value.path()).read_bytes()

    second = open_page("chat", key=gateway.key)
    second.get_by_text("No conversations yet").wait_for()
    import_file(second, stored)
    second.get_by_text("Five").wait_for()
    with second.expect_download() as again:
        choose_item(second, "Conversation actions", "Export as JSON")
    assert json.loads(Path(again.value.path()).read_text()) == json.loads(stored)
    import_file(second, b'{"format": "another"}')
    second.get_by_text("the file is not a conversation export").wait_for()
    import_file(second, b"\x89PNG")
    second.get_by_text("the file is not valid JSON").wait_for()
    assert list_items(second).count() == 1


def test_conversations_are_searched_and_separate_per_key(open_page: OpenPage, gateway: Gateway) -> None:
    """Search finds titles and messages; another key sees no conversations."""
    page = open_page("chat", key=gateway.key)
    import_file(page, export_file("Where do herons nest?", "In trees.", title="Birds"))
    list_items(page).first.wait_for()
    import_file(page, export_file("How old is the moon?", "Old.", title="Sky"))
    list_items(page).nth(1).wait_for()
    page.get_by_label("Search conversations").fill("HERONS")
    page.get_by_text("1 result").wait_for(state="attached")
    assert "Birds" in list_items(page).inner_text()
    page.get_by_label("Search conversations").fill("nobody said that")
    page.get_by_text("No results").wait_for()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key", exact=True).fill(gateway.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Chat").click()
    page.get_by_text("No conversations yet").wait_for()
