"""The UI components: long tables, hostile Markdown, keyboard use and streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.console.conftest import PHONE, Gateway

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
HOSTILE = """# A title
<img src=x onerror="window.fired=1"><script>window.fired=1</script><svg onload="window.fired=1"></svg>
<form action="https://evil.example"><input name=a></form><p style="color:red" class="sidebar">styled</p>

[run](javascript:window.fired=1) [there](https://example.com/) ![picture](https://evil.example/p.png)

```python
print("<b>")
```
"""
MOUNT = """async ([body, data]) => {
  const ui = await import(`${location.pathname}ui/index.js`);
  const place = document.createElement("div");
  place.id = "mounted";
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
          render: ({ id }) => (id % 3 ? "" : ui.html
            `<p>two</p><p>lines<i class="visually-hidden">.</i></p>`) }]} />`,
  };
  ui.render(build[body](), place);
}"""


def test_a_models_markdown_is_inert(open_page: OpenPage) -> None:
    """HTML in Markdown is text, unsafe links have no target, images are links."""
    page = open_page(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["markdown", HOSTILE])
    mounted = page.locator("#mounted")
    mounted.get_by_role("heading", name="A title").wait_for()

    assert mounted.locator("img, script, svg, form, input, [style], .sidebar").count() == 0
    assert mounted.locator("a[href]").evaluate_all("links => links.map((link) => [link.href, link.rel])") == [
        ["https://example.com/", "noopener noreferrer nofollow"],
        ["https://evil.example/p.png", "noopener noreferrer nofollow"],
    ]
    assert mounted.locator("pre").inner_text().strip() == 'print("<b>")'
    assert page.evaluate("window.fired") is None


def test_a_long_table_renders_visible_rows(open_page: OpenPage) -> None:
    """Of 10,000 rows only visible ones are rendered, also after scrolling and sorting."""
    page = open_page(modules=True)
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


def test_a_long_table_is_navigated_by_keyboard(open_page: OpenPage) -> None:
    """A long table is one tab stop; arrow and page keys move the focus, and scrolling keeps it."""
    page = open_page(modules=True)
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
        visible, edge = focused.bounding_box() or {}, frame.bounding_box() or {}
        assert edge["y"] <= visible["y"]
        assert visible["y"] + visible["height"] <= edge["y"] + edge["height"] + 1
    page.keyboard.press("Enter")
    assert page.title() == "row 0"
    page.keyboard.press("Tab")
    assert frame.locator(":focus").count() == 0


def test_cards_are_rendered_when_visible(open_page: OpenPage) -> None:
    """On a phone 100 cards of different heights scroll without jumps."""
    page = open_page(modules=True, size=PHONE)
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


def test_a_chart_is_read_by_keyboard(open_page: OpenPage) -> None:
    """Arrow keys and End select points of a chart, which are announced."""
    page = open_page(modules=True)
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    page.evaluate(MOUNT, ["chart", None])
    page.get_by_label("Requests. Use the arrow keys").focus()
    page.keyboard.press("End")
    page.locator("#mounted [role=status]").get_by_text("Wed: a 30, b 6").wait_for(state="attached")
    page.keyboard.press("ArrowLeft")
    page.locator("#mounted [role=status]").get_by_text("Tue: a 2, b 0").wait_for(state="attached")


def _console_keys(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the keys that the console has created for itself."""
    keys = gateway.call_admin("GET", "/admin/keys")["data"]
    return [key for key in keys if key["metadata"] == {"made_by": "console"}]


def test_an_admin_streams_with_one_console_key(open_page: OpenPage, gateway: Gateway) -> None:
    """An admin's page creates one temporary virtual key for concurrent streams."""
    page = open_page(key=gateway.admin, modules=True)
    before = {key["id"] for key in _console_keys(gateway)}
    kinds = page.evaluate("""async () => {
      const { api } = await import(`${location.pathname}session.js`);
      const body = { model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: "Hello" }] };
      const read = async () => {
        const kinds = [];
        const events = api.stream("v1/chat/completions", body, { as: "play" });
        for await (const { data } of events) kinds.push(data.object);
        return kinds;
      };
      return (await Promise.all([read(), read()])).flat();
    }""")

    created = [key for key in _console_keys(gateway) if key["id"] not in before]
    assert set(kinds) == {"chat.completion.chunk"}
    assert len(created) == 1
    assert created[0]["expires_at"] is not None


def test_a_confirmation_is_answered_by_keyboard(open_page: OpenPage) -> None:
    """A confirmation traps the focus, Escape declines, and the focus is restored."""
    page = open_page(modules=True)
    link = page.get_by_role("link", name="Docs")
    link.wait_for()
    link.focus()
    ask = """async () => { const { confirm } = await import(`${location.pathname}ui/dialog.js`);
      window.answer = null;
      confirm({ title: "Sure?", text: "Deleted.", danger: true }).then((yes) => (window.answer = yes)); }"""
    page.evaluate(ask)
    page.get_by_role("dialog", name="Sure?").wait_for()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.locator("a:focus", has_text="Docs").wait_for()
    assert page.evaluate("window.answer") is False
