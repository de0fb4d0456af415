"""The usage page: totals, trend, ranking and shares for an admin; own usage for a virtual key."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.console.conftest import Gateway, shoot
from tests.console.recorded_usage import gateway_with_records, record
from tests.console.xss_payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
DAY = 86_400.0
MODELS = (
    "gpt-4o",
    "gpt-4o-mini",
    "claude-simulated",
    IMAGE,
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "o4-mini",
    "small",
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with 600 requests over the last 20 days."""
    now = time.time()
    past = [
        record(number, now - DAY * (1 + number % 20), model=MODELS[(number // 7) % 9])
        for number in range(600)
    ]
    with gateway_with_records(tmp_path_factory.mktemp("usage"), past) as created:
        yield created


def ranking_rows(page: Page) -> Any:
    return page.get_by_role("region", name="Ranking").locator("tbody tr")


def test_usage_is_explored(open_page: OpenPage, gateway: Gateway, tmp_path: Any) -> None:
    """Totals match the API; the trend is read by keyboard; a model is drilled down to its keys."""
    usage = gateway.call_admin("GET", "/admin/usage?group_by=model")
    page = open_page("usage", key=gateway.admin)
    page.get_by_text("Ranking by spend").wait_for()
    assert ranking_rows(page).count() == len(MODELS)
    assert ranking_rows(page).first.locator(".usage-name").inner_text() == usage["data"][0]["model"]
    shares = [float(text.strip(" %")) for text in ranking_rows(page).locator(".share-text").all_inner_texts()]
    assert abs(sum(shares) - 100) < 1

    page.get_by_role("tab", name="Requests").click()
    page.get_by_text("Ranking by requests").wait_for()
    page.get_by_label("Requests by day").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    announcement = page.locator(".chart [role=status]")
    announcement.get_by_text("others").wait_for(state="attached")
    counts = [int(part.rsplit(" ", 1)[1]) for part in announcement.inner_text().split(": ", 1)[1].split(", ")]
    assert sum(counts) == 30

    page.get_by_role("link", name="gpt-4o", exact=True).click()
    page.get_by_role("button", name="Remove filter: model gpt-4o").wait_for()
    page.get_by_role("tab", name="Keys", selected=True).wait_for()
    ranking_rows(page).filter(has_text="key_1").wait_for()
    assert "model=gpt-4o" in page.url
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export keys").click()
    saving.value.save_as(tmp_path / "usage.csv")
    with (tmp_path / "usage.csv").open() as file:
        assert {row["key"] for row in csv.DictReader(file)} == {"key_0", "key_1", "key_2"}
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export by day").click()
    saving.value.save_as(tmp_path / "days.csv")
    with (tmp_path / "days.csv").open() as file:
        days = list(csv.DictReader(file))
    daily = gateway.call_admin("GET", "/admin/usage?group_by=day&model=gpt-4o")
    assert [(row["day"], int(row["requests"])) for row in days] == [
        (row["day"], row["requests"]) for row in daily["data"]
    ]
    page.get_by_role("link", name="View in logs").click()
    page.get_by_role("heading", name="Logs", level=1).wait_for()
    assert page.get_by_label("Model").input_value() == "gpt-4o"


def test_periods_are_selected(open_page: OpenPage, gateway: Gateway) -> None:
    """An empty period is reported once without a chart; invalid periods are reported."""
    page = open_page("usage?days=between&from=2026-01-01&to=2026-01-03&metric=odd", key=gateway.admin)
    page.get_by_text("No usage in this period").wait_for()
    assert page.get_by_text("No usage in this period").count() == 1
    assert page.locator(".chart, .stats").count() == 0
    page.get_by_label("From").fill("2026-02-01")
    page.get_by_role("alert").get_by_text("The end is before the start").wait_for()
    page.get_by_label("From").fill("2020-02-01")
    page.get_by_role("alert").get_by_text("Choose at most 400 days").wait_for()
    page.get_by_label("Period").select_option("7")
    page.get_by_role("alert").wait_for(state="detached")
    ranking_rows(page).first.wait_for()


def test_usage_is_ranked_by_owner(open_page: OpenPage, gateway: Gateway) -> None:
    """Usage is ranked by owner, and an owner links to its keys and requests."""
    owner = f"retail {uuid4().hex[:6]}"
    for name in ("till", "tills"):
        created = gateway.call_admin("POST", "/admin/keys", {"name": name, "owner": owner})
        assert gateway.complete("gpt-4o-mini", key=created["key"]).status_code == 200
        gateway.wait_for_usage(created["id"], 1)
    page = open_page("usage?by=owner", key=gateway.admin)
    ranking_rows(page).filter(has_text="no owner").wait_for()
    page.get_by_role("link", name=owner).click()
    ranking_rows(page).filter(has_text="tills").wait_for()
    assert ranking_rows(page).count() == 2
    page.get_by_role("link", name="View in logs").click()
    page.get_by_text("2 requests").wait_for()
    page.get_by_role("button", name=f"Remove filter: owner {owner}").wait_for()


def test_a_hostile_name_is_text(open_page: OpenPage, gateway: Gateway) -> None:
    """A model name with HTML is text in ranking, legend and tooltip."""
    page = open_page("usage", key=gateway.admin)
    ranking_rows(page).filter(has_text=IMAGE).wait_for()
    page.locator(".chart-plot").hover()
    page.locator(".tooltip").wait_for()
    page.locator(".legend").get_by_text(IMAGE).wait_for()
    assert page.locator("#content img").count() == 0


def test_a_virtual_key_sees_its_own_usage(open_page: OpenPage, gateway: Gateway) -> None:
    """A virtual key sees its usage and remaining limits, without calls to the admin API."""
    urls: list[str] = []
    assert gateway.complete("gpt-4o-mini").status_code == 200
    page = open_page(key=gateway.key)
    page.on("request", lambda request: urls.append(request.url))
    page.get_by_role("navigation").get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="Remaining limits").wait_for()
    page.get_by_role("meter", name="Credits used").wait_for()
    page.get_by_role("meter", name="Token quota used").wait_for()
    page.get_by_role("heading", name="Trend by day").wait_for()
    assert not [url for url in urls if "/admin/" in url]


def test_a_virtual_key_sees_its_own_trend(open_page: OpenPage, gateway: Gateway, tmp_path: Any) -> None:
    """Its trend contains only its own requests, by keyboard and as a file."""
    created = gateway.call_admin("POST", "/admin/keys", {"name": "counted"})
    for _ in range(3):
        assert gateway.complete("gpt-4o-mini", key=created["key"]).status_code == 200
    gateway.wait_for_usage(created["id"], 3)
    page = open_page("usage?metric=requests", key=created["key"])
    page.get_by_label("Requests by day").focus()
    page.keyboard.press("End")
    page.locator(".chart [role=status]").get_by_text("Requests 3").wait_for(state="attached")
    page.keyboard.press("ArrowLeft")
    page.locator(".chart [role=status]").get_by_text("Requests 0").wait_for(state="attached")

    with page.expect_response("**/v1/usage?days=7"):
        page.get_by_label("Period").select_option("7")
    page.get_by_role("tab", name="Tokens").click()
    page.get_by_label("Tokens by day").wait_for()
    assert "days=7" in page.url
    page.locator(".chart rect").nth(6).wait_for(state="attached")
    assert page.locator(".chart rect").count() == 7
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export CSV").click()
    saving.value.save_as(tmp_path / "own.csv")
    with (tmp_path / "own.csv").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["requests"] for row in saved] == ["0"] * 6 + ["3"]
    (row,) = gateway.call_admin("GET", f"/admin/usage?key={created['id']}")["data"]
    assert float(saved[-1]["cost_usd"]) == row["cost_usd"] > 0
    assert saving.value.suggested_filename == f"usage-{saved[0]['day']}-{saved[-1]['day']}.csv"


def test_refused_requests_are_counted(open_page: OpenPage, gateway: Gateway) -> None:
    """Refused requests are counted by key and code and link to their rows; the key sees its own, and why."""
    name = f"turned down {uuid4().hex[:6]}"
    key = gateway.call_admin("POST", "/admin/keys", {"name": name, "rate_limit_rpm": 1})
    assert gateway.complete("gpt-4o-mini", key="vg_" + "0" * 40).status_code == 401
    statuses = [gateway.complete(model, key=key["key"]).status_code for model in (IMAGE, "gpt-4o", "gpt-4o")]
    assert statuses == [404, 200, 429]
    gateway.wait_for_refusals(2, key["id"])

    page = open_page("usage", key=key["key"])
    sums = page.get_by_role("region", name="Refused requests", exact=True).locator("tbody tr")
    sums.filter(has_text="404 model_not_found").get_by_text("1", exact=True).wait_for()
    sums.filter(has_text="429 rate_limit_exceeded").get_by_text("1", exact=True).wait_for()
    last = page.get_by_role("region", name="Most recent refused requests").locator("tbody tr")
    assert last.locator("td:nth-child(3)").all_inner_texts() == [
        "Requests per minute of the key: 0 of 1 left, 1 needed",
        "–",
    ]
    shoot(page, "own-usage-refused")

    page = open_page("usage?provider=openai", key=gateway.admin)
    ranking_rows(page).first.wait_for()
    assert page.get_by_role("heading", name="Refused requests").count() == 0  # they have no provider
    page.goto(f"{gateway.console}#/usage")
    page.get_by_text("with an invalid key (401)").wait_for()
    page.get_by_label("Key", exact=True).select_option(label=name)
    sums = page.get_by_role("region", name="Refused requests", exact=True).locator("tbody tr")
    page.get_by_text("with an invalid key (401)").wait_for(state="detached")
    assert sorted(sums.locator(".tag").all_inner_texts()) == [
        "404 model_not_found",
        "429 rate_limit_exceeded",
    ]
    sums.filter(has_text="429").get_by_role("link", name=name).click()
    page.get_by_role("heading", name="Logs", level=1).wait_for()
    page.get_by_text("1 request ·").wait_for()


def test_a_new_key_has_used_nothing(open_page: OpenPage, gateway: Gateway) -> None:
    """A period without usage is reported as empty."""
    page = open_page("usage", key=gateway.call_admin("POST", "/admin/keys", {"name": "new"})["key"])
    page.get_by_text("No usage in this period").wait_for()
    assert page.locator(".chart").count() == 0
    page.get_by_label("Period").select_option("7")
    page.get_by_text("No usage in this period").wait_for()
    assert "days=7" in page.url


def test_an_outage_is_reported(open_page: OpenPage, gateway: Gateway) -> None:
    """An outage is reported, and the page recovers by itself."""
    page = open_page("usage", key=gateway.admin)
    ranking_rows(page).first.wait_for()
    page.context.set_offline(True)
    page.get_by_label("Period").select_option("7")
    page.get_by_role("alert").get_by_text("The gateway is unreachable").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs failed requests
    page.context.set_offline(False)
    page.get_by_role("alert").wait_for(state="detached")
