"""The thread: thousands of messages, growing answers, scroll position, announcements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.console.chat_page import (
    OpenPage,
    answers,
    choose_item,
    conversation_button,
    export_file,
    import_file,
    scripted_model,
    send,
    start_chat,
)
from tests.console.conftest import Gateway

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

PARAGRAPH = "Some **bold** words and `code`, then more of them until the line is full and goes on. "

FRAMES = """async () => {
  const list = document.querySelector(".thread");
  const spent = [];
  let before = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 60; step += 1) {
    list.scrollTop -= 400;
    const now = await new Promise(requestAnimationFrame);
    spent.push(now - before);
    before = now;
  }
  return spent.sort((one, other) => one - other);
}"""


def task_time(session: CDPSession) -> float:
    """Return the CPU time of the page in milliseconds; other load on the machine does not count."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"] * 1_000)


def test_a_long_conversation_is_smooth(open_page: OpenPage, gateway: Gateway) -> None:
    """Of 2,000 messages only those near the view are rendered; scrolling is smooth and reaches both ends."""
    page = open_page("chat", key=gateway.key)
    import_file(
        page, export_file(*(f"Message {at}. " + "Some *words* more. " * (at % 40) for at in range(2_000)))
    )
    page.get_by_text("Message 1999.").wait_for()
    assert page.get_by_role("article").count() < 60
    session = start_metrics(page)
    before = task_time(session)
    frames = page.evaluate(FRAMES)
    spent = (task_time(session) - before) / len(frames)
    middle, worst = frames[len(frames) // 2], frames[int(len(frames) * 0.95)]
    print(
        f"\nframes of 2,000 messages: median {middle:.1f} ms, 95 % under {worst:.1f} ms, work {spent:.1f} ms"
    )
    assert spent < 40
    assert page.get_by_role("article").count() < 60

    page.locator(".thread").evaluate("list => list.scrollTo(0, 0)")
    page.get_by_text("Message 0.").wait_for()
    page.locator(".thread").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    page.get_by_text("Message 1999.").wait_for()


def start_metrics(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return session


def distance_to_end(page: Page) -> float:
    """Return the pixels between the visible area and the end."""
    return float(
        page.locator(".thread").evaluate("list => list.scrollHeight - list.scrollTop - list.clientHeight")
    )


def test_a_growing_answer_is_followed_until_scrolled(open_page: OpenPage, gateway: Gateway) -> None:
    """The thread follows a growing answer until the user scrolls up; a button returns to the end."""
    page = open_page("chat", key=gateway.key)
    import_file(page, export_file(*(f"Message {at}. " + PARAGRAPH * 3 for at in range(30))))
    page.get_by_text("Message 29.").wait_for()
    with scripted_model() as model:
        model.intercept(page)
        send(page, "Tell me more")
        for number in range(12):
            model.send(f"Paragraph {number}. {PARAGRAPH * 2}\n\n")
            page.get_by_text(f"Paragraph {number}.").wait_for()
        assert distance_to_end(page) < 48
        page.get_by_role("button", name="Jump to the end").wait_for(state="detached")

        page.locator(".thread").hover()
        page.mouse.wheel(0, -900)
        page.get_by_role("button", name="Jump to the end").wait_for()
        before = page.locator(".thread").evaluate("list => list.scrollTop")
        model.send("The last words.")
        page.get_by_text("The last words.").wait_for(state="attached")
        assert abs(page.locator(".thread").evaluate("list => list.scrollTop") - before) < 2
        page.get_by_role("button", name="Jump to the end").press("Enter")
        page.get_by_role("button", name="Jump to the end").wait_for(state="detached")
        assert distance_to_end(page) < 48
        model.end()
        answers(page).get_by_text("The last words.").wait_for()


def test_a_long_answer_costs_little(open_page: OpenPage, gateway: Gateway) -> None:
    """Rendering 4,000 tokens costs a constant amount of work per token."""
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    session = start_metrics(page)
    with scripted_model() as model:
        model.intercept(page)
        send(page, "At length, please")
        spent = []
        for half in ("first", "second"):
            before = task_time(session)
            for number in range(1_000):
                model.send("several words " if number % 40 else "the end.\n\nAnd **then** ")
            model.send(f"The {half} half.")
            page.get_by_text(f"The {half} half.").wait_for()
            spent.append(task_time(session) - before)
        model.end()
        answers(page).wait_for()
    print(f"\nwork for 4,000 tokens: {spent[0]:.0f} ms and {spent[1]:.0f} ms")
    assert sum(spent) < 4_000
    assert page.locator(".answer-text .markdown").count() > 5


def test_an_answer_is_announced_once_complete(open_page: OpenPage, gateway: Gateway) -> None:
    """The thread announces nothing while an answer grows; the complete answer is announced once."""
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    status = page.get_by_role("region", name="Conversation", exact=True).locator("> [role=status]")
    with scripted_model() as model:
        model.intercept(page)
        send(page, "Aloud")
        status.get_by_text("Waiting for the answer.").wait_for(state="attached")
        model.send("One, ")
        page.get_by_role("log").get_by_text("One,").wait_for()
        assert "One" not in (status.text_content() or "")
        assert page.get_by_role("log").get_attribute("aria-live") == "off"
        model.send("two.")
        model.end()
        status.get_by_text("gpt-4o-mini answered: One, two.").wait_for(state="attached")
    page.locator("textarea:focus").wait_for()


def test_answers_continue_in_other_conversations(open_page: OpenPage, gateway: Gateway) -> None:
    """An answer continues while another conversation is open; drafts are kept."""
    page = open_page("chat", key=gateway.key)
    import_file(page, export_file("Hello?", "Hello.", title="Elsewhere"))
    page.get_by_text("Hello.").wait_for()
    page.get_by_label("Message", exact=True).fill("half a thought")
    with scripted_model() as model:
        model.intercept(page)
        start_chat(page)
        assert page.get_by_label("Message", exact=True).input_value() == ""
        send(page, "Slowly")
        model.send("Well, ")
        page.get_by_text("Well,").wait_for()
        conversation_button(page, "Elsewhere").click()
        page.get_by_text("Hello.").wait_for()
        assert page.get_by_label("Message", exact=True).input_value() == "half a thought"
        model.send("there.")
        model.end()
        page.get_by_text("“Slowly”: the answer is complete.").wait_for()
        conversation_button(page, "Slowly").click()
        answers(page).get_by_text("Well, there.").wait_for()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Chat").click()
    conversation_button(page, "Elsewhere").click()
    page.get_by_text("Hello.").wait_for()
    assert page.get_by_label("Message", exact=True).input_value() == "half a thought"


def test_escape_stops_and_keeps_the_partial_answer(open_page: OpenPage, gateway: Gateway) -> None:
    """Escape stops an answer, keeps its text and focuses the composer."""
    page = open_page("chat", key=gateway.key)
    start_chat(page)
    with scripted_model() as model:
        model.intercept(page)
        send(page, "Endlessly")
        model.send("On and on")
        page.get_by_text("On and on").wait_for()
        page.locator(".thread").focus()
        page.keyboard.press("Escape")
        page.get_by_text("stopped", exact=True).wait_for()
    answers(page).get_by_text("On and on").wait_for()
    page.locator("textarea:focus").wait_for()
    choose_item(page, "Actions for Endlessly", "Export as Markdown")
