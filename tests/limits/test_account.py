"""Arithmetic of an account without a store: rates over time, budgets, remaining amounts."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import NOON
from vaultcore.limits.account import (
    Account,
    Charge,
    Denial,
    Lease,
    day_of,
    remaining,
    reserve,
    roll_forward,
    settle,
)
from vaultcore.limits.limits import Limits

FOR_EVER = NOON * 2
LATER = NOON + 40 * 86_400
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # test machines may be busy


def admit(account: Account, limits: Limits, name: str, at: float, **amounts: int) -> Account | Denial:
    return reserve(account, limits, name, Lease(at, FOR_EVER, **amounts))


def burst(account: Account, limits: Limits, at: float, tries: int, **amounts: int) -> tuple[Account, int]:
    """Return the account after `tries` requests at one moment, and how many were admitted."""
    count = 0
    for n in range(tries):
        after = admit(account, limits, f"{at} {n}", at, **amounts)
        if isinstance(after, Account):
            account, count = after, count + 1
    return account, count


counts = st.integers(0, 2_000)
moments = st.floats(NOON, LATER, allow_nan=False)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, float]:
    """An account after some requests at ascending times, and the time of the last request."""
    account, at = Account(), draw(moments)
    for n in range(draw(st.integers(1, 12))):
        at += draw(st.sampled_from([0.0, 0.001, 1 / 3, 7.7, 29.5, 59.999, 60.0, 61.3, 3_600.0, 86_400.0]))
        tokens, nanos = draw(counts), draw(counts)
        after = admit(account, Limits(), f"{n}", at, minute=tokens, tokens=tokens, nanos=nanos)
        assert isinstance(after, Account)
        account = after
        if draw(st.booleans()):
            account = settle(account, f"{n}", account.leases[f"{n}"], Charge(draw(counts), 0, draw(counts)))
    return account, at


@settings(BUSY, max_examples=400)
@given(
    accounts(),
    st.sampled_from(["rpm", "tpm", "day", "month"]),
    st.integers(0, 20_000),
    counts,
    st.floats(0, 130),
)
def test_a_request_is_admitted_after_retry_after(
    start: tuple[Account, float], name: str, most: int, amount: int, pause: float
) -> None:
    """After `retry_after` seconds the limit admits the request, and one millisecond earlier it does not."""
    account, at = start
    at += pause
    limits = replace(Limits(), **{name: most % 16 if name == "rpm" else most})
    lease = Lease(at, FOR_EVER, minute=amount, nanos=amount)
    denial = reserve(account, limits, "next", lease)
    if isinstance(denial, Account):
        return
    assert denial.limit == name
    if denial.retry_after is None:
        assert amount > most or most % 16 == 0
        return

    def again(after: float) -> Account | Denial:
        return reserve(account, limits, "next", replace(lease, at=at + after))

    assert denial.retry_after > 0
    assert isinstance(again(denial.retry_after), Account)
    if denial.retry_after > 0.001:
        assert isinstance(again(denial.retry_after - 0.001), Denial)


@pytest.mark.parametrize("kind", ["rpm", "tpm"])
def test_bursts_at_the_edges_of_windows(kind: str) -> None:
    """After 60 requests at noon, each burst gets what the sliding window has released."""
    limits, amounts = (Limits(rpm=60), {}) if kind == "rpm" else (Limits(tpm=60_000), {"minute": 1_000})
    account, counts = Account(), []

    for at in (0, 30, 60, 75, 90, 119, 300):
        account, count = burst(account, limits, NOON + at, 160, **amounts)
        counts.append(count)

    assert counts == [60, 0, 0, 15, 15, 29, 60]


@settings(BUSY, max_examples=60)
@given(st.integers(1, 40), st.lists(st.tuples(st.floats(0, 45), st.integers(1, 50)), max_size=14))
def test_no_burst_passes_twice(limit: int, bursts: list[tuple[float, int]]) -> None:
    """Each burst gets exactly the limit minus the weighted count of the previous window."""
    account, at, granted = Account(), NOON, []

    for pause, tries in bursts:
        at += pause
        account, count = burst(account, Limits(rpm=limit), at, tries)
        window = at // 60
        share = 1 - Fraction(int(at * 1_000_000) % 60_000_000, 60_000_000)
        here = sum(each // 60 == window for each in granted)
        before = sum(each // 60 == window - 1 for each in granted)
        capacity = limit - here - before * share  # fractions of a request are lost
        assert count == min(tries, max(0, capacity // 1))
        granted += [at] * count


def test_few_requests_pass_after_a_full_window() -> None:
    """After a full burst, x sixtieths of a burst pass in the first x seconds of the next window."""
    for before in (0.001, 1.0, 30.0, 60.0):
        account, _ = burst(Account(), Limits(rpm=60), NOON + 60 - before, 100)
        total = 0
        for second in range(60):
            account, count = burst(account, Limits(rpm=60), NOON + 60 + second, 100)
            total += count
            assert total == second


def test_an_account_does_not_move_back_in_time() -> None:
    """A request with an older clock counts in the current window and is limited by it."""
    account, _ = burst(Account(), Limits(rpm=10), NOON + 61, 6)
    account, late = burst(account, Limits(rpm=10), NOON + 58, 9)

    assert (late, account.requests, account.requests_before) == (4, 10, 0)
    assert account.window == (NOON + 61) // 60
    assert {lease.at for lease in account.leases.values()} == {NOON + 61, NOON + 60}
    assert {lease.until - lease.at for lease in account.leases.values()} == {
        FOR_EVER - NOON - 61,
        FOR_EVER - NOON - 58,
    }


def test_idle_windows_are_reset() -> None:
    """After a whole minute without requests, the previous window counts nothing."""
    account, _ = burst(Account(), Limits(), NOON + 59, 5, minute=3)

    follows, idle = roll_forward(account, NOON + 60), roll_forward(account, NOON + 120)

    assert (follows.requests, follows.requests_before, follows.minute, follows.minute_before) == (0, 5, 0, 15)
    assert (idle.requests, idle.requests_before, idle.minute, idle.minute_before) == (0, 0, 0, 0)


def test_tokens_are_corrected_in_their_window() -> None:
    """A settlement corrects the window of the admission: the current one, the previous one or none."""
    account, _ = burst(Account(), Limits(), NOON, 1, minute=100)
    (name,) = account.leases
    lease = account.leases[name]

    for later, expected in ((0, (30, 0)), (60, (0, 30)), (120, (0, 0))):
        done = settle(roll_forward(account, NOON + later), name, lease, Charge(10, 20))
        assert (done.minute, done.minute_before) == expected


def test_days_and_months_are_reset() -> None:
    """Money counts and is held in the day and month of the admission."""
    evening = 1_796_083_199.0  # 2026-11-30T23:59:59Z
    limits = Limits(day=10, month=10)
    account = admit(Account(), limits, "a", evening, nanos=10)
    assert isinstance(account, Account)
    assert admit(account, limits, "b", evening, nanos=1) == Denial("day", 1.0)

    account = admit(account, limits, "b", evening + 1, nanos=7)
    assert isinstance(account, Account)
    assert (account.day, account.month) == ("2026-12-01", "2026-12")
    for name in ("a", "b"):
        account = settle(account, name, account.leases[name], Charge(nanos=6))
        assert (account.day_nanos, account.month_nanos) == ((0, 0) if name == "a" else (6, 6))
        assert (account.day_held, account.month_held) == ((7, 7) if name == "a" else (6, 6))
    assert (account.nanos, account.nanos_held) == (12, 12)


def test_a_new_day_does_not_reset_the_month() -> None:
    """A new day does not reset the budget of the month."""
    limits = Limits(day=10, month=15)
    account = Account()
    for at, nanos in ((NOON, 10), (NOON + 86_400, 5)):
        after = admit(account, limits, f"{at}", at, nanos=nanos)
        assert isinstance(after, Account)
        account = after

    assert admit(account, limits, "c", NOON + 86_400, nanos=1) == Denial("month", 7.5 * 86_400)


@pytest.mark.parametrize(
    ("full", "denial"),
    [
        ({"rpm": 0, "tpm": 0, "parallel": 0, "tokens": 0, "credits": 0, "day": 0, "month": 0}, "rpm"),
        ({"tpm": 0, "parallel": 0, "tokens": 0, "credits": 0, "day": 0, "month": 0}, "tpm"),
        ({"parallel": 0, "tokens": 0, "credits": 0, "day": 0, "month": 0}, "parallel"),
        ({"tokens": 0, "credits": 0, "day": 0, "month": 0}, "tokens"),
        ({"credits": 0, "day": 0, "month": 0}, "credits"),
        ({"day": 0, "month": 0}, "day"),
        ({"month": 0}, "month"),
    ],
)
def test_the_first_exceeded_limit_is_returned(full: dict[str, int], denial: str) -> None:
    """If several limits refuse a request, the denial names the one that resets first."""
    result = admit(Account(), Limits(**full), "a", NOON, minute=1, tokens=1, nanos=1)

    assert isinstance(result, Denial)
    assert result.limit == denial


def test_unenforced_limits_still_count() -> None:
    """A reservation that is not enforced is counted."""
    after = reserve(Account(), Limits(rpm=0), "a", Lease(NOON, FOR_EVER, 5), enforced=False)

    assert isinstance(after, Account)
    assert (after.requests, after.tokens_held) == (1, 5)


@settings(BUSY, max_examples=60)
@given(accounts(), st.integers(1, 30), st.integers(1, 5_000), st.floats(0, 200))
def test_remaining_is_exact(start: tuple[Account, float], rpm: int, tpm: int, pause: float) -> None:
    """Exactly `remaining` requests and tokens pass now, and the whole limit after the reset time."""
    account, at = start
    at += pause
    rates = remaining(account, Limits(rpm=rpm, tpm=tpm), at)

    assert [rates[name][0] for name in ("rpm", "tpm")] == [rpm, tpm]
    assert burst(account, Limits(rpm=rpm), at, rpm + 1)[1] == rates["rpm"][1]
    assert burst(account, Limits(rpm=rpm), at + rates["rpm"][2], rpm + 1)[1] == rpm
    assert remaining(account, Limits(rpm=rpm, tpm=tpm), at + rates["tpm"][2])["tpm"] == (tpm, tpm, 0.0)
    limits, tokens = Limits(tpm=tpm), rates["tpm"][1]
    assert isinstance(admit(account, limits, "all", at, minute=tokens), Account) or not tokens
    assert isinstance(admit(account, limits, "more", at, minute=tokens + 1), Denial)
    assert isinstance(admit(account, limits, "all", at + rates["tpm"][2], minute=tpm), Account)


def test_remaining_contains_limited_rates_only() -> None:
    """`remaining` contains only the rates that have a limit."""
    assert remaining(Account(), Limits(tokens=1), NOON) == {}
    assert remaining(Account(), Limits(rpm=3), NOON) == {"rpm": (3, 3, 0.0)}


@settings(BUSY)
@given(accounts())
def test_pack_and_unpack(start: tuple[Account, float]) -> None:
    """An account survives a round trip through JSON."""
    account, _ = start

    assert Account.unpack(json.loads(json.dumps(account.pack()))) == account


@pytest.mark.parametrize(
    ("at", "day"), [(0.0, "1970-01-01"), (NOON, "2026-11-22"), (1_796_083_199.999, "2026-11-30")]
)
def test_days_are_in_utc(at: float, day: str) -> None:
    """A day is the calendar day in UTC, whatever the time zone of the machine."""
    assert day_of(at) == day
