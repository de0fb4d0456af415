"""Where conversations are kept: folders and menus, tabs of one browser, a browser that keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console.chatting import (
    TEXT,
    Opened,
    answers,
    bring,
    choose,
    exported,
    item,
    listed,
    say,
    speaking,
    start,
)
from tests.console.conftest import House, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

PRIVATE = "Object.defineProperty(window, 'indexedDB', { value: undefined })"


def beside(page: Page, house: House) -> Page:
    """Another tab of the same browser, signed in with the same key."""
    tab = page.context.new_page()
    tab.goto(f"{house.console}#/sign-in")
    sign_in(tab, house.key)
    tab.goto(f"{house.console}#/chat")
    tab.get_by_role("button", name="New chat").wait_for()
    return tab


def test_folders_and_menus_by_keyboard(opened: Opened, house: House) -> None:
    """Conversations are moved by menu; a folder is renamed, emptied, or goes with what is in it; all go."""
    page = opened("chat", key=house.key)
    for title in ("One", "Two", "Three"):
        bring(page, exported("Hello?", f"Hello {title}.", title=title, folder="Work"))
        page.get_by_text(f"Hello {title}.").wait_for()
    menu = page.get_by_role("button", name="More about One", exact=True)
    menu.press("Enter")
    page.get_by_role("menuitem", name="Rename or move").press("End")
    assert "Delete" in page.locator("[role=menuitem]:focus").inner_text()
    page.keyboard.press("Escape")
    page.locator("[aria-label='More about One']:focus").wait_for()

    choose(page, "More about One", "Rename or move")
    page.get_by_label("Folder", exact=True).fill("Home")
    page.get_by_label("Folder", exact=True).press("Enter")
    item(page.get_by_role("group").filter(has_text="Home"), "One").wait_for()
    choose(page, "Folder Work", "Rename folder")
    page.get_by_label("Folder's name").fill("Labour")
    page.get_by_role("button", name="Rename", exact=True).click()
    choose(page, "Folder Home", "Delete folder")
    page.get_by_role("button", name="Keep what is in it").click()
    page.get_by_role("button", name="Folder Home").wait_for(state="detached")
    choose(page, "Folder Labour", "Delete folder")
    page.get_by_role("button", name="Delete 2 conversations too").click()
    page.get_by_role("button", name="Folder Labour").wait_for(state="detached")
    assert "One" in listed(page).inner_text()

    page.get_by_role("button", name="Delete all conversations").click()
    assert page.get_by_role("button", name="Delete all", exact=True).is_disabled()
    page.get_by_label("Type delete all to go on").fill("delete all")
    page.get_by_role("button", name="Delete all", exact=True).click()
    page.get_by_text("No conversations yet").wait_for()


def test_two_tabs_overwrite_nothing(opened: Opened, house: House) -> None:
    """What one tab does shows in the other; its answer shuts the composer there; deletion is told."""
    with speaking() as speaker:
        one = opened("chat", key=house.key)
        start(one)
        two = beside(one, house)
        speaker.answers(one)
        say(one, "What is a tab?")
        speaker.say("A tab ")
        one.get_by_text("A tab", exact=True).wait_for()
        two.get_by_role("button", name="What is a tab? answering").click()
        two.get_by_text("Another tab has this conversation answered.").wait_for()
        assert two.get_by_label("Message", exact=True).is_disabled()
        speaker.say("is a page.")
        speaker.end()
        answers(two).get_by_text("A tab is a page.").wait_for()
    one.unroute_all()

    say(two, "And two?")
    answers(one).get_by_text("And two?").wait_for()
    choose(two, "More about What is a tab?", "Delete")
    two.get_by_role("button", name="Delete", exact=True).click()
    one.get_by_text("This conversation was deleted in another tab.").wait_for()
    assert one.get_by_label("Message", exact=True).is_disabled()
    one.get_by_role("button", name="Keep a copy").click()
    item(two, "What is a tab?").wait_for()
    say(one, "Still here?")
    answers(one).get_by_text("Still here?").wait_for()


def test_a_tab_that_hears_nothing_overwrites_nothing(opened: Opened, house: House) -> None:
    """Where tabs cannot tell each other, the one that comes second reads anew and keeps what was typed."""
    first = opened("chat", key=house.key)
    first.context.add_init_script("delete window.BroadcastChannel")
    one, two = beside(first, house), beside(first, house)
    start(one)
    say(one, "First")
    answers(one).first.wait_for()
    two.goto(one.url)
    two.reload()
    sign_in(two, house.key)
    two.goto(one.url)
    answers(two).first.wait_for()
    say(one, "Second")
    answers(one).nth(1).wait_for()
    say(two, "Third")
    two.get_by_text("went on in another tab").wait_for()

    answers(two).nth(1).get_by_text("Second").wait_for()
    assert two.get_by_label("Message", exact=True).input_value() == "Third"
    two.get_by_label("Message", exact=True).press("Enter")
    answers(two).nth(2).wait_for()


@pytest.mark.parametrize("why", ["private", "full"])
def test_without_storage_the_chat_goes_on(why: str, opened: Opened, house: House) -> None:
    """A browser that keeps nothing, or has no room, is told of; the conversation goes on and exports."""
    page = opened("sign-in")
    if why == "private":
        page.context.add_init_script(PRIVATE)
        page.reload()
    else:
        told = page.context.new_cdp_session(page)
        told.send("Storage.overrideQuotaForOrigin", {"origin": house.url, "quotaSize": 1})
    sign_in(page, house.key)
    page.goto(f"{house.console}#/chat")
    start(page, TEXT)
    say(page, "Are you there?")
    answers(page).get_by_text("Are you there?").wait_for()
    page.get_by_text("keeps nothing" if why == "private" else "storage is full").wait_for()

    say(page, "Still?")
    answers(page).get_by_text("Still?").wait_for()
    page.get_by_label("Search conversations").fill("STILL")
    page.get_by_text("1 found").wait_for(state="attached")
    page.get_by_label("Search conversations").fill("")
    with page.expect_download():
        choose(page, "More about Are you there?", "Export as JSON")
    if why == "full":
        told.send("Storage.overrideQuotaForOrigin", {"origin": house.url})
        bring(page, exported("Old", "Older", title="Old"))
        choose(page, "More about Old", "Delete")
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("storage is full").wait_for(state="detached")
        page.reload()
        sign_in(page, house.key)
        page.goto(f"{house.console}#/chat")
        item(page, "Are you there?").wait_for()
