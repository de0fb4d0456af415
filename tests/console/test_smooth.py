"""Long lists under the mouse wheel: what is drawn stays small, every row is reached, frames are printed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House
from tests.console.history import housed, record

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Locator, Page

Opened = Callable[..., "Page"]
ROWS, MESSAGES, TURNS = 10_000, 2_000, 120
FEW = 200  # rows or messages in the page at any time
# Each frame of the browser, with what is drawn in it, until `watched.on` is false.
WATCH = """([frame, drawn]) => {
  const watched = (window.watched = { frames: [], drawn: 0, heights: [], on: true });
  let before = performance.now();
  const turn = (now) => {
    watched.frames.push(now - before);
    before = now;
    watched.drawn = Math.max(watched.drawn, document.querySelectorAll(drawn).length);
    watched.heights.push(document.querySelector(frame).scrollHeight);
    if (watched.on) requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with 10,000 requests, from two days ago back."""
    begin = time.time() - 48 * 3_600
    past = [record(number, begin - number * 60) for number in range(ROWS)]
    with housed(tmp_path_factory.mktemp("smooth"), past) as made:
        yield made


def wheeled(page: Page, frame: Locator, drawn: str, step: int) -> dict[str, Any]:
    """What was seen while the wheel turned, and the figures of its frames."""
    name = frame.evaluate("frame => `.${frame.className.trim().split(' ')[0]}`")
    frame.hover()
    told = page.context.new_cdp_session(page)
    told.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _worked(told)
    page.evaluate(WATCH, [name, drawn])
    for _ in range(TURNS):
        page.mouse.wheel(0, step)
    seen = page.evaluate("() => ((watched.on = false), watched)")
    frames = sorted(seen["frames"][1:])
    work = (_worked(told) - before) / len(frames)
    late = sum(each > 50 for each in frames)
    print(
        f"\n{drawn}: {len(frames)} frames, median {frames[len(frames) // 2]:.1f} ms, "
        f"95 % under {frames[int(len(frames) * 0.95)]:.1f} ms, worst {frames[-1]:.1f} ms, "
        f"{late} over 50 ms; {work:.1f} ms of work each; at most {seen['drawn']} drawn"
    )
    return dict(seen)


def _worked(told: CDPSession) -> float:
    """Milliseconds of the processor that the page has taken: what else the machine does is not in them."""
    found = {each["name"]: each["value"] for each in told.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"]) * 1_000


def test_ten_thousand_requests_are_scrolled(opened: Opened, house: House) -> None:
    """All of them come while one scrolls, few are drawn, nothing jumps, and the last is reached and found."""
    page = opened("logs", key=house.admin)
    frame = page.get_by_role("region", name="Requests")
    table = frame.get_by_role("table")
    frame.get_by_role("row").nth(20).wait_for()
    page.get_by_label("Live").uncheck()
    for known in range(250, ROWS, 1_000):
        page.locator(f"table[aria-rowcount='{known + 1}']").wait_for()
        frame.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    page.locator(f"table[aria-rowcount='{ROWS + 1}']").wait_for()
    frame.evaluate("frame => frame.scrollTo(0, 0)")
    table.locator("[aria-rowindex='2']").wait_for()

    told = wheeled(page, frame, "main tbody tr", 300)
    assert told["drawn"] < FEW
    assert max(told["heights"]) - min(told["heights"]) < 20  # less than a row
    assert page.locator("main *").count() < 30 * FEW
    frame.press("End")
    table.locator(f"[aria-rowindex='{ROWS + 1}']").wait_for()
    page.get_by_label("Search").fill(f"past{ROWS - 1:05}")
    page.get_by_text(re.compile(r"^1 request\b")).wait_for()


def test_two_thousand_messages_are_scrolled(opened: Opened, house: House) -> None:
    """An imported conversation opens at its end; few messages are drawn; the first is reached and found."""
    roles = ("user", "assistant")
    texts = (f"Message {at}. " + "Some *words* and `code`. " * (at % 40) for at in range(MESSAGES))
    said = [{"role": roles[at % 2], "text": text, "model": "gpt-4o"} for at, text in enumerate(texts)]
    told = {"title": "Long", "folder": "", "model": "gpt-4o", "system": "", "messages": said}
    body = json.dumps({"format": "vaultedge.chat", "version": 1, "conversations": [told]}).encode()
    page = opened("chat", key=house.key)
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Import", exact=True).click()
    asked.value.set_files(files=[{"name": "long.json", "mimeType": "application/json", "buffer": body}])
    page.get_by_text(f"Message {MESSAGES - 1}.").wait_for()

    thread = page.locator(".thread")
    seen = wheeled(page, thread, "main article", -300)
    assert seen["drawn"] < FEW
    assert max(seen["heights"]) < 1.5 * min(seen["heights"])
    assert page.locator("main *").count() < 30 * FEW
    thread.press("Home")
    page.get_by_text("Message 0.", exact=True).wait_for()
    thread.press("End")
    page.get_by_text(f"Message {MESSAGES - 1}.").wait_for()
    page.get_by_label("Search conversations").fill("message 1234.")
    page.get_by_text("1 found").wait_for(state="attached")
