"""Long lists under the mouse wheel: few rendered rows, every row reachable; prints frame times."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import Gateway
from tests.console.recorded_usage import gateway_with_records, record

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Locator, Page

OpenPage = Callable[..., "Page"]
ROWS, MESSAGES, TURNS = 10_000, 2_000, 120
FEW = 200  # rows or messages in the page at any time
# Records each browser frame and its rendered rows until `watched.on` is false.
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
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with 10,000 requests, from two days ago back."""
    begin = time.time() - 48 * 3_600
    past = [record(number, begin - number * 60) for number in range(ROWS)]
    with gateway_with_records(tmp_path_factory.mktemp("smooth"), past) as created:
        yield created


def scroll_by_wheel(page: Page, frame: Locator, drawn: str, step: int) -> dict[str, Any]:
    """Turn the wheel and return the observed frames and heights."""
    name = frame.evaluate("frame => `.${frame.className.trim().split(' ')[0]}`")
    frame.hover()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _task_time(session)
    page.evaluate(WATCH, [name, drawn])
    for _ in range(TURNS):
        page.mouse.wheel(0, step)
    result = page.evaluate("() => ((watched.on = false), watched)")
    frames = sorted(result["frames"][1:])
    work = (_task_time(session) - before) / len(frames)
    late = sum(each > 50 for each in frames)
    print(
        f"\n{drawn}: {len(frames)} frames, median {frames[len(frames) // 2]:.1f} ms, "
        f"95 % under {frames[int(len(frames) * 0.95)]:.1f} ms, worst {frames[-1]:.1f} ms, "
        f"{late} over 50 ms; {work:.1f} ms of work each; at most {result['drawn']} drawn"
    )
    return dict(result)


def _task_time(session: CDPSession) -> float:
    """Return the CPU time of the page in milliseconds; other load on the machine does not count."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1_000


def test_ten_thousand_requests_are_scrolled(open_page: OpenPage, gateway: Gateway) -> None:
    """All requests load while scrolling, few are rendered, nothing jumps, and the last one is found."""
    page = open_page("logs", key=gateway.admin)
    frame = page.get_by_role("region", name="Requests")
    table = frame.get_by_role("table")
    frame.get_by_role("row").nth(20).wait_for()
    page.get_by_label("Live").uncheck()
    for loaded in range(250, ROWS, 1_000):
        page.locator(f"table[aria-rowcount='{loaded + 1}']").wait_for()
        frame.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    page.locator(f"table[aria-rowcount='{ROWS + 1}']").wait_for()
    frame.evaluate("frame => frame.scrollTo(0, 0)")
    table.locator("[aria-rowindex='2']").wait_for()

    result = scroll_by_wheel(page, frame, "main tbody tr", 300)
    assert result["drawn"] < FEW
    assert max(result["heights"]) - min(result["heights"]) < 20  # less than a row
    assert page.locator("main *").count() < 30 * FEW
    frame.press("End")
    table.locator(f"[aria-rowindex='{ROWS + 1}']").wait_for()
    page.get_by_label("Search").fill(f"past{ROWS - 1:05}")
    page.get_by_text(re.compile(r"^1 request\b")).wait_for()


def test_two_thousand_messages_are_scrolled(open_page: OpenPage, gateway: Gateway) -> None:
    """A conversation opens at its end; few messages are rendered; the first one is reached and found."""
    roles = ("user", "assistant")
    texts = (f"Message {at}. " + "Some *words* and `code`. " * (at % 40) for at in range(MESSAGES))
    messages = [{"role": roles[at % 2], "text": text, "model": "gpt-4o"} for at, text in enumerate(texts)]
    conversation = {"title": "Long", "folder": "", "model": "gpt-4o", "system": "", "messages": messages}
    body = json.dumps({"format": "vaultedge.chat", "version": 1, "conversations": [conversation]}).encode()
    page = open_page("chat", key=gateway.key)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import", exact=True).click()
    chooser.value.set_files(files=[{"name": "long.json", "mimeType": "application/json", "buffer": body}])
    page.get_by_text(f"Message {MESSAGES - 1}.").wait_for()

    thread = page.locator(".thread")
    result = scroll_by_wheel(page, thread, "main article", -300)
    assert result["drawn"] < FEW
    assert max(result["heights"]) < 1.5 * min(result["heights"])
    assert page.locator("main *").count() < 30 * FEW
    thread.press("Home")
    page.get_by_text("Message 0.", exact=True).wait_for()
    thread.press("End")
    page.get_by_text(f"Message {MESSAGES - 1}.").wait_for()
    page.get_by_label("Search conversations").fill("message 1234.")
    page.get_by_text("1 result").wait_for(state="attached")
