"""The chat: conversations as people lead them, kept in the browser, inert and smooth whatever they hold."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.console.chatting import (
    OTHER,
    TEXT,
    Opened,
    answers,
    bring,
    choose,
    exported,
    item,
    listed,
    say,
    start,
)
from tests.console.conftest import House
from vaultcore.simulators.faults import InjectedFault

PAINTERS = ("dall-e-3", "gpt-image-1")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = (
    '<img src=x onerror="window.fired=1"><script>window.fired=1</script> [run](javascript:window.fired=1) '
    "![picture](https://evil.example/p.png)\n\n```python\nimport os  # the <b>\n```"
)


def test_a_conversation(opened: Opened, house: House) -> None:
    """Ask, change the model, find it after a reload, name it, put it into a folder, export and delete it."""
    page = opened("sign-in")
    page.get_by_label("Key", exact=True).fill(house.key)
    page.get_by_label("Keep it until this tab is closed").check()
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Chat").click()
    start(page, TEXT)
    say(page, "What is a vault?")
    answers(page).get_by_text("You asked: “What is a vault?”").wait_for()
    answers(page).get_by_text(re.compile(r"openai · \d+ tokens")).wait_for()

    page.get_by_label("Model", exact=True).select_option(OTHER)
    say(page, "And a key?")
    answers(page).get_by_text("a simulated anthropic").wait_for()
    asked = house.simulators["anthropic"].script.asked[-1].body["messages"]
    assert [each["role"] for each in asked] == ["user", "assistant", "user"]

    page.reload()
    page.get_by_role("article").nth(3).wait_for()
    assert page.get_by_label("Model", exact=True).input_value() == OTHER
    page.get_by_role("button", name="Name, folder and instructions").click()
    page.get_by_label("Name", exact=True).fill("Vaults")
    page.get_by_label("Folder", exact=True).fill("Work")
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    page.get_by_role("button", name="Save", exact=True).click()
    item(page.get_by_role("group").filter(has_text="Work"), "Vaults").wait_for()
    say(page, "Shorter, please.")
    answers(page).nth(2).wait_for()
    assert house.simulators["anthropic"].script.asked[-1].body["system"] is not None

    with page.expect_download() as saved:
        choose(page, "More about this conversation", "Export as Markdown")
    assert saved.value.suggested_filename == "vaults.md"
    text = Path(saved.value.path()).read_text()
    assert text.startswith("# Vaults\n\n> Be brief.\n\n## You\n\nWhat is a vault?")
    choose(page, "More about this conversation", "Delete")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("No conversations yet").wait_for()


def test_an_answer_is_stopped_asked_again_and_edited(opened: Opened, house: House) -> None:
    """Stop ends the wait, asking again replaces the answer, and an edited message is answered anew."""
    house.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(delay=5))
    page = opened("chat", key=house.key)
    start(page, TEXT)
    say(page, "Slowly")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped", exact=True).wait_for()

    page.get_by_role("button", name="Answer again").click()
    answers(page).get_by_text("You asked: “Slowly”").wait_for()
    say(page, "Second")
    answers(page).get_by_text("You asked: “Second”").wait_for()
    page.get_by_role("button", name="Edit").first.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("Quickly")
    page.get_by_label("Your message").press("Control+Enter")
    page.get_by_text("is deleted: 2 messages").wait_for()
    page.get_by_role("button", name="Go on").click()
    answers(page).get_by_text("You asked: “Quickly”").wait_for()
    assert page.get_by_role("article").count() == 2


def test_an_error_keeps_what_came(opened: Opened, house: House) -> None:
    """A stream that breaks off leaves its words, says so, and can be asked again; so does being offline."""
    house.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(cut_after=4))
    page = opened("chat", key=house.key)
    start(page, TEXT)
    say(page, "Break")
    page.get_by_role("alert").wait_for()
    assert "You asked:" in answers(page).first.inner_text()
    page.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("charges nothing").wait_for()

    page.context.set_offline(True)
    say(page, "Anybody?")
    page.get_by_text("The gateway cannot be reached.").wait_for()
    page.context.set_offline(False)
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the request that failed
    page.get_by_role("button", name="Try again").click()
    answers(page).get_by_text("You asked: “Anybody?”").wait_for()


@pytest.mark.parametrize("painter", PAINTERS)
def test_pictures_go_both_ways(painter: str, opened: Opened, house: House) -> None:
    """A picture attached reaches the model, and one that a model makes is shown from its own bytes."""
    page = opened("chat", key=house.key)
    start(page, TEXT)
    page.get_by_label("Pictures", exact=True).set_input_files(
        files=[{"name": "a.png", "mimeType": "image/png", "buffer": PIXEL}]
    )
    page.get_by_role("img", name="Attached picture 1").wait_for()
    say(page, "What is this?")
    answers(page).first.wait_for()
    parts = house.simulators["openai"].script.asked[-1].body["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"

    page.get_by_label("Model", exact=True).select_option(painter)
    say(page, "A red house")
    made = answers(page).get_by_role("img", name="Picture 1")
    made.wait_for()
    assert str(made.get_attribute("src")).startswith("data:image/")
    page.get_by_label("Pictures", exact=True).wait_for(state="detached")


def test_whatever_a_conversation_holds_is_inert(opened: Opened, house: House) -> None:
    """Hostile words, titles, model names and pictures of an imported file run nothing and fetch nothing."""
    page = opened("chat", key=house.key)
    told = exported(
        HOSTILE,
        HOSTILE,
        title=HOSTILE,
        model=HOSTILE,
        pictures=["https://evil.example/p.png", "data:image/svg+xml,<svg>"],
    )
    told["conversations"][0]["folder"] = HOSTILE
    bring(page, told)
    page.get_by_text("1 conversation was imported.").wait_for()
    block = page.locator(".markdown pre")
    block.wait_for()

    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.fired") is None
    assert block.inner_text().strip() == "import os  # the <b>"
    assert block.locator(".hl-word").all_inner_texts() == ["import"]
    assert block.locator(".hl-note").all_inner_texts() == ["# the <b>"]
    say(page, HOSTILE)
    page.get_by_role("alert").wait_for()  # there is no such model
    assert page.evaluate("window.fired") is None
    page.faults[:] = [each for each in page.faults if "404" not in each]  # type: ignore[attr-defined]


def test_exports_come_back(opened: Opened, house: House) -> None:
    """What is exported as JSON is the same after it was imported elsewhere; other files are refused."""
    first = opened("chat", key=house.key)
    bring(first, exported("One", "Two *three*", "Four", "Five", title="Numbers"))
    first.get_by_text("Five").wait_for()
    with first.expect_download() as saved:
        first.get_by_role("button", name="Export all").click()
    kept = Path(saved.value.path()).read_bytes()

    second = opened("chat", key=house.key)
    second.get_by_text("No conversations yet").wait_for()
    bring(second, kept)
    second.get_by_text("Five").wait_for()
    with second.expect_download() as again:
        choose(second, "More about this conversation", "Export as JSON")
    assert json.loads(Path(again.value.path()).read_text()) == json.loads(kept)
    bring(second, b'{"format": "another"}')
    second.get_by_text("holds no conversations that were exported here").wait_for()
    bring(second, b"\x89PNG")
    second.get_by_text("The file is no JSON").wait_for()
    assert listed(second).count() == 1


def test_conversations_are_searched_and_apart_for_each_key(opened: Opened, house: House) -> None:
    """A search finds titles and messages; whoever signs in with another key sees none of them."""
    page = opened("chat", key=house.key)
    bring(page, exported("Where do herons nest?", "In trees.", title="Birds"))
    listed(page).first.wait_for()
    bring(page, exported("How old is the moon?", "Old.", title="Sky"))
    listed(page).nth(1).wait_for()
    page.get_by_label("Search conversations").fill("HERONS")
    page.get_by_text("1 found").wait_for(state="attached")
    assert "Birds" in listed(page).inner_text()
    page.get_by_label("Search conversations").fill("nobody said that")
    page.get_by_text("Nothing found").wait_for()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key", exact=True).fill(house.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Chat").click()
    page.get_by_text("No conversations yet").wait_for()
