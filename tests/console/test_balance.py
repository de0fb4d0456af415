"""The balance page: remaining limits, top-ups, limits of owners and the gateway, alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.console.conftest import Gateway, shoot

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]


@dataclass(frozen=True, slots=True)
class LowKey:
    """A key that has used most of its quota."""

    id: str
    token: str = field(repr=False)


def create_low_key(gateway: Gateway, name: str) -> LowKey:
    """Create a key and use most of its quota."""
    created = gateway.call_admin(
        "POST", "/admin/keys", {"name": name, "token_quota": 140, "owner": "the workshop"}
    )
    for most in (30, 30, 30, 20):  # larger requests would exceed the quota
        assert (
            gateway.complete("gpt-4o-mini", "Count", key=created["key"], max_tokens=most).status_code == 200
        )
    return LowKey(created["id"], created["key"])


def test_a_low_key_is_topped_up(open_page: OpenPage, gateway: Gateway) -> None:
    """A low key is listed and alerted; added credits appear at once."""
    name = f"low {uuid4().hex[:6]}"
    key = create_low_key(gateway, name).id
    page = open_page("balance", key=gateway.admin)
    page.get_by_label("Running low only").check()
    row = page.get_by_role("region", name="Balances").get_by_role("row").filter(has_text=name)
    row.get_by_text("of 140").wait_for()
    alert = page.get_by_role("region", name="Alerts").get_by_role("row").filter(has_text=name)
    alert.get_by_text("80%").wait_for()
    alert.get_by_text("token quota").first.wait_for()
    page.get_by_text("VAULTEDGE_ALERT_WEBHOOK").wait_for()

    row.get_by_role("button", name=f"Top up {name}").click()
    page.get_by_text("This key has no credit limit.", exact=False).wait_for()
    page.get_by_label("Amount (US$)").fill("3")
    page.get_by_label("Reason").fill("invoice 7")
    page.get_by_role("button", name="Add credits").click()
    row.get_by_text("of $3.00").wait_for()
    assert gateway.call_admin("GET", f"/admin/keys/{key}")["credits_usd"] == 3
    (entry,) = gateway.call_admin("GET", f"/admin/audit?subject={key}&action=keys.credit")["data"]
    assert entry["reason"] == "invoice 7"


def test_owner_limits_are_set_and_removed(open_page: OpenPage, gateway: Gateway) -> None:
    """Limits of an owner are set, changed without losing others, and removed."""
    owner = f"team {uuid4().hex[:6]}/a"
    page = open_page("balance", key=gateway.admin)
    page.get_by_role("button", name="Add owner limits").click()
    page.get_by_label("Owner", exact=True).fill(owner)
    page.get_by_label("Budget per day").fill("5")
    page.get_by_label("Requests per minute").fill("120")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("$0.00 of $5.00").wait_for()

    page.get_by_role("button", name=f"Edit limits of {owner}").click()
    page.get_by_label("Budget per month").fill("50.5")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("$0.00 of $50.50").wait_for()
    limits = gateway.call_admin("GET", "/admin/limits")["owners"][owner]
    assert [limits[name] for name in ("budget_day_usd", "budget_month_usd", "rate_limit_rpm")] == [
        5,
        50.5,
        120,
    ]

    page.get_by_role("button", name=f"Remove limits of {owner}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("heading", name=owner).wait_for(state="detached")
    assert owner not in gateway.call_admin("GET", "/admin/limits")["owners"]


@pytest.fixture
def default_thresholds(gateway: Gateway) -> Iterator[None]:
    """Restore the default thresholds after the test; the gateway is shared."""
    yield
    gateway.call_admin("PUT", "/admin/limits/alerts", {"alert_marks": [80, 100]})


@pytest.mark.usefixtures("default_thresholds")
def test_alert_thresholds_are_set(open_page: OpenPage, gateway: Gateway) -> None:
    """Thresholds are entered in any order; invalid input is rejected; a conflict is reported."""
    page = open_page("balance", key=gateway.admin)
    page.get_by_text("has used 80% and 100% of", exact=False).wait_for()
    page.get_by_role("button", name="Edit thresholds").click()
    dialog, field = page.get_by_role("dialog"), page.get_by_label("Thresholds (% of a limit)")
    for wrong in ("0, 80", "101", "eighty", "80.5", "1 2 3 4 5 6"):
        field.fill(wrong)
        field.press("Enter")
        dialog.get_by_role("alert").get_by_text("Enter up to 5 integers").wait_for()
    gateway.call_admin("PUT", "/admin/limits/alerts", {"alert_marks": [90]})
    field.fill("100 %, 50; 80, 50")
    field.press("Enter")
    dialog.get_by_text("changed the thresholds to 90%", exact=False).wait_for()
    shoot(page, "balance-thresholds-conflict")
    page.faults.clear()  # type: ignore[attr-defined]  # the browser logs the conflict
    assert field.input_value() == "100 %, 50; 80, 50"
    assert gateway.call_admin("GET", "/admin/limits")["alert_marks"] == [90]

    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="detached")
    page.get_by_text("has used 50%, 80% and 100% of", exact=False).wait_for()
    assert gateway.call_admin("GET", "/admin/limits")["alert_marks"] == [50, 80, 100]

    page.get_by_role("button", name="Edit thresholds").click()
    field.fill("")
    field.press("Enter")
    page.get_by_text("Alerts are disabled: no thresholds are set", exact=False).wait_for()
    assert gateway.call_admin("GET", "/admin/limits")["alert_marks"] == []


def test_a_used_up_key_is_marked(open_page: OpenPage, gateway: Gateway) -> None:
    """A key that is rejected for too few remaining tokens has one alert with its remaining amount."""
    name = f"spent {uuid4().hex[:6]}"
    key = create_low_key(gateway, name)
    for _ in range(3):
        assert gateway.complete("gpt-4o-mini", "Count", key=key.token, max_tokens=100).status_code == 429
    page = open_page("balance", key=gateway.admin)
    row = (
        page.get_by_role("region", name="Alerts")
        .get_by_role("row")
        .filter(has_text=name)
        .filter(has_text="rejected")
    )
    row.get_by_text("of 140 left").wait_for()
    assert row.count() == 1

    balance = page.get_by_role("region", name="Balances").get_by_role("row").filter(has_text=name)
    balance.get_by_text("limit reached", exact=True).wait_for()
    page.goto(f"{gateway.console}#/keys")
    rows = page.get_by_role("region", name="API keys").get_by_role("row").filter(has_text=name)
    rows.get_by_text("limit reached", exact=True).wait_for()
    gateway.call_admin("PATCH", f"/admin/keys/{key.id}", {"token_quota": 1_000})
    page.get_by_role("button", name="Refresh").click()
    rows.get_by_text("of 1,000 tokens").wait_for()
    assert rows.get_by_text("limit reached", exact=True).count() == 0


def test_remaining_share_is_not_rounded_up(open_page: OpenPage, gateway: Gateway) -> None:
    """A slightly used key shows less than 100%, and a nearly used-up key more than 0%."""
    created = {}
    for name in ("whole", "begun", "scraps"):
        created[name] = gateway.call_admin(
            "POST", "/admin/keys", {"name": f"{name} {uuid4().hex[:6]}", "credits_usd": 20}
        )
        if name != "whole":
            answer = gateway.complete("gpt-4o-mini", key=created[name]["key"], max_tokens=10)
            assert answer.status_code == 200
    cost = gateway.call_admin("GET", f"/admin/keys/{created['scraps']['id']}")["usage"]["cost_usd"]
    gateway.call_admin(
        "PATCH", f"/admin/keys/{created['scraps']['id']}", {"credits_usd": f"{cost * 1.005:.9f}"}
    )
    page = open_page("balance", key=gateway.admin)
    table = page.get_by_role("region", name="Balances")
    for name, expected in (("whole", "100%"), ("begun", "99%"), ("scraps", "< 1%")):
        row = table.get_by_role("row").filter(has_text=created[name]["name"])
        row.locator("[data-label=Left]").get_by_text(expected, exact=True).wait_for()
    assert table.get_by_role("columnheader", name="Left").get_attribute("aria-sort") == "ascending"
    table.get_by_role("columnheader", name="Today (UTC)").wait_for()


@pytest.mark.usefixtures("default_thresholds")
def test_running_low_follows_thresholds(open_page: OpenPage, gateway: Gateway) -> None:
    """A key runs low above its own first threshold, or the gateway's."""
    names = {marks: f"marked {uuid4().hex[:6]}" for marks in ((40,), None, ())}
    for marks, name in names.items():
        body = {"name": name, "token_quota": 140, **({} if marks is None else {"alert_marks": list(marks)})}
        created = gateway.call_admin("POST", "/admin/keys", body)
        for _ in range(2):
            assert (
                gateway.complete("gpt-4o-mini", "Count", key=created["key"], max_tokens=30).status_code == 200
            )
        used = gateway.call_admin("GET", f"/admin/keys/{created['id']}")["usage"]["total_tokens"]
        assert 40 <= used * 100 / 140 < 80
    page = open_page("balance", key=gateway.admin)
    page.get_by_label("Running low only").check()
    rows = page.get_by_role("region", name="Balances").get_by_role("row")
    rows.filter(has_text=names[(40,)]).wait_for()
    assert rows.filter(has_text=names[None]).count() == 0
    gateway.call_admin("PUT", "/admin/limits/alerts", {"alert_marks": [30, 100]})
    page.get_by_role("button", name="Refresh keys").click()
    rows.filter(has_text=names[None]).wait_for()
    page.get_by_text("above 30% of a limit", exact=False).wait_for()
    assert rows.filter(has_text=names[()]).count() == 0


SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => {
  if (!each.hadRecentInput) window.shifted += each.value;
})).observe({ type: "layout-shift", buffered: true });"""


LATE = [{"keys": 1_200, "config": 600}, {"limits": 300, "config": 100}]


@pytest.mark.parametrize("late", LATE)
def test_the_balance_loads_without_layout_shifts(
    late: dict[str, int], open_page: OpenPage, gateway: Gateway
) -> None:
    """Responses in any order cause no layout shift."""
    page = open_page(key=gateway.admin)
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
        page.get_by_text("No alerts in the last 30 days")
    ).first.wait_for()
    page.get_by_role("region", name="Balances").wait_for()
    page.evaluate(
        "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(go, 99))))"
    )
    assert page.evaluate("window.shifted") < 0.02
