"""The page of usage: sums, trend, ranking and shares for the operator; a virtual key's own."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.conftest import House
from tests.console.history import housed, record
from tests.console.payloads import IMAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
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
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway that answered 600 requests on twenty days, the last of them yesterday."""
    now = time.time()
    past = [
        record(number, now - DAY * (1 + number % 20), model=MODELS[(number // 7) % 9])
        for number in range(600)
    ]
    with housed(tmp_path_factory.mktemp("usage"), past) as made:
        yield made


def cells(page: Page) -> Any:
    return page.get_by_role("region", name="Ranking").locator("tbody tr")


def test_what_was_used_is_looked_into(opened: Opened, house: House, tmp_path: Any) -> None:
    """The sums are the API's; the trend is read by keyboard; one model is looked at, and its keys."""
    told = house.ask("GET", "/admin/usage?group_by=model")
    page = opened("usage", key=house.admin)
    page.get_by_text("Ranking by spend").wait_for()
    assert cells(page).count() == len(MODELS)
    assert cells(page).first.locator(".usage-name").inner_text() == told["data"][0]["model"]
    shares = [float(text.strip(" %")) for text in cells(page).locator(".share-text").all_inner_texts()]
    assert abs(sum(shares) - 100) < 1

    page.get_by_role("tab", name="Requests").click()
    page.get_by_text("Ranking by requests").wait_for()
    page.get_by_label("Requests by day").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    spoken = page.locator(".chart [role=status]")
    spoken.get_by_text("others").wait_for(state="attached")
    counts = [int(part.rsplit(" ", 1)[1]) for part in spoken.inner_text().split(": ", 1)[1].split(", ")]
    assert sum(counts) == 30

    page.get_by_role("link", name="gpt-4o", exact=True).click()
    page.get_by_role("button", name="Not only the model gpt-4o").wait_for()
    page.get_by_role("tab", name="Keys", selected=True).wait_for()
    cells(page).filter(has_text="key_1").wait_for()
    assert "model=gpt-4o" in page.url
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export keys").click()
    saving.value.save_as(tmp_path / "usage.csv")
    with (tmp_path / "usage.csv").open() as file:
        assert {row["key"] for row in csv.DictReader(file)} == {"key_0", "key_1", "key_2"}
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export days").click()
    saving.value.save_as(tmp_path / "days.csv")
    with (tmp_path / "days.csv").open() as file:
        days = list(csv.DictReader(file))
    asked = house.ask("GET", "/admin/usage?group_by=day&model=gpt-4o")
    assert [(row["day"], int(row["requests"])) for row in days] == [
        (row["day"], row["requests"]) for row in asked["data"]
    ]
    page.get_by_role("link", name="View in logs").click()
    page.get_by_role("heading", name="Logs", level=1).wait_for()
    assert page.get_by_label("Model").input_value() == "gpt-4o"


def test_days_are_chosen(opened: Opened, house: House) -> None:
    """Days without any use are said to be empty once, without an axis; wrong ones are told in words."""
    page = opened("usage?days=between&from=2026-01-01&to=2026-01-03&metric=odd", key=house.admin)
    page.get_by_text("Nothing was used in these days").wait_for()
    assert page.get_by_text("Nothing was used").count() == 1
    assert page.locator(".chart, .stats").count() == 0
    page.get_by_label("From").fill("2026-02-01")
    page.get_by_role("alert").get_by_text("This is before the first day").wait_for()
    page.get_by_label("From").fill("2020-02-01")
    page.get_by_role("alert").get_by_text("At most 400 days").wait_for()
    page.get_by_label("Days").select_option("7")
    page.get_by_role("alert").wait_for(state="detached")
    cells(page).first.wait_for()


def test_owners_are_told_apart(opened: Opened, house: House) -> None:
    """Usage is ranked by the owners of keys, and an owner's leads to its keys and its requests."""
    for name in ("till", "tills"):
        made = house.ask("POST", "/admin/keys", {"name": name, "owner": "retail"})
        assert house.complete("gpt-4o-mini", key=made["key"]).status_code == 200
    page = opened("usage?by=owner", key=house.admin)
    cells(page).filter(has_text="no owner").wait_for()
    page.get_by_role("link", name="retail").click()
    cells(page).filter(has_text="tills").wait_for()
    assert cells(page).count() == 2
    page.get_by_role("link", name="View in logs").click()
    page.get_by_text("2 requests").wait_for()
    page.get_by_role("button", name="Not only the owner retail").wait_for()


def test_a_hostile_name_is_text(opened: Opened, house: House) -> None:
    """A model's name that is HTML is text in the ranking, the legend and the chart's tip."""
    page = opened("usage", key=house.admin)
    cells(page).filter(has_text=IMAGE).wait_for()
    page.locator(".chart-plot").hover()
    page.locator(".tip").wait_for()
    page.locator(".legend").get_by_text(IMAGE).wait_for()
    assert page.locator("#content img").count() == 0


def test_a_virtual_key_sees_its_own(opened: Opened, house: House) -> None:
    """A virtual key sees what it has used and has left, and asks for nothing of the operator's."""
    asked: list[str] = []
    assert house.complete("gpt-4o-mini").status_code == 200
    page = opened(key=house.key)
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("navigation").get_by_role("link", name="Usage").click()
    page.get_by_role("heading", name="What is left").wait_for()
    page.get_by_role("meter", name="Credit used").wait_for()
    page.get_by_role("meter", name="Token quota used").wait_for()
    page.get_by_role("heading", name="Trend by day").wait_for()
    assert not [url for url in asked if "/admin/" in url]


def test_a_virtual_key_sees_its_own_trend(opened: Opened, house: House, tmp_path: Any) -> None:
    """Its days are its own, by keyboard and as a file; others' requests of those days are not among them."""
    made = house.ask("POST", "/admin/keys", {"name": "counted"})
    for _ in range(3):
        assert house.complete("gpt-4o-mini", key=made["key"]).status_code == 200
    page = opened("usage?metric=requests", key=made["key"])
    page.get_by_label("Requests by day").focus()
    page.keyboard.press("End")
    page.locator(".chart [role=status]").get_by_text("Requests 3").wait_for(state="attached")
    page.keyboard.press("ArrowLeft")
    page.locator(".chart [role=status]").get_by_text("Requests 0").wait_for(state="attached")

    with page.expect_response("**/v1/usage?days=7"):
        page.get_by_label("Days").select_option("7")
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
    (told,) = house.ask("GET", f"/admin/usage?key={made['id']}")["data"]
    assert float(saved[-1]["cost_usd"]) == told["cost_usd"] > 0
    assert saving.value.suggested_filename == f"usage-{saved[0]['day']}-{saved[-1]['day']}.csv"


def test_a_new_key_has_used_nothing(opened: Opened, house: House) -> None:
    """Days without any use are said to be empty."""
    page = opened("usage", key=house.ask("POST", "/admin/keys", {"name": "new"})["key"])
    page.get_by_text("Nothing was used in these days").wait_for()
    assert page.locator(".chart").count() == 0
    page.get_by_label("Days").select_option("7")
    page.get_by_text("Nothing was used in these days").wait_for()
    assert "days=7" in page.url


def test_an_outage_is_said(opened: Opened, house: House) -> None:
    """Where the gateway cannot be reached the page says so, and it comes back by itself."""
    page = opened("usage", key=house.admin)
    cells(page).first.wait_for()
    page.context.set_offline(True)
    page.get_by_label("Days").select_option("7")
    page.get_by_role("alert").get_by_text("The gateway cannot be reached").wait_for()
    page.faults.clear()  # type: ignore[attr-defined]  # Chromium logs what did not get through
    page.context.set_offline(False)
    page.get_by_role("alert").wait_for(state="detached")
