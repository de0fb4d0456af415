"""The logs page: finding a request, its details, and reading on while new requests arrive."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.console.conftest import Gateway, shoot
from tests.console.recorded_usage import gateway_with_records, record
from tests.console.xss_payloads import IMAGE
from vaultcore.simulators.faults import InjectedFault

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
MANY = 1_000
HOUR = 3_600.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with 1,000 requests, from two days ago back."""
    start = time.time() - 48 * HOUR
    models = ("gpt-4o", "gpt-4o-mini", "claude-simulated", "gpt-5")
    past = [
        record(number, start - number * 60, model=models[number % 4], status=429 if number % 50 == 0 else 200)
        for number in range(1, MANY)
    ]
    past.append(record(0, start, model=IMAGE, status=404))
    with gateway_with_records(tmp_path_factory.mktemp("logs"), past) as created:
        yield created


def rows(page: Page) -> Any:
    return page.get_by_role("region", name="Requests").locator("tbody tr:not(.spacer)")


def test_a_request_is_found_and_inspected(open_page: OpenPage, gateway: Gateway, tmp_path: Any) -> None:
    """A new request appears live; search and filters find it, and its details list every attempt."""
    page = open_page("logs", key=gateway.admin)
    rows(page).first.wait_for()
    answer = gateway.complete("fast-llm", "Hello")
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
    (vault,) = [
        row for row in gateway.call_admin("GET", "/admin/providers")["data"] if row["name"] == "openai"
    ]
    dialog.get_by_text(f"key {vault['keys'][0]['masked'].replace('...', '…')}").wait_for()
    assert dialog.get_by_role("region", name="request id").inner_text() == named
    dialog.get_by_text("the shop (key_").wait_for()
    shoot(page, "logs-detail")
    dialog.get_by_role("button", name="Show prompt and response").click()
    dialog.get_by_text("The prompt and response of this request are not stored").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 404
    page.keyboard.press("Escape")

    with page.expect_download() as saving:
        page.get_by_role("button", name="Export CSV").click()
    saving.value.save_as(tmp_path / "logs.csv")
    assert saving.value.suggested_filename.startswith("logs-")
    with (tmp_path / "logs.csv").open() as file:
        exported = [(row["id"], row["key_name"]) for row in csv.DictReader(file)]
    assert exported == [(named, "the shop")]


def test_attempts_are_drawn_at_their_start(open_page: OpenPage, gateway: Gateway) -> None:
    """After a failover and a back-off, bars are at their start times with a visible gap."""
    for name, model in (("openai", "gpt-4o-mini"), ("anthropic", "claude-simulated")):
        gateway.simulators[name].script.queue(model, InjectedFault(status=429, retry_after=1))
    key = gateway.call_admin("POST", "/admin/keys", {"name": "patient"})[
        "key"
    ]  # no credit limit, so unpriced models are allowed
    named = gateway.complete("fast-llm", "Hello", key=key).headers["x-request-id"]
    (entry,) = gateway.call_admin("GET", f"/admin/logs?id={named}")["data"]
    first, second, third = entry["attempts"]
    assert third["began_ms"] >= 1_000 > second["began_ms"] + second["ms"]

    page = open_page(f"logs?id={named}", key=gateway.admin)
    rows(page).first.click()
    bars = page.get_by_role("list", name="Timeline").locator("li")
    bars.nth(3).get_by_text("back-off").wait_for()
    bars.nth(3).get_by_text(f"started at {third['began_ms'] / 1_000:.2f} s").wait_for()
    assert bars.count() == 4
    track = bars.nth(3).locator(".timeline-track").bounding_box()
    for number, each in ((1, first), (2, second), (3, third)):
        drawn = bars.nth(number).locator(".timeline-bar").bounding_box()
        place = (drawn["x"] - track["x"]) / track["width"] * entry["ms"]
        assert abs(place - each["began_ms"]) < entry["ms"] / 50
    waiting = bars.nth(3).locator(".timeline-wait").bounding_box()
    assert waiting["width"] > track["width"] / 2
    assert bars.locator(".timeline-wait").count() == 1
    shoot(page, "logs-failover")


