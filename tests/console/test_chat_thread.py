"""The messages of a chat: thousands, answers that grow, where one reads meanwhile, and what is read out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.console.chatting import Opened, answers, bring, choose, exported, item, say, speaking, start
from tests.console.conftest import House

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


def busy(told: CDPSession) -> float:
    """Milliseconds of the processor that a page has taken: what else the machine does is not in them."""
    found = {each["name"]: each["value"] for each in told.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"] * 1_000)


def test_a_long_conversation_is_smooth(opened: Opened, house: House) -> None:
    """Of 2,000 messages those near the view are drawn; scrolling keeps its frames and reaches both ends."""
    page = opened("chat", key=house.key)
    bring(page, exported(*(f"Message {at}. " + "Some *words* more. " * (at % 40) for at in range(2_000))))
    page.get_by_text("Message 1999.").wait_for()
    assert page.get_by_role("article").count() < 60
    told = metered(page)
    before = busy(told)
    frames = page.evaluate(FRAMES)
    spent = (busy(told) - before) / len(frames)
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


def metered(page: Page) -> CDPSession:
    told = page.context.new_cdp_session(page)
    told.send("Performance.enable", {"timeDomain": "threadTicks"})
    return told


def left(page: Page) -> float:
    """Pixels between what is seen and the end."""
    return float(
        page.locator(".thread").evaluate("list => list.scrollHeight - list.scrollTop - list.clientHeight")
    )


def test_a_growing_answer_is_followed_until_one_reads_up(opened: Opened, house: House) -> None:
    """The end stays in view while an answer grows, but not for who has scrolled up; a button leads back."""
    page = opened("chat", key=house.key)
    bring(page, exported(*(f"Message {at}. " + PARAGRAPH * 3 for at in range(30))))
    page.get_by_text("Message 29.").wait_for()
    with speaking() as speaker:
        speaker.answers(page)
        say(page, "Tell me more")
        for number in range(12):
            speaker.say(f"Paragraph {number}. {PARAGRAPH * 2}\n\n")
            page.get_by_text(f"Paragraph {number}.").wait_for()
        assert left(page) < 48
        page.get_by_role("button", name="Jump to the end").wait_for(state="detached")

        page.locator(".thread").hover()
        page.mouse.wheel(0, -900)
        page.get_by_role("button", name="Jump to the end").wait_for()
        before = page.locator(".thread").evaluate("list => list.scrollTop")
        speaker.say("The last words.")
        page.get_by_text("The last words.").wait_for(state="attached")
        assert abs(page.locator(".thread").evaluate("list => list.scrollTop") - before) < 2
        page.get_by_role("button", name="Jump to the end").press("Enter")
        page.get_by_role("button", name="Jump to the end").wait_for(state="detached")
        assert left(page) < 48
        speaker.end()
        answers(page).get_by_text("The last words.").wait_for()


def test_a_long_answer_costs_little(opened: Opened, house: House) -> None:
    """4,000 tokens of a stream are drawn with work that does not grow with what is there already."""
    page = opened("chat", key=house.key)
    start(page)
    told = metered(page)
    with speaking() as speaker:
        speaker.answers(page)
        say(page, "At length, please")
        spent = []
        for half in ("first", "second"):
            before = busy(told)
            for number in range(1_000):
                speaker.say("several words " if number % 40 else "the end.\n\nAnd **then** ")
            speaker.say(f"The {half} half.")
            page.get_by_text(f"The {half} half.").wait_for()
            spent.append(busy(told) - before)
        speaker.end()
        answers(page).wait_for()
    print(f"\nwork for 4,000 tokens: {spent[0]:.0f} ms and {spent[1]:.0f} ms")
    assert sum(spent) < 4_000
    assert page.locator(".written .markdown").count() > 5


def test_what_is_read_out_is_the_answer_not_its_pieces(opened: Opened, house: House) -> None:
    """The messages are a log that announces nothing by itself; an answer is read once, when it is whole."""
    page = opened("chat", key=house.key)
    start(page)
    status = page.get_by_role("region", name="Conversation", exact=True).locator("> [role=status]")
    with speaking() as speaker:
        speaker.answers(page)
        say(page, "Aloud")
        status.get_by_text("The answer is on its way.").wait_for(state="attached")
        speaker.say("One, ")
        page.get_by_role("log").get_by_text("One,").wait_for()
        assert "One" not in (status.text_content() or "")
        assert page.get_by_role("log").get_attribute("aria-live") == "off"
        speaker.say("two.")
        speaker.end()
        status.get_by_text("Answer of gpt-4o-mini: One, two.").wait_for(state="attached")
    page.locator("textarea:focus").wait_for()


def test_answers_go_on_and_drafts_stay_while_one_looks_elsewhere(opened: Opened, house: House) -> None:
    """An answer grows while another conversation is open and is told of; drafts are there on the way back."""
    page = opened("chat", key=house.key)
    bring(page, exported("Hello?", "Hello.", title="Elsewhere"))
    page.get_by_text("Hello.").wait_for()
    page.get_by_label("Message", exact=True).fill("half a thought")
    with speaking() as speaker:
        speaker.answers(page)
        start(page)
        assert page.get_by_label("Message", exact=True).input_value() == ""
        say(page, "Slowly")
        speaker.say("Well, ")
        page.get_by_text("Well,").wait_for()
        item(page, "Elsewhere").click()
        page.get_by_text("Hello.").wait_for()
        assert page.get_by_label("Message", exact=True).input_value() == "half a thought"
        speaker.say("there.")
        speaker.end()
        page.get_by_text("“Slowly” is answered.").wait_for()
        item(page, "Slowly").click()
        answers(page).get_by_text("Well, there.").wait_for()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Chat").click()
    item(page, "Elsewhere").click()
    page.get_by_text("Hello.").wait_for()
    assert page.get_by_label("Message", exact=True).input_value() == "half a thought"


def test_escape_stops_and_what_came_is_kept(opened: Opened, house: House) -> None:
    """Escape ends an answer, keeps its words and leads back to where one writes."""
    page = opened("chat", key=house.key)
    start(page)
    with speaking() as speaker:
        speaker.answers(page)
        say(page, "Endlessly")
        speaker.say("On and on")
        page.get_by_text("On and on").wait_for()
        page.locator(".thread").focus()
        page.keyboard.press("Escape")
        page.get_by_text("stopped", exact=True).wait_for()
    answers(page).get_by_text("On and on").wait_for()
    page.locator("textarea:focus").wait_for()
    choose(page, "More about Endlessly", "Export as Markdown")
