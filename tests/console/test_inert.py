"""Whatever a model, a provider, a name or a file says is text: it runs, loads and leads to nothing."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House, sign_in
from tests.console.payloads import EVIL, IMAGE, NAMES, PAYLOADS
from tests.fakes.provider import Answer, FakeProvider
from tests.fakes.served import fill, served
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.server import Simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
PLAIN = "openai/gpt-5-mini"
ODD = (1, 7, 2, 13, 3, 29, 5)  # characters of a stream's pieces
SAYS, THINKS, CALLS, FAILS, BREAKS = "gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"
PAGES = ("overview", "models", "keys", "playground", "chat", "logs", "usage", "balance", "routes", "docs")
NAMED = {"models", "keys", "logs", "usage", "balance", "routes"}
OPENS = {"models", "keys", "logs"}
PICTURES = [
    f"{EVIL}/p.png",
    "data:image/svg+xml,<svg onload=window.fired=1>",
    f'data:image/png;base64,"{IMAGE}',
]
ALL = "\n\n".join(PAYLOADS.values())
# What is made of Markdown, and what of anything; all else can only be made of a text that was taken for HTML.
WRONG = r"""() => {
  const marked = new Set(("p h1 h2 h3 h4 h5 h6 ul ol li pre code em strong del a br hr blockquote div span " +
    "button table thead tbody tr th td").split(" "));
  const never = "script, style, link, base, meta, iframe, frame, object, embed, math, video, audio, " +
    "source, template, noscript, form[action], [formaction], [srcset], " +
    "img:not([src^='data:image/']):not([src^='blob:'])";
  const wrong = location.pathname === "/console/" ? [] : [location.href];
  for (const node of document.querySelectorAll("#console *")) {
    const inside = node.parentNode.closest(".markdown");
    const led = node.localName === "a" && node.hasAttribute("href");
    const href = led ? node.getAttribute("href") : "#";
    const fine = inside ? /^https?:\/\//i : /^(https?:\/\/|#|blob:|data:image\/|[\w./-]*$)/i;
    const away = led && !fine.test(href);
    const bare = led && inside && !node.rel.startsWith("noopener noreferrer");
    const named = inside && ["id", "name", "style"].some((each) => node.hasAttribute(each));
    const own = inside && !marked.has(node.localName);
    const acts = [...node.attributes].some(({ name }) => name.startsWith("on"));
    if (node.matches(never) || away || bare || named || own || acts) wrong.push(node.outerHTML.slice(0, 200));
  }
  return wrong;
}"""
SPOIL = """(evil) => {
  const place = document.querySelector("#content");
  const make = (name, set) => place.appendChild(Object.assign(document.createElement(name), set));
  make("img", { src: `${evil}/p.png` });
  make("a", { href: "javascript:window.fired=1" });
  make("style", { textContent: "* { color: red }" });
  window.fired = 1;
  return new Promise((done) => setTimeout(done, 0));
}"""
GROW = """async (text) => {
  const ui = await import(`${location.pathname}ui/index.js`);
  const place = document.createElement("div");
  document.querySelector("#content").replaceChildren(place);
  const step = Math.max(1, Math.floor(text.length / 60));
  const sizes = [];
  for (let size = step; size < text.length; size += step) sizes.push(size);
  ui.render(ui.html`${[...sizes, text.length].map((size) => ui.html`
    <${ui.Markdown} key=${size} text=${text.slice(0, size)} />`)}
    <${ui.Markdown} text="**the end**" />`, place);
  while (!place.querySelector(".markdown:last-child strong")) await new Promise(requestAnimationFrame);
  for (const link of place.querySelectorAll("a:not([href])")) link.click();
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway whose provider, routes, keys, owners and requests all mean ill."""
    home = tmp_path_factory.mktemp("inert")
    with FakeProvider() as provider:
        _arm(provider)
        there = Simulator("openai", "openai", provider.base_url, ("sk-none-of-a-provider",), FaultScript())
        with served(home, "--providers", str(fill(home, {"openai": there}))) as gateway:
            made = House(gateway, {"openai": there}, "")
            made.ask("PUT", "/admin/routes", {"models": dict.fromkeys(NAMES.values(), PLAIN)})
            keys = [_key(made, name) for name in NAMES.values()]
            for name, key in zip(NAMES.values(), keys, strict=True):
                assert made.complete(name, key=key).status_code == 200
            assert made.complete(FAILS, key=keys[0]).status_code == 400
            yield House(gateway, {"openai": there}, made.ask("POST", "/admin/keys", {"name": IMAGE})["key"])


def _arm(provider: FakeProvider) -> None:
    call = {"index": 0, "id": IMAGE, "type": "function", "function": {"name": IMAGE, "arguments": ""}}
    told = {"error": {"message": ALL, "type": IMAGE, "code": IMAGE, "param": IMAGE}}
    events = {"content-type": "text/event-stream"}
    for model, deltas in (
        (SAYS, [{"content": piece} for piece in pieces(ALL)]),
        (THINKS, [{"reasoning_content": piece} for piece in pieces(ALL)]),
        (CALLS, [{"tool_calls": [call]}, *({"tool_calls": [_more(piece)]} for piece in pieces(ALL))]),
    ):
        body = b"".join(_events(deltas, "tool_calls" if model == CALLS else "stop"))
        provider.script(model, Answer(body=body, headers=events, content_type=events["content-type"]))
    provider.script(BREAKS, Answer(text=PAYLOADS["media"], error_event=told, pause=0.1))
    provider.script(FAILS, Answer(status=400, body=json.dumps(told).encode()))


def _more(arguments: str) -> dict[str, Any]:
    return {"index": 0, "function": {"arguments": arguments}}


def pieces(text: str) -> Iterator[str]:
    at = 0
    for size in cycle(ODD):
        if at >= len(text):
            return
        yield text[at : at + size]
        at += size


def _events(deltas: Iterable[object], end: str) -> Iterator[bytes]:
    shared = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": IMAGE}
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        yield b"data: %b\n\n" % json.dumps({**shared, "choices": [choice]}).encode()
    last = {**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": end}]}
    yield b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(last).encode()


def _key(house: House, name: str) -> str:
    told = {"name": name, "owner": name, "metadata": {name[:64].strip(): name}, "credits_usd": 1}
    return str(house.ask("POST", "/admin/keys", told)["key"])


def harmless(page: Page) -> None:
    assert page.evaluate(WRONG) == []
    assert len(page.context.pages) == 1


def test_the_canary_sings(opened: Opened) -> None:
    """What the other tests look for is found where it is: an image, a link, a style, a script that ran."""
    page = opened()
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    harmless(page)
    page.evaluate(SPOIL, EVIL)

    assert [each[:3] for each in page.evaluate(WRONG)] == ["<im", "<a ", "<st"]
    found = " ".join(page.faults)  # type: ignore[attr-defined]
    for each in ("ran: 1", "policy: img-src", "policy: style-src"):
        assert each in found
    page.faults.clear()  # type: ignore[attr-defined]


def test_markdown_is_inert_at_every_length(opened: Opened) -> None:
    """Of each hostile text every beginning is harmless, as a stream shows one after another."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    for kind, text in PAYLOADS.items():
        page.evaluate(GROW, text)
        assert (kind, page.evaluate(WRONG)) == (kind, [])
    harmless(page)


def test_an_answer_in_the_chat_is_inert(opened: Opened, house: House) -> None:
    """An answer in odd pieces, one that breaks off, a refusal, and all of them after a reload are text."""
    page = opened("sign-in")
    sign_in(page, house.key, keep=True)
    page.goto(f"{house.console}#/chat")
    for model in (SAYS, BREAKS, FAILS):
        page.get_by_role("button", name="New chat").click()
        page.get_by_label("Model", exact=True).select_option(model)
        page.get_by_label("Message", exact=True).fill(IMAGE)
        page.get_by_label("Message", exact=True).press("Enter")
        page.get_by_role("button", name="Stop").wait_for(state="detached")
        if model == SAYS:
            page.locator(".markdown h1").last.wait_for()
        else:
            page.get_by_role("article").filter(has_text=model).get_by_role("alert").wait_for()
        harmless(page)

    page.reload()
    page.get_by_role("alert").last.wait_for()
    harmless(page)
    _refused(page)


def test_an_imported_conversation_is_inert(opened: Opened, house: House) -> None:
    """A file whose title, folder, instructions, words, errors and pictures mean ill is shown as text."""
    said = [
        {"role": role, "text": text, "model": IMAGE, "provider": IMAGE, "cost": IMAGE, "pictures": PICTURES}
        for text in PAYLOADS.values()
        for role in ("user", "assistant")
    ]
    said[-1]["error"] = {"status": IMAGE, "code": IMAGE, "message": ALL, "id": IMAGE}
    told = {"title": IMAGE, "folder": IMAGE, "model": IMAGE, "system": ALL, "messages": said}
    body = json.dumps({"format": "vaultedge.chat", "version": 1, "conversations": [told]}).encode()
    page = opened("chat", key=house.key)
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Import", exact=True).click()
    asked.value.set_files(files=[{"name": f"{IMAGE}.json", "mimeType": "application/json", "buffer": body}])
    page.get_by_role("article").last.wait_for()
    thread = page.locator(".thread")
    for _ in range(len(said)):
        harmless(page)
        if thread.evaluate("list => list.scrollTop < 1"):
            break
        thread.evaluate("list => list.scrollBy(0, -list.clientHeight)")
        page.get_by_role("article").first.wait_for()


def test_an_answer_in_the_playground_is_inert(opened: Opened, house: House) -> None:
    """Words, thoughts, a tool's name and arguments, errors and code mean nothing but themselves."""
    page = opened("playground", key=house.admin)
    for model in (SAYS, THINKS, CALLS, BREAKS, FAILS, IMAGE):
        page.get_by_label("Model", exact=True).fill(model)
        page.get_by_label("Prompt", exact=True).fill(ALL)
        page.get_by_role("button", name="Send").click()
        ended = "failed" if model in {BREAKS, FAILS} else "done"
        page.get_by_role("status").get_by_text(ended, exact=True).wait_for()
        page.get_by_role("button", name="Send").wait_for()
        for view in ("Text", "JSON", "Shown"):
            page.get_by_role("tab", name=view, exact=True).click()
            harmless(page)
        shown = page.locator(".playground-out")
        assert "window.fired=1" in shown.inner_text()
    _refused(page)


@pytest.mark.parametrize("view", PAGES)
def test_names_are_text_on_every_page(view: str, opened: Opened, house: House) -> None:
    """Routes, keys, owners, metadata and models named by somebody who means ill are shown as they are."""
    page = opened(view, key=house.admin)
    page.get_by_role("heading", level=1).wait_for()
    if view in NAMED:
        page.get_by_text(IMAGE).first.wait_for(state="attached")
        page.get_by_text(NAMES["dangling"]).first.wait_for(state="attached")
    harmless(page)
    if view in OPENS:
        page.get_by_role("row").get_by_text(NAMES["way out"]).first.click()
        page.get_by_role("dialog").wait_for()
        harmless(page)


def test_hostile_words_are_looked_for(opened: Opened, house: House, tmp_path: Path) -> None:
    """A search for them stays text, in the address too; the download's cells are no formulas."""
    page = opened("logs", key=house.admin)
    page.get_by_label("Search").fill(NAMES["formula"])
    page.get_by_text("1 request ·").wait_for()
    harmless(page)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export CSV").click()
    saving.value.save_as(tmp_path / "logs.csv")
    with (tmp_path / "logs.csv").open(newline="") as file:
        (head, row) = csv.reader(file)
    assert dict(zip(head, row, strict=True))["model"] == f"'{NAMES['formula']}"
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    page.get_by_label("Search").fill(IMAGE)
    page.get_by_text(re.compile(r"^\d+ requests? ·")).wait_for()
    page.reload()
    sign_in(page, house.admin)
    harmless(page)


def _refused(page: Page) -> None:
    """Chromium logs the refusal of a provider; all else stays a fault."""
    page.faults[:] = [each for each in page.faults if "status of 400" not in each]  # type: ignore[attr-defined]