def test_rows_without_start_times_show_attempts_in_sequence(open_page: OpenPage, gateway: Gateway) -> None:
    """Without start times, the second bar starts where the first ends."""
    page = open_page("logs?search=past00002", key=gateway.admin)
    rows(page).first.click()
    bars = page.get_by_role("dialog", name="Request").locator(".timeline-bar")
    bars.nth(2).wait_for()
    first, second = (bars.nth(number).bounding_box() or {} for number in (1, 2))
    assert abs(first["x"] + first["width"] - second["x"]) < 2
    assert page.locator(".timeline-wait").count() == 0
    assert page.get_by_text("started at").count() == 0


def test_filters_are_in_the_address(open_page: OpenPage, gateway: Gateway) -> None:
    """Filters select rows and are kept in the link; an empty result is reported; Clear removes them."""
    page = open_page("logs?status=429&path=/v1/chat/completions", key=gateway.admin)
    rows(page).first.wait_for()
    assert page.get_by_label("Status").input_value() == "429"
    assert set(rows(page).locator(".tag").all_inner_texts()) == {"429 rate_limited"}
    page.get_by_label("Period").select_option("1h")
    page.get_by_text("No matching requests").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    rows(page).first.wait_for()
    assert page.url.endswith("#/logs")


def test_new_rows_wait_while_scrolled_down(open_page: OpenPage, gateway: Gateway) -> None:
    """While the user is scrolled down, new rows wait behind a button."""
    page = open_page("logs", key=gateway.admin)
    frame = page.get_by_role("region", name="Requests")
    rows(page).first.wait_for()
    frame.evaluate("frame => frame.scrollTo(0, 3_000)")
    rows(page).and_(page.locator("[aria-rowindex='80']")).wait_for()
    before = frame.evaluate("frame => frame.scrollTop")
    assert gateway.complete("gpt-4o-mini").status_code == 200

    page.get_by_role("button", name="Show 1 new").wait_for()
    assert frame.evaluate("frame => frame.scrollTop") == before
    page.get_by_role("button", name="Show 1 new").click()
    page.get_by_role("button", name="Show 1 new").wait_for(state="detached")


def test_filters_are_combined(open_page: OpenPage, gateway: Gateway) -> None:
    """A typed filter is combined with another one; Clear also removes pending input."""
    page = open_page("logs", key=gateway.admin)
    rows(page).first.wait_for()
    page.get_by_label("Search").fill("gpt ")
    page.get_by_label("Status").select_option("4xx")
    page.get_by_text("Of the requests that the gateway itself refused").wait_for()
    assert page.url.endswith("#/logs?search=gpt&status=4xx")
    page.locator(".log[aria-busy=false]").wait_for()
    assert set(rows(page).locator(".tag").all_inner_texts()) == {"429 rate_limited"}
    assert page.get_by_label("Search").input_value() == "gpt "  # more may be typed

    page.get_by_role("button", name="Clear filters").click()
    rows(page).first.wait_for()
    page.get_by_label("Search").fill("nothing")
    page.get_by_role("button", name="Clear filters").click()
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


def test_a_key_is_found_by_its_name(open_page: OpenPage, gateway: Gateway) -> None:
    """Search finds requests by key name."""
    name = f"Nightly import {uuid4().hex[:6]}"
    created = gateway.call_admin("POST", "/admin/keys", {"name": name})
    assert gateway.complete("claude-simulated", key=created["key"]).status_code == 200
    page = open_page(f"logs?search={name.lower()}", key=gateway.admin)
    rows(page).first.get_by_text(name).wait_for()
    assert rows(page).count() == 1


