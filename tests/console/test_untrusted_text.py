"""Texts of models, providers, users and files are inert: they run, load and link to nothing."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import Gateway, sign_in
from tests.console.xss_payloads import EVIL, IMAGE, NAMES, PAYLOADS
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import prepare_home, run_serve
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.server import Simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
PLAIN = "openai/gpt-5-mini"
ODD = (1, 7, 2, 13, 3, 29, 5)  # characters per stream chunk
SAYS, REASONS, CALLS, FAILS, BREAKS = "gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"
PAGES = ("overview", "models", "keys", "playground", "chat", "logs", "usage", "balance", "routes", "docs")
NAMED = {"models", "keys", "logs", "usage", "balance", "routes"}
OPENS = {"models", "keys", "logs"}
PICTURES = [
    f"{EVIL}/p.png",
    "data:image/svg+xml,<svg onload=window.fired=1>",
    f'data:image/png;base64,"{IMAGE}',
]
ALL = "\n\n".join(PAYLOADS.values())
# Elements that Markdown may create, and forbidden ones; any other element means that text became HTML.
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
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose provider, routes, keys, owners and requests contain hostile texts."""
    home = tmp_path_factory.mktemp("inert")
    with FakeProvider() as provider:
        _script_provider(provider)
        there = Simulator("openai", "openai", provider.base_url, ("sk-none-of-a-provider",), FaultScript())
        with run_serve(home, "--providers", str(prepare_home(home, {"openai": there}))) as server:
            setup = Gateway(server, {"openai": there}, "")
            setup.call_admin("PUT", "/admin/routes", {"models": dict.fromkeys(NAMES.values(), PLAIN)})
            keys = [_key(setup, name) for name in NAMES.values()]
            for name, key in zip(NAMES.values(), keys, strict=True):
                assert setup.complete(name, key=key).status_code == 200
            assert setup.complete(FAILS, key=keys[0]).status_code == 400
            yield Gateway(
                server, {"openai": there}, setup.call_admin("POST", "/admin/keys", {"name": IMAGE})["key"]
            )


def _script_provider(provider: FakeProvider) -> None:
    call = {"index": 0, "id": IMAGE, "type": "function", "function": {"name": IMAGE, "arguments": ""}}
    error = {"error": {"message": ALL, "type": IMAGE, "code": IMAGE, "param": IMAGE}}
    events = {"content-type": "text/event-stream"}
    for model, deltas in (
        (SAYS, [{"content": chunk} for chunk in chunks_of(ALL)]),
        (REASONS, [{"reasoning_content": chunk} for chunk in chunks_of(ALL)]),
        (CALLS, [{"tool_calls": [call]}, *({"tool_calls": [_more(chunk)]} for chunk in chunks_of(ALL))]),
    ):
        body = b"".join(_events(deltas, "tool_calls" if model == CALLS else "stop"))
        provider.script(model, FakeResponse(body=body, headers=events, content_type=events["content-type"]))
    provider.script(BREAKS, FakeResponse(text=PAYLOADS["media"], error_event=error, pause=0.1))
    provider.script(FAILS, FakeResponse(status=400, body=json.dumps(error).encode()))


def _more(arguments: str) -> dict[str, Any]:
    return {"index": 0, "function": {"arguments": arguments}}


def chunks_of(text: str) -> Iterator[str]:
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


def _key(gateway: Gateway, name: str) -> str:
    body = {"name": name, "owner": name, "metadata": {name[:64].strip(): name}, "credits_usd": 1}
    return str(gateway.call_admin("POST", "/admin/keys", body)["key"])


def assert_harmless(page: Page) -> None:
    assert page.evaluate(WRONG) == []
    assert len(page.context.pages) == 1


def test_violations_are_detected(open_page: OpenPage) -> None:
    """The checks of the other tests detect an injected image, link, style and script."""
    page = open_page()
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    assert_harmless(page)
    page.evaluate(SPOIL, EVIL)

    assert [each[:3] for each in page.evaluate(WRONG)] == ["<im", "<a ", "<st"]
    faults = " ".join(page.faults)  # type: ignore[attr-defined]
    for each in ("ran: 1", "policy: img-src", "policy: style-src"):
        assert each in faults
    page.faults.clear()  # type: ignore[attr-defined]


