"""The page of logs: looking for a request, looking into it, and reading on while new ones come."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House, shoot
from tests.console.history import housed, record
from tests.console.payloads import IMAGE
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
MANY = 1_000
HOUR = 3_600.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with 1,000 requests, from two days ago back."""
    begin = time.time() - 48 * HOUR
    models = ("gpt-4o", "gpt-4o-mini", "claude-simulated", "gpt-5")
    past = [
        record(number, begin - number * 60, model=models[number % 4], status=429 if number % 50 == 0 else 200)
        for number in range(1, MANY)
    ]
    past.append(record(0, begin, model=IMAGE, status=404))
    with housed(tmp_path_factory.mktemp("logs"), past) as made:
        yield made


def rows(page: Page) -> Any:
    return page.get_by_role("region", name="Requests").locator("tbody tr:not(.spacer)")


def test_a_request_is_found_and_looked_into(opened: Opened, house: House, tmp_path: Any) -> None:
    """A new request appears by itself; search and filters find it, its detail has every attempt."""
    page = opened("logs", key=house.admin)
    rows(page).first.wait_for()
    answer = house.complete("fast-llm", "Hello")
    named = answer.headers["x-request-id"]
    rows(page).first.get_by_text("fast-llm").wait_for()

    page.get_by_label("Search").fill(named[:-2])
    page.get_by_text("1 request ·").wait_for()
    assert rows(page).count() == 1
    assert "search=" in page.url
    rows(page).first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Request")
    dialog.get_by_text("1. openai / gpt-4o-mini").wait_for()
    (vault,) = [row for row in house.ask("GET", "/admin/providers")["data"] if row["name"] == "openai"]
    dialog.get_by_text(f"of openai, {vault['keys'][0]['masked']}").wait_for()
    assert dialog.get_by_role("region", name="request id").inner_text() == named
    dialog.get_by_text("the shop (key_").wait_for()
    shoot(page, "logs-detail")
    dialog.get_by_role("button", name="Show prompt and answer").click()
    dialog.get_by_text("Nothing is kept of what this request said").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 404
    page.keyboard.press("Escape")

    with page.expect_download() as saving:
        page.get_by_role("button", name="Export CSV").click()
    saving.value.save_as(tmp_path / "logs.csv")
    assert saving.value.suggested_filename.startswith("logs-")
    with (tmp_path / "logs.csv").open() as file:
        told = [(row["id"], row["key_name"]) for row in csv.DictReader(file)]
    assert told == [(named, "the shop")]


def test_attempts_are_drawn_where_they_began(opened: Opened, house: House) -> None:
    """After a failover and a pause, bars stand at their times, with a gap between them, which is said too."""
    for name, model in (("openai", "gpt-4o-mini"), ("anthropic", "claude-simulated")):
        house.simulators[name].script.queue(model, InjectedFault(status=429, retry_after=1))
    key = house.ask("POST", "/admin/keys", {"name": "patient"})["key"]  # its money may buy what has no price
    named = house.complete("fast-llm", "Hello", key=key).headers["x-request-id"]
    (told,) = house.ask("GET", f"/admin/logs?id={named}")["data"]
    first, second, third = told["attempts"]
    assert third["began_ms"] >= 1_000 > second["began_ms"] + second["ms"]

    page = opened(f"logs?id={named}", key=house.admin)
    rows(page).first.click()
    bars = page.get_by_role("list", name="Timeline").locator("li")
    bars.nth(3).get_by_text("after a pause of").wait_for()
    bars.nth(3).get_by_text(f"began after {third['began_ms'] / 1_000:.2f} s").wait_for()
    assert bars.count() == 4
    track = bars.nth(3).locator(".timeline-track").bounding_box()
    for number, each in ((1, first), (2, second), (3, third)):
        drawn = bars.nth(number).locator(".timeline-bar").bounding_box()
        place = (drawn["x"] - track["x"]) / track["width"] * told["ms"]
        assert abs(place - each["began_ms"]) < told["ms"] / 50
    waiting = bars.nth(3).locator(".timeline-wait").bounding_box()
    assert waiting["width"] > track["width"] / 2
    assert bars.locator(".timeline-wait").count() == 1
    shoot(page, "logs-failover")


def test_rows_of_before_show_attempts_one_after_another(opened: Opened, house: House) -> None:
    """A row that does not say when attempts began has a second bar that begins where the first ends."""
    page = opened("logs?search=past00002", key=house.admin)
    rows(page).first.click()
    bars = page.get_by_role("dialog", name="Request").locator(".timeline-bar")
    bars.nth(2).wait_for()
    first, second = (bars.nth(number).bounding_box() or {} for number in (1, 2))
    assert abs(first["x"] + first["width"] - second["x"]) < 2
    assert page.locator(".timeline-wait").count() == 0
    assert page.get_by_text("began after").count() == 0


def test_filters_are_in_the_address(opened: Opened, house: House) -> None:
    """Filters leave what fits, a link keeps them, nothing that fits is said, and Clear takes them away."""
    page = opened("logs?status=429&path=/v1/chat/completions", key=house.admin)
    rows(page).first.wait_for()
    assert page.get_by_label("Status").input_value() == "429"
    assert set(rows(page).locator(".tag").all_inner_texts()) == {"429 rate_limited"}
    page.get_by_label("Time").select_option("1h")
    page.get_by_text("No request fits").wait_for()
    page.get_by_role("button", name="Clear").click()
    rows(page).first.wait_for()
    assert page.url.endswith("#/logs")