def test_refused_requests_are_explained(open_page: OpenPage, gateway: Gateway) -> None:
    """A key's refused requests have rows with the limit that refused them, without durations. A note says
    that the log has only the first ones, also for a key without requests."""
    name = f"shut out {uuid4().hex[:6]}"
    key = gateway.call_admin("POST", "/admin/keys", {"name": name, "rate_limit_rpm": 1})
    gateway.call_admin("POST", "/admin/keys", {"name": f"unused beside {name}"})
    statuses = [gateway.complete("gpt-4o-mini", key=key["key"]).status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    gateway.wait_for_refusals(2, key["id"])
    page = open_page("logs", key=gateway.admin)
    page.get_by_label("Key").select_option(label=name)
    note = page.get_by_text("Of the requests that the gateway itself refused")
    note.wait_for()
    page.locator(".log[aria-busy=false]").wait_for()
    assert rows(page).locator(".tag").all_inner_texts() == ["429 rate_limit_exceeded"] * 2 + ["200"]
    assert rows(page).locator("td.main").all_inner_texts() == ["not read", "gpt-4o-mini", "gpt-4o-mini"]
    assert rows(page).locator("td:last-child").all_inner_texts()[:2] == ["–", "–"]
    shoot(page, "logs-refused")

    rows(page).first.click()
    dialog = page.get_by_role("dialog", name="Request")
    dialog.get_by_text("Requests per minute of the key: 0 of 1 left, 1 needed").wait_for()
    dialog.get_by_text("none (refused by the gateway)").wait_for()
    assert dialog.get_by_role("button", name="Filter by this model").count() == 0  # the model was not read
    assert dialog.get_by_role("button", name="Show prompt and response").count() == 0
    page.keyboard.press("Escape")

    page.get_by_label("Key").select_option(label=f"unused beside {name}")
    page.get_by_text("No matching requests").wait_for()
    note.wait_for()


def test_late_rows_are_sorted_by_time(open_page: OpenPage, gateway: Gateway) -> None:
    """A refused request that is written later than newer requests is below them in the live log."""
    key = gateway.call_admin(
        "POST", "/admin/keys", {"name": "late", "allowed_models": ["anthropic/*"], "rate_limit_rpm": 100}
    )
    assert gateway.complete("gpt-4o-mini", key=key["key"]).status_code == 403
    gateway.wait_for_refusals(1, key["id"])
    page = open_page(f"logs?key={key['id']}", key=gateway.admin)
    rows(page).first.wait_for()
    assert gateway.complete("gpt-4o-mini", key=key["key"]).status_code == 403  # is written after ten seconds
    assert gateway.complete("claude-simulated", key=key["key"]).status_code == 200
    rows(page).nth(1).wait_for()
    rows(page).nth(2).wait_for()
    assert rows(page).locator(".tag").all_inner_texts() == ["200"] + ["403 model_not_allowed"] * 2


def test_invalid_parameters_are_removed(open_page: OpenPage, gateway: Gateway) -> None:
    """Invalid parameters are removed from the address; a reversed period is reported."""
    page = open_page("logs?status=error&time=soon&who=me&model=gpt-5", key=gateway.admin)
    rows(page).first.wait_for()
    assert page.url.endswith("#/logs?model=gpt-5")
    assert page.get_by_label("Status").input_value() == ""
    page.goto(f"{gateway.console}#/logs?time=between&from=2026-02-01T10:00&to=2026-01-01T10:00")
    page.get_by_text("Must be after the start").wait_for()
    page.get_by_text("The end is not after the start").wait_for()
    assert rows(page).count() == 0


def test_a_failed_filter_shows_only_the_error(open_page: OpenPage, gateway: Gateway) -> None:
    """A failed filter request shows only the error, and a retry loads its rows."""
    page = open_page("logs", key=gateway.admin)
    rows(page).first.wait_for()
    pattern = re.compile(r"/admin/logs\?.*status=5xx")
    page.route(pattern, lambda route: route.fulfill(status=500, json={"error": {"message": "Broken."}}))
    page.get_by_label("Status").select_option("5xx")
    page.get_by_role("alert").get_by_text("Broken.").wait_for()
    assert rows(page).count() == 0
    assert page.get_by_text("updates live").count() == 0
    page.unroute(pattern)
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("No matching requests").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs the 500


def test_a_hostile_name_is_text(open_page: OpenPage, gateway: Gateway) -> None:
    """A model name with HTML is text in the table and in the details."""
    page = open_page("logs?status=404", key=gateway.admin)
    rows(page).first.get_by_text(IMAGE).click()
    page.get_by_role("dialog", name="Request").get_by_text(IMAGE, exact=True).wait_for()


def test_an_outage_keeps_the_rows(open_page: OpenPage, gateway: Gateway) -> None:
    """During an outage the rows stay, the error is shown, and a retry recovers."""
    page = open_page("logs", key=gateway.admin)
    rows(page).first.wait_for()
    page.context.set_offline(True)
    page.get_by_role("alert").get_by_text("The gateway is unreachable").wait_for()
    assert rows(page).count() > 0
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("alert").wait_for(state="detached")
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs failed requests
