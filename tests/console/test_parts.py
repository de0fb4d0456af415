"""The components that pages are made of, in a page: many rows, hostile text, keys and streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.console.conftest import PHONE, House

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
HOSTILE = """# A title
<img src=x onerror="window.fired=1"><script>window.fired=1</script><svg onload="window.fired=1"></svg>
<form action="https://evil.example"><input name=a></form><p style="color:red" class="side">styled</p>

[run](javascript:window.fired=1) [there](https://example.com/) ![picture](https://evil.example/p.png)

```python
print("<b>")
```
"""
MOUNT = """async ([body, data]) => {
  const ui = await import(`${location.pathname}ui/index.js`);
  const place = document.createElement("div");
  place.id = "tried";
  document.querySelector("#content").append(place);
  const build = {
    markdown: () => ui.html`<${ui.Markdown} text=${data} />`,
    chart: () => ui.html`<${ui.Chart} label="Requests" labels=${["Mon", "Tue", "Wed"]}
      series=${[{ name: "a", values: [1, 2, 30] }, { name: "b", values: [4, 0, 6] }]} />`,
    table: () => ui.html`<${ui.Table} label="Rows" keyOf=${(row) => row.id} sort=${{ id: "id", down: false }}
      onOpen=${(row) => (document.title = row.name)}
      rows=${Array.from({ length: data }, (_, id) => ({ id, name: `row ${id}` }))}
      columns=${[{ id: "id", label: "Id", value: (row) => row.id, end: true },
        { id: "name", label: "Name", main: true, value: (row) => row.name },
        { id: "more", label: "More",
          render: ({ id }) => (id % 3 ? "" : ui.html`<p>two</p><p>lines<i class="hidden">.</i></p>`) }]} />`,
  };
  ui.render(build[body](), place);
}"""


def test_a_models_markdown_is_inert(opened: Opened) -> None:
    """HTML in a model's Markdown is text, odd links lead nowhere, pictures are links; the rest is shown."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["markdown", HOSTILE])
    tried = page.locator("#tried")
    tried.get_by_role("heading", name="A title").wait_for()

    assert tried.locator("img, script, svg, form, input, [style], .side").count() == 0
    assert tried.locator("a[href]").evaluate_all("links => links.map((link) => [link.href, link.rel])") == [
        ["https://example.com/", "noopener noreferrer nofollow"],
        ["https://evil.example/p.png", "noopener noreferrer nofollow"],
    ]
    assert tried.locator("pre").inner_text().strip() == 'print("<b>")'
    assert page.evaluate("window.fired") is None


def test_a_long_table_draws_what_is_seen(opened: Opened) -> None:
    """Of 10,000 rows some dozens are drawn, the last one when scrolled to; sorting turns the order."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["table", 10_000])
    frame = page.get_by_role("region", name="Rows")
    frame.get_by_role("cell", name="row 0", exact=True).wait_for()
    assert frame.locator("tbody tr:not(.spacer)").count() < 100

    frame.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    frame.get_by_role("cell", name="row 9999").wait_for()
    assert frame.locator("tbody tr:not(.spacer)").count() < 100
    frame.evaluate("frame => frame.scrollTo(0, 0)")
    frame.get_by_role("button", name="Id").click()
    frame.get_by_role("cell", name="row 9999").wait_for()


def test_a_long_table_is_walked_by_keyboard(opened: Opened) -> None:
    """It is one stop of Tab; arrows, pages, Home and End move the focus, which no scrolling takes away."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["table", 10_000])
    frame = page.get_by_role("region", name="Rows")
    frame.get_by_role("cell", name="row 0", exact=True).wait_for()
    frame.get_by_role("button", name="Name").focus()
    page.keyboard.press("Tab")
    focused = frame.locator("tr:focus")
    assert focused.get_attribute("aria-rowindex") == "2"
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    frame.locator("tr:focus[aria-rowindex='62']").wait_for()
    assert frame.locator("tr[tabindex='0']").count() == 1

    frame.hover()
    page.mouse.wheel(0, 60_000)
    frame.locator("tr[aria-rowindex='63']").wait_for(state="detached")
    assert focused.get_attribute("aria-rowindex") == "62"
    page.keyboard.press("ArrowDown")
    frame.locator("tr:focus[aria-rowindex='63']").wait_for()
    for key, row in (("End", 10_001), ("ArrowDown", 10_001), ("PageUp", None), ("Home", 2), ("ArrowUp", 2)):
        page.keyboard.press(key)
        if row:
            frame.locator(f"tr:focus[aria-rowindex='{row}']").wait_for()
        seen, edge = focused.bounding_box() or {}, frame.bounding_box() or {}
        assert edge["y"] <= seen["y"]
        assert seen["y"] + seen["height"] <= edge["y"] + edge["height"] + 1
    page.keyboard.press("Enter")
    assert page.title() == "row 0"
    page.keyboard.press("Tab")
    assert frame.locator(":focus").count() == 0


def test_many_cards_are_drawn_as_they_are_seen(opened: Opened) -> None:
    """On a phone a hundred cards of different heights take one screen; all are reached, none jumps."""
    page = opened(modules=True, size=PHONE)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["table", 100])
    frame = page.get_by_role("region", name="Rows")
    frame.get_by_text("row 0", exact=True).wait_for()
    assert frame.locator("tbody tr:not(.spacer)").count() < 40
    assert (frame.bounding_box() or {})["height"] < PHONE[1]
    whole = page.evaluate("document.documentElement.scrollHeight")
    frame.hover()
    for _ in range(100):
        marked = frame.locator("tbody tr:not(.spacer)").nth(8)
        named, was = marked.get_attribute("aria-rowindex"), (marked.bounding_box() or {})["y"]
        at = frame.evaluate("frame => frame.scrollTop")
        page.mouse.wheel(0, 150)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))")
        now = frame.locator(f"tr[aria-rowindex='{named}']").bounding_box() or {}
        moved = frame.evaluate("frame => frame.scrollTop") - at
        assert abs(was - now["y"] - moved) < 2
        if not moved:
            break
    frame.get_by_text("row 99", exact=True).wait_for()
    assert at > PHONE[1]
    assert page.evaluate("document.documentElement.scrollHeight") == whole


