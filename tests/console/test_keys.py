"""The API keys page: creating, using, editing, crediting, rotating and revoking a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.console.conftest import Gateway
from tests.console.xss_payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]


def test_the_lifecycle_of_a_key(open_page: OpenPage, gateway: Gateway) -> None:
    """A key is shown once and works; it is edited, credited, rotated and revoked."""
    name = f"app {uuid4().hex[:6]}"
    page = open_page("keys", key=gateway.admin)
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog", name="New key")
    page.keyboard.type(name)  # the field has the focus
    form.get_by_label("Total tokens").fill("1.000")
    form.get_by_label("Models").fill("gpt-4o-mini\nanthropic/*")
    form.get_by_label("Expires").fill("2030-01-31T12:00")
    form.get_by_role("button", name="Create key").click()

    dialog = page.get_by_role("dialog", name="Copy the key now")
    first = dialog.get_by_role("region", name="new key").inner_text().strip()
    page.keyboard.press("Escape")
    assert dialog.is_visible()  # the key cannot be shown again
    dialog.get_by_role("button", name="I have copied it").click()
    assert first not in page.content()
    assert gateway.complete("gpt-4o-mini", key=first, max_tokens=10).status_code == 200
    assert gateway.complete("gpt-4o", key=first).status_code == 403

    page.reload()
    sign_in_again(page, gateway)
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_text("of 1,000 tokens").wait_for()
    row.get_by_text("2 models").wait_for()
    (created,) = [
        key for key in gateway.call_admin("GET", "/admin/keys?limit=100")["data"] if key["name"] == name
    ]
    assert created["expires_at"] == "2030-01-31T11:00:00.000Z"  # noon in Berlin

    row.get_by_role("button", name=f"Edit {name}").click()
    form = page.get_by_role("dialog", name=f"Edit {name}")
    form.get_by_label("Requests per minute").fill("")
    form.get_by_label("Networks").fill("nowhere")
    form.get_by_role("button", name="Save").click()
    form.get_by_text("must be an IP address or a network").wait_for()
    form.get_by_label("Networks").fill("127.0.0.0/8")
    form.get_by_role("button", name="Save").click()
    row.get_by_text("2 models, 1 network").wait_for()
    assert gateway.call_admin("GET", f"/admin/keys/{created['id']}")["rate_limit_rpm"] is None

    row.get_by_role("button", name=f"Top up {name}").click()
    page.get_by_label("Amount (US$)").fill("7,50")
    page.get_by_text("New balance: $7.50").wait_for()
    page.get_by_role("button", name="Add credits").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert gateway.call_admin("GET", f"/admin/keys/{created['id']}")["credits_usd"] == 7.5

    row.get_by_role("button", name=f"Rotate {name}").click()
    page.get_by_role("button", name="Create new key").click()
    page.get_by_role("button", name="I have copied it").click()
    row.get_by_text("old key expires in").wait_for()
    row.get_by_text(name).click()
    page.get_by_role("dialog").get_by_text("Old key", exact=True).wait_for()
    page.get_by_role("dialog").get_by_text(f"{first[-4:]} works until").wait_for()
    page.get_by_role("button", name="Close").click()
    assert gateway.complete("gpt-4o-mini", key=first, max_tokens=10).status_code == 200

    row.get_by_role("button", name=f"Rotate {name}").click()
    page.get_by_label("The old key keeps working for").select_option("0")
    page.get_by_role("button", name="Create new key").click()
    second = page.get_by_role("region", name="new key").inner_text().strip()
    page.get_by_role("button", name="I have copied it").click()
    assert gateway.complete("gpt-4o-mini", key=first).status_code == 401
    assert gateway.complete("gpt-4o-mini", key=second, max_tokens=10).status_code == 200

    row.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("dialog", name=f"Revoke {name}?").get_by_role("button", name="Cancel").click()
    assert gateway.complete("gpt-4o-mini", key=second, max_tokens=10).status_code == 200
    row.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    row.wait_for(state="detached")
    assert gateway.complete("gpt-4o-mini", key=second).status_code == 401
    page.get_by_label("State", exact=True).select_option("revoked")
    row.get_by_text("revoked", exact=True).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 400


def sign_in_again(page: Page, gateway: Gateway) -> None:
    """Sign in after a reload, which returns to the same page."""
    page.get_by_label("Key", exact=True).fill(gateway.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="API keys", level=1).wait_for()


def test_invalid_fields_are_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """Invalid numbers, amounts and names are reported at their fields, and nothing is sent."""
    page = open_page("keys", key=gateway.admin)
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method) if request.method == "POST" else None)
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Total tokens").fill("many")
    page.get_by_label("Total credits").fill("a lot")
    page.get_by_label("Budget per day (UTC)").fill("1.500")
    page.get_by_label("Alert thresholds").fill("50, 120")
    page.get_by_role("button", name="Create key").click()
    for message in (
        "Enter a name.",
        "Enter a whole number, like 1000.",
        "Enter an amount in US dollars, like 12.50.",
        "This is ambiguous: 1500 or 1.500. Enter 1500 or 1.50.",
        "Enter up to 5 integers from 1 to 100",
    ):
        page.get_by_text(message).wait_for()
    assert methods == []


def test_own_thresholds_and_unknown_models(open_page: OpenPage, gateway: Gateway) -> None:
    """An unknown model causes a warning only; own thresholds are saved, disabled or inherited."""
    name = f"marked {uuid4().hex[:6]}"
    page = open_page("keys", key=gateway.admin)
    page.get_by_role("button", name="New key").click()
    page.keyboard.type(name)
    page.get_by_label("Models", exact=True).fill(
        "gpt-4o-mini\nopenai/gpt-4o\nanthropic/*\nfast-llm\ngpt-4o-mni"
    )
    page.get_by_text("This gateway does not serve gpt-4o-mni.").wait_for()
    page.get_by_label("Alert thresholds").fill("90 %, 50")
    page.get_by_label("Inputs of unknown size").select_option("deny")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="I have copied it").click()
    (created,) = [
        key for key in gateway.call_admin("GET", "/admin/keys?limit=100")["data"] if key["name"] == name
    ]
    assert (created["alert_marks"], created["unbounded_inputs"]) == ([50, 90], "deny")
    assert created["allowed_models"][-1] == "gpt-4o-mni"

    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_text(name).click()
    page.get_by_text("at 50% and 90%").wait_for()
    for typed, expected in (("none", []), ("", None)):
        page.get_by_role("dialog").get_by_role("button", name="Edit").click()
        page.get_by_label("Alert thresholds").fill(typed)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("dialog").wait_for(state="detached")
        assert gateway.call_admin("GET", f"/admin/keys/{created['id']}")["alert_marks"] == expected
        row.get_by_text(name).click()
    page.get_by_text("gateway thresholds").wait_for()


def test_a_key_can_be_created_before_the_list_loads(open_page: OpenPage, gateway: Gateway) -> None:
    """The form for a new key opens with the focus while the list is loading."""
    page = open_page(key=gateway.admin)
    page.route("**/admin/keys?*", lambda route: None)  # never answered
    page.goto(f"{gateway.console}#/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog", name="New key").wait_for()
    page.keyboard.type("typed at once")
    assert page.get_by_label("Name", exact=True).input_value() == "typed at once"
    page.unroute_all(behavior="ignoreErrors")


def test_a_concurrent_revocation_is_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """Saving or crediting a key that was revoked meanwhile is reported, and the list is updated."""
    created = [
        gateway.call_admin("POST", "/admin/keys", {"name": f"{n} {uuid4().hex[:6]}"}) for n in range(2)
    ]
    page = open_page("keys?state=all", key=gateway.admin)
    for key, opener, label, button in (
        (created[0], "Edit", "Owner", "Save"),
        (created[1], "Top up", "Amount (US$)", "Add credits"),
    ):
        row = page.get_by_role("row").filter(has_text=key["name"])
        row.get_by_role("button", name=f"{opener} {key['name']}").click()
        gateway.call_admin("DELETE", f"/admin/keys/{key['id']}")
        page.get_by_role("dialog").get_by_label(label).fill("5")
        page.get_by_role("button", name=button).click()
        page.get_by_text(
            "revoked meanwhile" if opener == "Edit" else "this key has been revoked"
        ).first.wait_for()
        row.get_by_text("revoked", exact=True).wait_for()
    page.get_by_role("button", name="Cancel").click()

    name = f"elsewhere {uuid4().hex[:6]}"
    gateway.call_admin("POST", "/admin/keys", {"name": name})
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("row").filter(has_text=name).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 409


def test_the_system_key_is_listed_with_its_usage(open_page: OpenPage, gateway: Gateway) -> None:
    """The page describes the system key and shows its usage."""
    assert (
        gateway.complete("gpt-4o-mini", key=gateway.server.printed["system key"], max_tokens=10).status_code
        == 200
    )
    gateway.wait_for_usage("system", 1)
    page = open_page("keys", key=gateway.admin)
    place = page.locator("section").filter(has=page.get_by_role("heading", name="System key"))
    place.get_by_text("Last 30 days").wait_for()
    used = gateway.call_admin("GET", "/admin/usage?group_by=key&key=system")["total"]["requests"]
    assert ("1 request" if used == 1 else f"{used} requests") in place.inner_text()
    assert used > 0


def test_keys_are_used_by_keyboard(open_page: OpenPage, gateway: Gateway) -> None:
    """Enter opens a key, Escape restores the focus; names with HTML are text."""
    gateway.call_admin(
        "POST", "/admin/keys", {"name": IMAGE, "owner": "<b>o</b>", "metadata": {"<i>": "<u>"}}
    )
    page = open_page("keys", key=gateway.admin)
    row = page.get_by_role("row").filter(has_text=IMAGE).first
    row.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name=IMAGE).get_by_text("<u>").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.tagName") == "TR"
    assert page.locator("main img, main b, main i, main u").count() == 0


NUMBERS: list[tuple[str, str, str | None]] = [  # locale, input, exact text or None for an error
    ("en-US", "12.50", "12.50"),
    ("en-US", "12,50", "12.50"),
    ("en-US", "1,000", "1000"),
    ("en-US", "1.000", None),
    ("en-US", "0.125", "0.125"),
    ("en-US", "1,234,567.000000001", "1234567.000000001"),
    ("en-US", "1.234,5", "1234.5"),
    ("en-US", "1 000.5", "1000.5"),
    ("en-US", " 7 ", "7"),
    ("de-DE", "12,50", "12.50"),
    ("de-DE", "1.000", "1000"),
    ("de-DE", "1,000", None),
    ("de-DE", "1.1250", "1.1250"),
    ("fr-FR", "1.000", None),
    ("fr-FR", "1,000", None),
    ("fr-FR", "1\u202f000,50", "1000.50"),
    ("de-CH", "1’000.50", "1000.50"),
    ("en-IN", "1,00,000.5", "100000.5"),
    *(
        ("en-US", wrong, None)
        for wrong in (
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1,2,3",
            "1.2.3",
            "1,23.4.5",
            "1e3",
            "12345678",
            "1.0123456789",
            "$5",
        )
    ),
]


def test_numbers_are_parsed_in_local_notation(open_page: OpenPage, gateway: Gateway) -> None:
    """Amounts are parsed exactly in local notation; ambiguous amounts are errors."""
    page = open_page(modules=True)
    page.locator("h1").wait_for()
    read = """async (rows) => {
      const numbers = await import(`${location.pathname}views/keys/numbers.js`);
      const { parseAmount, parseWhole, unambiguous } = numbers;
      return {
        amounts: rows.map(([locale, typed]) => parseAmount(typed, locale)),
        unambiguous: ["1.125", "1.5", "0.125"].map(unambiguous),
        wholes: ["1,000", "1.000", "12 000", "1,5", "1.000,0", "7"].map((typed) => parseWhole(typed)[0]),
      };
    }"""
    results = page.evaluate(read, [list(row) for row in NUMBERS])
    assert [result[0] for result in results["amounts"]] == [text for _, _, text in NUMBERS]
    assert all(result[0] or result[1] for result in results["amounts"])
    assert results["wholes"] == [1000, 1000, 12000, None, None, 7]
    assert results["unambiguous"] == ["1.1250", "1.5", "0.125"]
