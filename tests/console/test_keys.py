"""The page of API keys: making one, using it, changing, crediting, rotating and revoking it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.console.conftest import House
from tests.console.payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]


def test_a_key_from_making_to_revocation(opened: Opened, house: House) -> None:
    """A key is shown once and works; it is changed, credited, rotated and revoked as was said."""
    name = f"app {uuid4().hex[:6]}"
    page = opened("keys", key=house.admin)
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog", name="New key")
    page.keyboard.type(name)  # the focus is there
    form.get_by_label("Total tokens").fill("1.000")
    form.get_by_label("Models").fill("gpt-4o-mini\nanthropic/*")
    form.get_by_label("Expires").fill("2030-01-31T12:00")
    form.get_by_role("button", name="Create key").click()

    told = page.get_by_role("dialog", name="Copy the key now")
    first = told.get_by_role("region", name="new key").inner_text().strip()
    page.keyboard.press("Escape")
    assert told.is_visible()  # it can be read nowhere else
    told.get_by_role("button", name="I have stored it").click()
    assert first not in page.content()
    assert house.complete("gpt-4o-mini", key=first, max_tokens=10).status_code == 200
    assert house.complete("gpt-4o", key=first).status_code == 403

    page.reload()
    sign_in_again(page, house)
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_text("of 1,000 tokens").wait_for()
    row.get_by_text("2 models").wait_for()
    (made,) = [key for key in house.ask("GET", "/admin/keys?limit=100")["data"] if key["name"] == name]
    assert made["expires_at"] == "2030-01-31T11:00:00.000Z"  # noon in Berlin

    row.get_by_role("button", name=f"Edit {name}").click()
    form = page.get_by_role("dialog", name=f"Edit {name}")
    form.get_by_label("Requests per minute").fill("")
    form.get_by_label("Networks").fill("nowhere")
    form.get_by_role("button", name="Save").click()
    form.get_by_text("must be an address or a network").wait_for()
    form.get_by_label("Networks").fill("127.0.0.0/8")
    form.get_by_role("button", name="Save").click()
    row.get_by_text("2 models, 1 network").wait_for()
    assert house.ask("GET", f"/admin/keys/{made['id']}")["rate_limit_rpm"] is None

    row.get_by_role("button", name=f"Top up {name}").click()
    page.get_by_label("Amount (US$)").fill("7,50")
    page.get_by_text("Left after this: $7.50").wait_for()
    page.get_by_role("button", name="Add credits").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert house.ask("GET", f"/admin/keys/{made['id']}")["credits_usd"] == 7.5

    row.get_by_role("button", name=f"Rotate {name}").click()
    page.get_by_role("button", name="Make a new key").click()
    page.get_by_role("button", name="I have stored it").click()
    row.get_by_text("old key ends in").wait_for()
    row.get_by_text(name).click()
    page.get_by_role("dialog").get_by_text("Old key, still good").wait_for()
    page.get_by_role("dialog").get_by_text(f"{first[-4:]} until").wait_for()
    page.get_by_role("button", name="Close").click()
    assert house.complete("gpt-4o-mini", key=first, max_tokens=10).status_code == 200

    row.get_by_role("button", name=f"Rotate {name}").click()
    page.get_by_label("The old key ends").select_option("0")
    page.get_by_role("button", name="Make a new key").click()
    second = page.get_by_role("region", name="new key").inner_text().strip()
    page.get_by_role("button", name="I have stored it").click()
    assert house.complete("gpt-4o-mini", key=first).status_code == 401
    assert house.complete("gpt-4o-mini", key=second, max_tokens=10).status_code == 200

    row.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("dialog", name=f"Revoke {name}?").get_by_role("button", name="Cancel").click()
    assert house.complete("gpt-4o-mini", key=second, max_tokens=10).status_code == 200
    row.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    row.wait_for(state="detached")
    assert house.complete("gpt-4o-mini", key=second).status_code == 401
    page.get_by_label("State", exact=True).select_option("revoked")
    row.get_by_text("revoked", exact=True).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 400


def sign_in_again(page: Page, house: House) -> None:
    """A reload forgets the key, and leads back to where it was."""
    page.get_by_label("Key", exact=True).fill(house.admin)
    page.locator("form").get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="API keys", level=1).wait_for()


def test_what_cannot_be_is_said_at_its_field(opened: Opened, house: House) -> None:
    """What is no number, no amount or no name is said beside the field, and nothing is sent."""
    page = opened("keys", key=house.admin)
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.method) if asked.method == "POST" else None)
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Total tokens").fill("many")
    page.get_by_label("Total credits").fill("a lot")
    page.get_by_label("Budget per day (UTC)").fill("1.500")
    page.get_by_label("Alerts at").fill("50, 120")
    page.get_by_role("button", name="Create key").click()
    for said in (
        "A key needs a name.",
        "A whole number, like 1000.",
        "An amount in US dollars, like 12.50.",
        "This could be 1500 or 1.500. Write 1500, or 1.50.",
        "Whole percentages from 1 to 100",
    ):
        page.get_by_text(said).wait_for()
    assert sent == []


def test_a_key_has_marks_of_its_own_and_models_that_are_served(opened: Opened, house: House) -> None:
    """A model that nobody serves is warned of and yet saved; own marks are kept: none, or the gateway's."""
    name = f"marked {uuid4().hex[:6]}"
    page = opened("keys", key=house.admin)
    page.get_by_role("button", name="New key").click()
    page.keyboard.type(name)
    page.get_by_label("Models", exact=True).fill(
        "gpt-4o-mini\nopenai/gpt-4o\nanthropic/*\nfast-llm\ngpt-4o-mni"
    )
    page.get_by_text("Nothing that is served here now matches gpt-4o-mni.").wait_for()
    page.get_by_label("Alerts at").fill("90 %, 50")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="I have stored it").click()
    (made,) = [key for key in house.ask("GET", "/admin/keys?limit=100")["data"] if key["name"] == name]
    assert made["alert_marks"] == [50, 90]
    assert made["allowed_models"][-1] == "gpt-4o-mni"

    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_text(name).click()
    page.get_by_text("at 50% and 90%").wait_for()
    for typed, kept in (("none", []), ("", None)):
        page.get_by_role("dialog").get_by_role("button", name="Edit").click()
        page.get_by_label("Alerts at").fill(typed)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("dialog").wait_for(state="detached")
        assert house.ask("GET", f"/admin/keys/{made['id']}")["alert_marks"] == kept
        row.get_by_text(name).click()
    page.get_by_text("at the gateway's marks").wait_for()