def test_markdown_is_inert_at_every_length(open_page: OpenPage) -> None:
    """Every prefix of each hostile text is inert, as a stream renders one after another."""
    page = open_page(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    for kind, text in PAYLOADS.items():
        page.evaluate(GROW, text)
        assert (kind, page.evaluate(WRONG)) == (kind, [])
    assert_harmless(page)


def test_an_answer_in_the_chat_is_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Answers in odd chunks, interrupted answers and rejections are inert, also after a reload."""
    page = open_page("sign-in")
    sign_in(page, gateway.key, keep=True)
    page.goto(f"{gateway.console}#/chat")
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
        assert_harmless(page)

    page.reload()
    page.get_by_role("alert").last.wait_for()
    assert_harmless(page)
    _clear_rejections(page)


def test_an_imported_conversation_is_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Hostile titles, folders, instructions, texts, errors and images of a file are text."""
    messages = [
        {"role": role, "text": text, "model": IMAGE, "provider": IMAGE, "cost": IMAGE, "pictures": PICTURES}
        for text in PAYLOADS.values()
        for role in ("user", "assistant")
    ]
    messages[-1]["error"] = {"status": IMAGE, "code": IMAGE, "message": ALL, "id": IMAGE}
    conversation = {"title": IMAGE, "folder": IMAGE, "model": IMAGE, "system": ALL, "messages": messages}
    body = json.dumps({"format": "vaultedge.chat", "version": 1, "conversations": [conversation]}).encode()
    page = open_page("chat", key=gateway.key)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import", exact=True).click()
    chooser.value.set_files(files=[{"name": f"{IMAGE}.json", "mimeType": "application/json", "buffer": body}])
    page.get_by_role("article").last.wait_for()
    thread = page.locator(".thread")
    for _ in range(len(messages)):
        assert_harmless(page)
        if thread.evaluate("list => list.scrollTop < 1"):
            break
        thread.evaluate("list => list.scrollBy(0, -list.clientHeight)")
        page.get_by_role("article").first.wait_for()


def test_an_answer_in_the_playground_is_inert(open_page: OpenPage, gateway: Gateway) -> None:
    """Texts, reasoning, tool names and arguments, errors and code are inert."""
    page = open_page("playground", key=gateway.admin)
    for model in (SAYS, REASONS, CALLS, BREAKS, FAILS, IMAGE):
        page.get_by_label("Model", exact=True).fill(model)
        page.get_by_label("Prompt", exact=True).fill(ALL)
        page.get_by_role("button", name="Send").click()
        ended = "failed" if model in {BREAKS, FAILS} else "done"
        page.get_by_role("status").get_by_text(ended, exact=True).wait_for()
        page.get_by_role("button", name="Send").wait_for()
        for view in ("Text", "JSON", "Rendered"):
            page.get_by_role("tab", name=view, exact=True).click()
            assert_harmless(page)
        output = page.locator(".playground-out")
        assert "window.fired=1" in output.inner_text()
    _clear_rejections(page)


@pytest.mark.parametrize("view", PAGES)
def test_names_are_text_on_every_page(view: str, open_page: OpenPage, gateway: Gateway) -> None:
    """Hostile names of routes, keys, owners, metadata and models are text on every page."""
    page = open_page(view, key=gateway.admin)
    page.get_by_role("heading", level=1).wait_for()
    if view in NAMED:
        page.get_by_text(IMAGE).first.wait_for(state="attached")
        page.get_by_text(NAMES["dangling"]).first.wait_for(state="attached")
    assert_harmless(page)
    if view in OPENS:
        page.get_by_role("row").get_by_text(NAMES["way out"]).first.click()
        page.get_by_role("dialog").wait_for()
        assert_harmless(page)


def test_hostile_search_terms_are_inert(open_page: OpenPage, gateway: Gateway, tmp_path: Path) -> None:
    """Hostile search terms are text, also in the address; CSV cells are no formulas."""
    page = open_page("logs", key=gateway.admin)
    page.get_by_label("Search").fill(NAMES["formula"])
    page.get_by_text("1 request ·").wait_for()
    assert_harmless(page)
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
    sign_in(page, gateway.admin)
    assert_harmless(page)


def _clear_rejections(page: Page) -> None:
    """Ignore the provider rejections that Chromium logs; all else stays a fault."""
    page.faults[:] = [each for each in page.faults if "status of 400" not in each]  # type: ignore[attr-defined]
