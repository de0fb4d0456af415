"""Arithmetic of an account without a store: rates over time, budgets, remaining amounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import NOON
from vaultcore.limits.account import (
    Account,
    Charge,
    Denial,
    Lease,
    align,
    day_of,
    remaining,
    reserve,
    roll_forward,
    settle,
)
from vaultcore.limits.limits import Limits

LATER = NOON + 40 * 86_400
LONG = 90 * 86_400.0
UNLIMITED = Limits(rpm=10**9, tpm=10**12)  # counts are recorded for limited rates only
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # test machines may be busy


def lease_at(at: float, **amounts: int) -> Lease:
    return Lease(at, at + LONG, **amounts)


def admit(account: Account, limits: Limits, at: float, **amounts: int) -> Account | Denial:
    return reserve(account, limits, align(lease_at(at, **amounts), account))


def burst(account: Account, limits: Limits, at: float, tries: int, **amounts: int) -> tuple[Account, int]:
    """Return the account after `tries` requests at one moment, and how many were admitted."""
    count = 0
    for _ in range(tries):
        after = admit(account, limits, at, **amounts)
        if isinstance(after, Account):
            account, count = after, count + 1
    return account, count


counts = st.integers(0, 2_000)
moments = st.floats(NOON, LATER, allow_nan=False)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, float]:
    """An account after some requests at ascending times, and the time of the last request."""
    account, at = Account(), draw(moments)
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.sampled_from([0.0, 0.001, 1 / 3, 7.7, 29.5, 59.999, 60.0, 61.3, 3_600.0, 86_400.0]))
        tokens, nanos = draw(counts), draw(counts)
        lease = align(lease_at(at, minute=tokens, tokens=tokens, nanos=nanos), account)
        after = reserve(account, UNLIMITED, lease)
        assert isinstance(after, Account)
        account = after
        if draw(st.booleans()):
            account = settle(account, lease, Charge(draw(counts), 0, draw(counts)))
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
    """After `retry_after` seconds the limit admits the request, and a moment earlier it does not."""
    account, at = start
    at += pause
    limits = replace(Limits(), **{name: most % 16 if name == "rpm" else most})
    denial = admit(account, limits, at, minute=amount, nanos=amount)
    if isinstance(denial, Account):
        return
    assert denial.limit == name
    if denial.retry_after is None:
        assert amount > most or most % 16 == 0
        return

    def again(after: float) -> Account | Denial:
        return admit(account, limits, at + after, minute=amount, nanos=amount)

    assert denial.retry_after > 0
    assert isinstance(again(denial.retry_after), Account)
    if denial.retry_after > 0.001:
        assert isinstance(again(denial.retry_after - 0.001), Denial)


@pytest.mark.parametrize("kind", ["rpm", "tpm"])
def test_a_burst_does_not_pass_twice(kind: str) -> None:
    """After 60 requests at noon, nothing passes until all of them are 60 seconds old."""
    limits, amounts = (Limits(rpm=60), {}) if kind == "rpm" else (Limits(tpm=60_000), {"minute": 1_000})
    account, counts = Account(), []

    for at in (0, 30, 59.99, 61, 75, 300):
        account, count = burst(account, limits, NOON + at, 160, **amounts)
        counts.append(count)

    assert counts == [60, 0, 0, 60, 0, 60]


@settings(BUSY, max_examples=100)
@given(
    st.sampled_from([1, 2, 5, 30, 60, 61, 100, 300]),
    st.lists(st.tuples(st.floats(0, 45), st.integers(1, 50)), max_size=40),
)
def test_at_most_the_limit_in_any_minute(limit: int, bursts: list[tuple[float, int]]) -> None:
    """In every half-open interval of 60 seconds, no more than the limit is admitted."""
    account, at, granted = Account(), NOON, list[float]()

    for pause, tries in bursts:
        at += pause
        account, count = burst(account, Limits(rpm=limit), at, tries)
        granted += [at] * count

    for start in granted:
        assert sum(start <= each < start + 60 for each in granted) <= limit


@settings(BUSY, max_examples=60)
@given(st.integers(1, 60), st.floats(NOON, LATER), st.lists(st.floats(0.05, 0.3), min_size=150, max_size=150))
def test_a_client_at_its_rate_is_never_refused(limit: int, at: float, delays: list[float]) -> None:
    """Up to 60 a minute, requests that are 60/limit seconds and 50 ms apart are all admitted."""
    account = Account()

    for delay in delays:
        at += 60 / limit + delay
        after = admit(account, Limits(rpm=limit), at)
        assert isinstance(after, Account)
        account = after


@pytest.mark.parametrize("limit", [61, 90, 300, 1_000])
def test_a_high_rate_delivers_98_per_cent(limit: int) -> None:
    """Above 60 a minute, a client that always tries gets at least 98 per cent of its rate."""
    account, granted, minutes = Account(), 0, 20

    for step in range(minutes * 600):
        account, count = burst(account, Limits(rpm=limit), NOON + step / 10, 3)
        granted += count

    assert 0.98 * minutes * limit <= granted <= (minutes + 1) * limit


def test_a_slightly_older_clock_counts_at_the_accounts_time() -> None:
    """A request whose clock is behind counts at the account's time and in its day, and is limited there."""
    account, _ = burst(Account(), Limits(rpm=10), NOON, 1)
    account, _ = burst(account, Limits(rpm=10), NOON + 61, 6)
    account, late = burst(account, Limits(rpm=10), NOON + 60, 9)

    assert (late, account.requests) == (4, 10)
    assert align(lease_at(NOON + 60), account) == Lease(NOON + 61, NOON + 61 + LONG, date=day_of(NOON))