def test_a_chart_is_read_by_keyboard(opened: Opened) -> None:
    """Arrow keys and End move through a chart, and each point is said."""
    page = opened(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["chart", None])
    page.get_by_label("Requests. Arrow keys").focus()
    page.keyboard.press("End")
    page.locator("#tried [role=status]").get_by_text("Wed: a 30, b 6").wait_for(state="attached")
    page.keyboard.press("ArrowLeft")
    page.locator("#tried [role=status]").get_by_text("Tue: a 2, b 0").wait_for(state="attached")


def _made(house: House) -> list[dict[str, Any]]:
    """The keys that the console has made for itself."""
    keys = house.ask("GET", "/admin/keys")["data"]
    return [key for key in keys if key["metadata"] == {"made_by": "console"}]


def test_an_admin_streams_with_a_key_of_its_own(opened: Opened, house: House) -> None:
    """An admin's page makes one virtual key that expires within a day or so, and a stream arrives with it."""
    page = opened(key=house.admin, modules=True)
    before = {key["id"] for key in _made(house)}
    pieces = page.evaluate("""async () => {
      const { api } = await import(`${location.pathname}session.js`);
      const body = { model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: "Hello" }] };
      const told = async () => {
        const found = [];
        const events = api.stream("v1/chat/completions", body, { as: "play" });
        for await (const { data } of events) found.push(data.object);
        return found;
      };
      return (await Promise.all([told(), told()])).flat();
    }""")

    made = [key for key in _made(house) if key["id"] not in before]
    assert set(pieces) == {"chat.completion.chunk"}
    assert len(made) == 1
    assert made[0]["expires_at"] is not None


def test_a_question_is_answered_by_keyboard(opened: Opened) -> None:
    """A confirmation holds the focus, Escape says no, and the focus returns to where it was."""
    page = opened(modules=True)
    link = page.get_by_role("link", name="Docs")
    link.wait_for()
    link.focus()
    ask = """async () => { const { confirm } = await import(`${location.pathname}ui/dialog.js`);
      window.said = null;
      confirm({ title: "Sure?", text: "It is gone.", danger: true }).then((yes) => (window.said = yes)); }"""
    page.evaluate(ask)
    page.get_by_role("dialog", name="Sure?").wait_for()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.locator("a:focus", has_text="Docs").wait_for()
    assert page.evaluate("window.said") is False
