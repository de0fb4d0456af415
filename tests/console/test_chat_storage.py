"""Chat storage: folders and menus, several tabs, and browsers without storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console.chat_page import (
    TEXT,
    OpenPage,
    answers,
    choose_item,
    conversation_button,
    export_file,
    import_file,
    list_items,
    scripted_model,
    send,
    start_chat,
)
from tests.console.conftest import Gateway, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

PRIVATE = "Object.defineProperty(window, 'indexedDB', { value: undefined })"


def open_tab(page: Page, gateway: Gateway) -> Page:
    """Open another tab of the same browser, signed in with the same key."""
    tab = page.context.new_page()
    tab.goto(f"{gateway.console}#/sign-in")
    sign_in(tab, gateway.key)
    tab.goto(f"{gateway.console}#/chat")
    tab.get_by_role("button", name="New chat").wait_for()
    return tab


def test_folders_and_menus_by_keyboard(open_page: OpenPage, gateway: Gateway) -> None:
    """Conversations are moved by menu; folders are renamed, dissolved or deleted with their conversations."""
    page = open_page("chat", key=gateway.key)
    for title in ("One", "Two", "Three"):
        import_file(page, export_file("Hello?", f"Hello {title}.", title=title, folder="Work"))
        page.get_by_text(f"Hello {title}.").wait_for()
    menu = page.get_by_role("button", name="Actions for One", exact=True)
    menu.press("Enter")
    page.get_by_role("menuitem", name="Rename or move").press("End")
    assert "Delete" in page.locator("[role=menuitem]:focus").inner_text()
    page.keyboard.press("Escape")
    page.locator("[aria-label='Actions for One']:focus").wait_for()

    choose_item(page, "Actions for One", "Rename or move")
    page.get_by_label("Folder", exact=True).fill("Home")
    page.get_by_label("Folder", exact=True).press("Enter")
    conversation_button(page.get_by_role("group").filter(has_text="Home"), "One").wait_for()
    choose_item(page, "Actions for folder Work", "Rename folder")
    page.get_by_label("Folder name").fill("Labour")
    page.get_by_role("button", name="Rename", exact=True).click()
    choose_item(page, "Actions for folder Home", "Delete folder")
    page.get_by_role("button", name="Delete folder only").click()
    page.get_by_role("button", name="Actions for folder Home").wait_for(state="detached")
    choose_item(page, "Actions for folder Labour", "Delete folder")
    page.get_by_role("button", name="Delete folder and 2 conversations").click()
    page.get_by_role("button", name="Actions for folder Labour").wait_for(state="detached")
    assert "One" in list_items(page).inner_text()

    page.get_by_role("button", name="Delete all conversations").click()
    assert page.get_by_role("button", name="Delete all", exact=True).is_disabled()
    page.get_by_label("Type “delete all” to confirm").fill("delete all")
    page.get_by_role("button", name="Delete all", exact=True).click()
    page.get_by_text("No conversations yet").wait_for()


def test_two_tabs_stay_in_sync(open_page: OpenPage, gateway: Gateway) -> None:
    """Changes appear in the other tab; a pending answer disables its composer; deletion is reported."""
    with scripted_model() as model:
        one = open_page("chat", key=gateway.key)
        start_chat(one)
        two = open_tab(one, gateway)
        model.intercept(one)
        send(one, "What is a tab?")
        model.send("A tab ")
        one.get_by_text("A tab", exact=True).wait_for()
        two.get_by_role("button", name="What is a tab? answering").click()
        two.get_by_text("Another tab is waiting for an answer in this conversation.").wait_for()
        assert two.get_by_label("Message", exact=True).is_disabled()
        model.send("is a page.")
        model.end()
        answers(two).get_by_text("A tab is a page.").wait_for()
    one.unroute_all()

    send(two, "And two?")
    answers(one).get_by_text("And two?").wait_for()
    choose_item(two, "Actions for What is a tab?", "Delete")
    two.get_by_role("button", name="Delete", exact=True).click()
    one.get_by_text("This conversation was deleted in another tab.").wait_for()
    assert one.get_by_label("Message", exact=True).is_disabled()
    one.get_by_role("button", name="Save a copy").click()
    conversation_button(two, "What is a tab?").wait_for()
    send(one, "Still here?")
    answers(one).get_by_text("Still here?").wait_for()


def test_a_stale_tab_overwrites_nothing(open_page: OpenPage, gateway: Gateway) -> None:
    """Without a channel between tabs, the second writer reloads and keeps its draft."""
    first = open_page("chat", key=gateway.key)
    first.context.add_init_script("delete window.BroadcastChannel")
    one, two = open_tab(first, gateway), open_tab(first, gateway)
    start_chat(one)
    send(one, "First")
    answers(one).first.wait_for()
    two.goto(one.url)
    two.reload()
    sign_in(two, gateway.key)
    two.goto(one.url)
    answers(two).first.wait_for()
    send(one, "Second")
    answers(one).nth(1).wait_for()
    send(two, "Third")
    two.get_by_text("Another tab has continued this conversation").wait_for()

    answers(two).nth(1).get_by_text("Second").wait_for()
    assert two.get_by_label("Message", exact=True).input_value() == "Third"
    two.get_by_label("Message", exact=True).press("Enter")
    answers(two).nth(2).wait_for()


@pytest.mark.parametrize("why", ["private", "full"])
def test_the_chat_works_without_storage(why: str, open_page: OpenPage, gateway: Gateway) -> None:
    """Without storage or space, the page warns; the conversation continues and can be exported."""
    page = open_page("sign-in")
    if why == "private":
        page.context.add_init_script(PRIVATE)
        page.reload()
    else:
        session = page.context.new_cdp_session(page)
        session.send("Storage.overrideQuotaForOrigin", {"origin": gateway.url, "quotaSize": 1})
    sign_in(page, gateway.key)
    page.goto(f"{gateway.console}#/chat")
    start_chat(page, TEXT)
    send(page, "Are you there?")
    answers(page).get_by_text("Are you there?").wait_for()
    page.get_by_text("does not allow storage" if why == "private" else "storage is full").wait_for()

    send(page, "Still?")
    answers(page).get_by_text("Still?").wait_for()
    page.get_by_label("Search conversations").fill("STILL")
    page.get_by_text("1 result").wait_for(state="attached")
    page.get_by_label("Search conversations").fill("")
    with page.expect_download():
        choose_item(page, "Actions for Are you there?", "Export as JSON")
    if why == "full":
        session.send("Storage.overrideQuotaForOrigin", {"origin": gateway.url})
        import_file(page, export_file("Old", "Older", title="Old"))
        choose_item(page, "Actions for Old", "Delete")
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("storage is full").wait_for(state="detached")
        page.reload()
        sign_in(page, gateway.key)
        page.goto(f"{gateway.console}#/chat")
        conversation_button(page, "Are you there?").wait_for()