@pytest.mark.parametrize("step", [4.0, 1_200.0, 86_400.0, 30 * 86_400.0])
def test_a_clock_that_was_ahead_refuses_nothing_later(step: float) -> None:
    """Counts that no correct clock can have written are dropped; money stays counted."""
    limits = Limits(rpm=2, tpm=100, day=10)
    account, count = burst(Account(), limits, NOON + step, 3, minute=10, nanos=1)
    assert count == 2

    account, count = burst(account, limits, NOON, 3, nanos=1)

    assert (count, account.day_held) == (2, 4)
    assert account.day in (day_of(NOON), day_of(NOON + 86_400))  # one day ahead may be a clock's difference


def test_tokens_are_corrected_while_they_count() -> None:
    """A settlement corrects the tokens of its admission as long as they count."""
    lease = lease_at(NOON, minute=100)
    account = reserve(Account(), Limits(tpm=200), lease)
    assert isinstance(account, Account)

    for later, expected in ((0, 30), (59, 30), (61, 0)):
        assert settle(roll_forward(account, NOON + later), lease, Charge(10, 20)).minute == expected


def test_a_reservation_ends_with_its_bucket() -> None:
    """A reservation is released at the end of its bucket, and a later settlement is charged."""
    lease = Lease(NOON + 1, NOON + 961, tokens=10, nanos=7)
    account = reserve(Account(), Limits(tokens=100, day=100), lease)
    assert isinstance(account, Account)

    assert roll_forward(account, NOON + 961).tokens_held == 10
    released = roll_forward(account, NOON + 1_020)
    assert (released.in_flight, released.tokens_held, released.nanos_held, released.day_held) == (0, 0, 0, 0)
    charged = settle(released, lease, Charge(3, 4, 5))
    assert (charged.tokens_held, charged.nanos_held, charged.day_nanos) == (7, 5, 5)


@settings(BUSY)
@given(st.lists(st.tuples(st.floats(0, 2_000), st.floats(1, 4_000), st.booleans()), max_size=60))
def test_an_account_has_constant_size(requests: list[tuple[float, float, bool]]) -> None:
    """Reservations with the gateway's lease share at most 18 buckets, whatever is in flight."""
    account, at = Account(), NOON
    for pause, _, is_settled in requests:
        at += pause / 20
        lease = Lease(at, at + 960, tokens=1)
        after = reserve(account, Limits(), lease)
        assert isinstance(after, Account)
        account = settle(after, lease, Charge(1)) if is_settled else after

    assert len(account.buckets) <= 18


def test_days_and_months_are_reset() -> None:
    """Money counts and is held in the day and month of the admission."""
    evening = 1_796_083_199.0  # 2026-11-30T23:59:59Z
    limits = Limits(day=10, month=10)
    leases = [lease_at(evening, nanos=10), lease_at(evening + 1, nanos=7)]
    account = reserve(Account(), limits, leases[0])
    assert isinstance(account, Account)
    assert admit(account, limits, evening, nanos=1) == Denial("day", 1.0)

    account = reserve(account, limits, leases[1])
    assert isinstance(account, Account)
    assert (account.day, account.month) == ("2026-12-01", "2026-12")
    for n, lease in enumerate(leases):
        account = settle(account, lease, Charge(nanos=6))
        assert (account.day_nanos, account.month_nanos) == ((0, 0) if n == 0 else (6, 6))
        assert (account.day_held, account.month_held) == ((7, 7) if n == 0 else (6, 6))
    assert (account.nanos, account.nanos_held) == (12, 12)


def test_a_new_day_does_not_reset_the_month() -> None:
    """A new day does not reset the budget of the month."""
    limits = Limits(day=10, month=15)
    account = Account()
    for at, nanos in ((NOON, 10), (NOON + 86_400, 5)):
        after = admit(account, limits, at, nanos=nanos)
        assert isinstance(after, Account)
        account = after

    assert admit(account, limits, NOON + 86_400, nanos=1) == Denial("month", 7.5 * 86_400)


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
    result = admit(Account(), Limits(**full), NOON, minute=1, tokens=1, nanos=1)

    assert isinstance(result, Denial)
    assert result.limit == denial


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
    assert isinstance(admit(account, limits, at, minute=tokens), Account) or not tokens
    assert isinstance(admit(account, limits, at, minute=tokens + 1), Denial)
    assert isinstance(admit(account, limits, at + rates["tpm"][2], minute=tpm), Account)


def test_remaining_contains_limited_rates_only() -> None:
    """`remaining` contains only the rates that have a limit."""
    assert remaining(Account(), Limits(tokens=1), NOON) == {}
    assert remaining(Account(), Limits(rpm=3), NOON) == {"rpm": (3, 3, 0.0)}


@pytest.mark.parametrize(
    ("at", "day"), [(0.0, "1970-01-01"), (NOON, "2026-11-22"), (1_796_083_199.999, "2026-11-30")]
)
def test_days_are_in_utc(at: float, day: str) -> None:
    """A day is the calendar day in UTC, whatever the time zone of the machine."""
    assert day_of(at) == day