def test_a_key_can_be_made_before_the_list_is_there(opened: Opened, house: House) -> None:
    """Who asks for a new key while the others are still being read gets its form, with the focus in it."""
    page = opened(key=house.admin)
    page.route("**/admin/keys?*", lambda route: None)  # never answered
    page.goto(f"{house.console}#/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog", name="New key").wait_for()
    page.keyboard.type("typed at once")
    assert page.get_by_label("Name", exact=True).input_value() == "typed at once"
    page.unroute_all(behavior="ignoreErrors")


def test_a_key_that_was_revoked_meanwhile_is_told(opened: Opened, house: House) -> None:
    """Who saves or tops up a key that somebody else has revoked hears of that, and sees it in the list."""
    made = [house.ask("POST", "/admin/keys", {"name": f"{n} {uuid4().hex[:6]}"}) for n in range(2)]
    page = opened("keys?state=all", key=house.admin)
    for key, opener, label, button in (
        (made[0], "Edit", "Owner", "Save"),
        (made[1], "Top up", "Amount (US$)", "Add credits"),
    ):
        row = page.get_by_role("row").filter(has_text=key["name"])
        row.get_by_role("button", name=f"{opener} {key['name']}").click()
        house.ask("DELETE", f"/admin/keys/{key['id']}")
        page.get_by_role("dialog").get_by_label(label).fill("5")
        page.get_by_role("button", name=button).click()
        page.get_by_text(
            "revoked meanwhile" if opener == "Edit" else "this key has been revoked"
        ).first.wait_for()
        row.get_by_text("revoked", exact=True).wait_for()
    page.get_by_role("button", name="Cancel").click()

    name = f"elsewhere {uuid4().hex[:6]}"
    house.ask("POST", "/admin/keys", {"name": name})
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("row").filter(has_text=name).wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 409


def test_the_system_key_is_not_forgotten(opened: Opened, house: House) -> None:
    """The page tells of the system key what it is and what it was used for."""
    assert (
        house.complete("gpt-4o-mini", key=house.gateway.said["system key"], max_tokens=10).status_code == 200
    )
    page = opened("keys", key=house.admin)
    place = page.locator("section").filter(has=page.get_by_role("heading", name="The system key"))
    place.get_by_text("In the last 30 days").wait_for()
    used = house.ask("GET", "/admin/usage?group_by=key&key=system")["total"]["requests"]
    assert ("one request" if used == 1 else f"{used} requests") in place.inner_text()
    assert used > 0


def test_keys_are_worked_on_by_keyboard(opened: Opened, house: House) -> None:
    """Enter on a row opens its key, Escape gives the focus back; names full of HTML are text."""
    house.ask("POST", "/admin/keys", {"name": IMAGE, "owner": "<b>o</b>", "metadata": {"<i>": "<u>"}})
    page = opened("keys", key=house.admin)
    row = page.get_by_role("row").filter(has_text=IMAGE).first
    row.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name=IMAGE).get_by_text("<u>").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.tagName") == "TR"
    assert page.locator("main img, main b, main i, main u").count() == 0


NUMBERS: list[
    tuple[str, str, str | None]
] = [  # locale, typed, exact text or None: told to be written otherwise
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


def test_numbers_are_read_as_they_are_meant(opened: Opened, house: House) -> None:
    """An amount is read in the viewer's way to the last digit; what could be two amounts is asked about."""
    page = opened(modules=True)
    page.locator("h1").wait_for()
    read = """async (rows) => {
      const { amount, whole, unmistakable } = await import(`${location.pathname}views/keys/numbers.js`);
      return {
        amounts: rows.map(([locale, typed]) => amount(typed, locale)),
        unmistakable: ["1.125", "1.5", "0.125"].map(unmistakable),
        wholes: ["1,000", "1.000", "12 000", "1,5", "1.000,0", "7"].map((typed) => whole(typed)[0]),
      };
    }"""
    found = page.evaluate(read, [list(row) for row in NUMBERS])
    assert [said[0] for said in found["amounts"]] == [text for _, _, text in NUMBERS]
    assert all(said[0] or said[1] for said in found["amounts"])
    assert found["wholes"] == [1000, 1000, 12000, None, None, 7]
    assert found["unmistakable"] == ["1.1250", "1.5", "0.125"]
