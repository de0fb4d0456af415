"""The page of balances: what is left, topping up, limits of owners and the gateway, and alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.console.conftest import House, shoot

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]


@dataclass(frozen=True, slots=True)
class Spent:
    """A key that has used most of its quota, as an alert says."""

    id: str
    token: str = field(repr=False)


def spent(house: House, name: str) -> Spent:
    """A new one of a name."""
    made = house.ask("POST", "/admin/keys", {"name": name, "token_quota": 140, "owner": "the workshop"})
    for most in (30, 30, 30, 20):  # more at once would not be let in
        assert house.complete("gpt-4o-mini", "Count", key=made["key"], max_tokens=most).status_code == 200
    return Spent(made["id"], made["key"])


def test_what_runs_low_is_topped_up(opened: Opened, house: House) -> None:
    """A key that has used most of its quota is told of and alerted; added credits are there at once."""
    name = f"low {uuid4().hex[:6]}"
    key = spent(house, name).id
    page = opened("balance", key=house.admin)
    page.get_by_label("Only what runs low").check()
    row = page.get_by_role("region", name="Balances").get_by_role("row").filter(has_text=name)
    row.get_by_text("of 140").wait_for()
    alert = page.get_by_role("region", name="Alerts").get_by_role("row").filter(has_text=name)
    alert.get_by_text("80%").wait_for()
    alert.get_by_text("token quota").first.wait_for()
    page.get_by_text("VAULTEDGE_ALERT_WEBHOOK").wait_for()

    row.get_by_role("button", name=f"Top up {name}").click()
    page.get_by_text("This key has had no credit limit.", exact=False).wait_for()
    page.get_by_label("Amount (US$)").fill("3")
    page.get_by_label("Reason").fill("invoice 7")
    page.get_by_role("button", name="Add credits").click()
    row.get_by_text("of $3.00").wait_for()
    assert house.ask("GET", f"/admin/keys/{key}")["credits_usd"] == 3
    (entry,) = house.ask("GET", f"/admin/audit?subject={key}&action=keys.credit")["data"]
    assert entry["reason"] == "invoice 7"


def test_owners_and_the_gateway_are_limited(opened: Opened, house: House) -> None:
    """An owner's and the gateway's limits are set, kept where they were not touched, and taken away."""
    owner = f"team {uuid4().hex[:6]}/a"
    page = opened("balance", key=house.admin)
    page.get_by_role("button", name="Limit an owner").click()
    page.get_by_label("Owner", exact=True).fill(owner)
    page.get_by_label("Budget per day").fill("5")
    page.get_by_label("Requests per minute").fill("120")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("$0.00 of $5.00").wait_for()

    page.get_by_role("button", name=f"Edit limits of {owner}").click()
    page.get_by_label("Budget per month").fill("50.5")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("$0.00 of $50.50").wait_for()
    limits = house.ask("GET", "/admin/limits")["owners"][owner]
    assert [limits[name] for name in ("budget_day_usd", "budget_month_usd", "rate_limit_rpm")] == [
        5,
        50.5,
        120,
    ]

    page.get_by_role("button", name=f"Remove limits of {owner}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("heading", name=owner).wait_for(state="detached")
    assert owner not in house.ask("GET", "/admin/limits")["owners"]


@pytest.fixture
def usual_marks(house: House) -> Iterator[None]:
    """Marks as they are at first, and again afterwards: all pages of a session have the same house."""
    yield
    house.ask("PUT", "/admin/limits/alerts", {"alert_marks": [80, 100]})


@pytest.mark.usefixtures("usual_marks")
def test_marks_of_alerts_are_set(opened: Opened, house: House) -> None:
    """Marks are typed in any order; nonsense is refused; where somebody else was first, that is told."""
    page = opened("balance", key=house.admin)
    page.get_by_text("when 80% and 100% of", exact=False).wait_for()
    page.get_by_role("button", name="Set marks").click()
    dialog, field = page.get_by_role("dialog"), page.get_by_label("Percent of a limit")
    for wrong in ("0, 80", "101", "eighty", "80.5", "1 2 3 4 5 6"):
        field.fill(wrong)
        field.press("Enter")
        dialog.get_by_role("alert").get_by_text("Whole percentages").wait_for()
    house.ask("PUT", "/admin/limits/alerts", {"alert_marks": [90]})
    field.fill("100 %, 50; 80, 50")
    field.press("Enter")
    dialog.get_by_text("alerts are at 90% now", exact=False).wait_for()
    shoot(page, "balance-marks-conflict")
    page.faults.clear()  # type: ignore[attr-defined]  # the browser logs the conflict
    assert field.input_value() == "100 %, 50; 80, 50"
    assert house.ask("GET", "/admin/limits")["alert_marks"] == [90]

    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="detached")
    page.get_by_text("when 50%, 80% and 100% of", exact=False).wait_for()
    assert house.ask("GET", "/admin/limits")["alert_marks"] == [50, 80, 100]

    page.get_by_role("button", name="Set marks").click()
    field.fill("")
    field.press("Enter")
    page.get_by_text("There are no alerts: no marks are set", exact=False).wait_for()
    assert house.ask("GET", "/admin/limits")["alert_marks"] == []


def test_what_is_used_up_is_told(opened: Opened, house: House) -> None:
    """A key that is refused for want of its last tokens is among the alerts, once, with what it has left."""
    name = f"spent {uuid4().hex[:6]}"
    key = spent(house, name)
    for _ in range(3):
        assert house.complete("gpt-4o-mini", "Count", key=key.token, max_tokens=100).status_code == 429
    page = opened("balance", key=house.admin)
    row = (
        page.get_by_role("region", name="Alerts")
        .get_by_role("row")
        .filter(has_text=name)
        .filter(has_text="refused")
    )
    row.get_by_text("of 140 left").wait_for()
    assert row.count() == 1

    balance = page.get_by_role("region", name="Balances").get_by_role("row").filter(has_text=name)
    balance.get_by_text("refused", exact=True).wait_for()
    page.goto(f"{house.console}#/keys")
    rows = page.get_by_role("region", name="API keys").get_by_role("row").filter(has_text=name)
    rows.get_by_text("refused", exact=True).wait_for()
    house.ask("PATCH", f"/admin/keys/{key.id}", {"token_quota": 1_000})
    page.get_by_role("button", name="Refresh").click()
    rows.get_by_text("of 1,000 tokens").wait_for()
    assert rows.get_by_text("refused", exact=True).count() == 0


def test_what_is_left_is_not_rounded_up(opened: Opened, house: House) -> None:
    """A key that has used a little has not all of it left, nor nothing while a little is left."""
    made = {}
    for name in ("whole", "begun", "scraps"):
        made[name] = house.ask(
            "POST", "/admin/keys", {"name": f"{name} {uuid4().hex[:6]}", "credits_usd": 20}
        )
        if name != "whole":
            answer = house.complete("gpt-4o-mini", key=made[name]["key"], max_tokens=10)
            assert answer.status_code == 200
    cost = house.ask("GET", f"/admin/keys/{made['scraps']['id']}")["usage"]["cost_usd"]
    house.ask("PATCH", f"/admin/keys/{made['scraps']['id']}", {"credits_usd": f"{cost * 1.005:.9f}"})
    page = opened("balance", key=house.admin)
    table = page.get_by_role("region", name="Balances")
    for name, said in (("whole", "100%"), ("begun", "99%"), ("scraps", "< 1%")):
        row = table.get_by_role("row").filter(has_text=made[name]["name"])
        row.locator("[data-label=Left]").get_by_text(said, exact=True).wait_for()
    assert table.get_by_role("columnheader", name="Left").get_attribute("aria-sort") == "ascending"
    table.get_by_role("columnheader", name="Today (UTC)").wait_for()


@pytest.mark.usefixtures("usual_marks")
def test_running_low_is_what_marks_say(opened: Opened, house: House) -> None:
    """What runs low has passed the first of its own marks, or the gateway's."""
    names = {marks: f"marked {uuid4().hex[:6]}" for marks in ((40,), None, ())}
    for marks, name in names.items():
        body = {"name": name, "token_quota": 140, **({} if marks is None else {"alert_marks": list(marks)})}
        made = house.ask("POST", "/admin/keys", body)
        for _ in range(2):
            assert house.complete("gpt-4o-mini", "Count", key=made["key"], max_tokens=30).status_code == 200
        used = house.ask("GET", f"/admin/keys/{made['id']}")["usage"]["total_tokens"]
        assert 40 <= used * 100 / 140 < 80
    page = opened("balance", key=house.admin)
    page.get_by_label("Only what runs low").check()
    rows = page.get_by_role("region", name="Balances").get_by_role("row")
    rows.filter(has_text=names[(40,)]).wait_for()
    assert rows.filter(has_text=names[None]).count() == 0
    house.ask("PUT", "/admin/limits/alerts", {"alert_marks": [30, 100]})
    page.get_by_role("button", name="Refresh keys").click()
    rows.filter(has_text=names[None]).wait_for()
    page.get_by_text("at 30% of a limit", exact=False).wait_for()
    assert rows.filter(has_text=names[()]).count() == 0


SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => {
  if (!each.hadRecentInput) window.shifted += each.value;
})).observe({ type: "layout-shift", buffered: true });"""


LATE = [{"keys": 1_200, "config": 600}, {"limits": 300, "config": 100}]


@pytest.mark.parametrize("late", LATE)
def test_nothing_jumps_while_the_balance_is_read(late: dict[str, int], opened: Opened, house: House) -> None:
    """However late and in whatever order the answers come, what is shown stays where it is."""
    page = opened(key=house.admin)
    page.evaluate(
        """(late) => { const fetched = window.fetch, times = {}; window.fetch = async (url, options) => {
          const name = String(url).match(/admin\\/(\\w+)/)?.[1];
          times[name] = (times[name] ?? 0) + 1;
          await new Promise((go) => setTimeout(go, (late[name] ?? 0) * times[name]));
          return fetched(url, options);
        }; }""",
        late,
    )
    page.evaluate(SHIFTS)
    page.evaluate("location.hash = '#/balance'")
    page.get_by_role("region", name="Alerts").or_(
        page.get_by_text("No limit has been reached")
    ).first.wait_for()
    page.get_by_role("region", name="Balances").wait_for()
    page.evaluate(
        "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(go, 99))))"
    )
    assert page.evaluate("window.shifted") < 0.02