def test_who_reads_further_down_is_not_moved(opened: Opened, house: House) -> None:
    """A new request waits behind a button while somebody reads older ones, and comes when it is pressed."""
    page = opened("logs", key=house.admin)
    frame = page.get_by_role("region", name="Requests")
    rows(page).first.wait_for()
    frame.evaluate("frame => frame.scrollTo(0, 3_000)")
    rows(page).and_(page.locator("[aria-rowindex='80']")).wait_for()
    before = frame.evaluate("frame => frame.scrollTop")
    assert house.complete("gpt-4o-mini").status_code == 200

    page.get_by_role("button", name="Show 1 new").wait_for()
    assert frame.evaluate("frame => frame.scrollTop") == before
    page.get_by_role("button", name="Show 1 new").click()
    page.get_by_role("button", name="Show 1 new").wait_for(state="detached")


def test_filters_hold_together(opened: Opened, house: House) -> None:
    """What is typed while another filter is chosen holds with it, and Clear takes back what still waits."""
    page = opened("logs", key=house.admin)
    rows(page).first.wait_for()
    page.get_by_label("Search").fill("gpt ")
    page.get_by_label("Status").select_option("4xx")
    page.get_by_text("Requests that the gateway itself refused are not recorded").wait_for()
    assert page.url.endswith("#/logs?search=gpt&status=4xx")
    page.locator(".log[aria-busy=false]").wait_for()
    assert set(rows(page).locator(".tag").all_inner_texts()) == {"429 rate_limited"}
    assert page.get_by_label("Search").input_value() == "gpt "  # more may be typed

    page.get_by_role("button", name="Clear").click()
    rows(page).first.wait_for()
    page.get_by_label("Search").fill("nothing")
    page.get_by_role("button", name="Clear").click()
    assert page.get_by_label("Search").input_value() == ""
    page.get_by_label("Model").fill("GPT-4")
    page.wait_for_url("**/#/logs?model=*GPT-4*")
    page.locator(".log[aria-busy=false]").wait_for()
    names = set(rows(page).locator("td.main").all_inner_texts())
    assert {"gpt-4o", "gpt-4o-mini"} <= names <= {"gpt-4o", "gpt-4o-mini", "fast-llm"}
    page.get_by_label("Model").fill("gpt-5")
    page.wait_for_url("**/#/logs?model=gpt-5")
    page.locator(".log[aria-busy=false]").wait_for()
    assert set(rows(page).locator("td.main").all_inner_texts()) == {"gpt-5"}


def test_a_key_is_found_by_its_name(opened: Opened, house: House) -> None:
    """Search finds a key's requests by what it is called; of one that was only refused it says why not."""
    made = house.ask("POST", "/admin/keys", {"name": "Nightly import"})
    assert house.complete("claude-simulated", key=made["key"]).status_code == 200
    shut = house.ask("POST", "/admin/keys", {"name": "shut out", "allowed_models": ["anthropic/*"]})
    assert house.complete("gpt-4o-mini", key=shut["key"]).status_code == 403
    page = opened("logs?search=nightly", key=house.admin)
    rows(page).first.get_by_text("Nightly import").wait_for()
    assert rows(page).count() == 1

    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Key").select_option(label="shut out")
    page.get_by_text("Requests that the gateway itself refused are not recorded").wait_for()
    shoot(page, "logs-refused")


def test_addresses_that_mean_nothing_are_mended(opened: Opened, house: House) -> None:
    """What the log does not know goes from the address; a span without any time is told in words."""
    page = opened("logs?status=error&time=soon&who=me&model=gpt-5", key=house.admin)
    rows(page).first.wait_for()
    assert page.url.endswith("#/logs?model=gpt-5")
    assert page.get_by_label("Status").input_value() == ""
    page.goto(f"{house.console}#/logs?time=between&from=2026-02-01T10:00&to=2026-01-01T10:00")
    page.get_by_text("This is not after the beginning").wait_for()
    page.get_by_text("The end is not after the beginning").wait_for()
    assert rows(page).count() == 0


def test_rows_of_another_filter_go_when_it_fails(opened: Opened, house: House) -> None:
    """Where a filter cannot be asked for there is the error alone, and trying again has its rows."""
    page = opened("logs", key=house.admin)
    rows(page).first.wait_for()
    asked = re.compile(r"/admin/logs\?.*status=5xx")
    page.route(asked, lambda route: route.fulfill(status=500, json={"error": {"message": "Broken."}}))
    page.get_by_label("Status").select_option("5xx")
    page.get_by_role("alert").get_by_text("Broken.").wait_for()
    assert rows(page).count() == 0
    assert page.get_by_text("appear by themselves").count() == 0
    page.unroute(asked)
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("No request fits").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 500


def test_a_hostile_name_is_text(opened: Opened, house: House) -> None:
    """A model's name that is HTML is shown as text, in the table and in the detail."""
    page = opened("logs?status=404", key=house.admin)
    rows(page).first.get_by_text(IMAGE).click()
    page.get_by_role("dialog", name="Request").get_by_text(IMAGE, exact=True).wait_for()


def test_an_outage_is_said_and_what_was_there_stays(opened: Opened, house: House) -> None:
    """Where the gateway cannot be reached the rows stay, it is said, and trying again mends it."""
    page = opened("logs", key=house.admin)
    rows(page).first.wait_for()
    page.context.set_offline(True)
    page.get_by_role("alert").get_by_text("The gateway cannot be reached").wait_for()
    assert rows(page).count() > 0
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("alert").wait_for(state="detached")
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs what did not get through
