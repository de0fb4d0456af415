"""The arithmetic of one account where no store is needed to see it: rates over time, what is told of it."""

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
    Denial,
    Lease,
    Spent,
    day_of,
    remaining,
    reserve,
    rolled,
    settle,
)
from vaultcore.limits.limits import Limits

FOR_EVER = NOON * 2
LATER = NOON + 40 * 86_400
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever else a machine does


def admitted(account: Account, limits: Limits, name: str, at: float, **asked: int) -> Account | Denial:
    return reserve(account, limits, name, Lease(at, FOR_EVER, **asked))


def passed(account: Account, limits: Limits, at: float, tries: int, **asked: int) -> tuple[Account, int]:
    """The account after so many tries at one moment, and how many of them passed."""
    count = 0
    for n in range(tries):
        after = admitted(account, limits, f"{at} {n}", at, **asked)
        if isinstance(after, Account):
            account, count = after, count + 1
    return account, count


counts = st.integers(0, 2_000)
moments = st.floats(NOON, LATER, allow_nan=False)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, float]:
    """An account that has seen some requests, at rising times, and the time of the last of them."""
    account, at = Account(), draw(moments)
    for n in range(draw(st.integers(1, 12))):
        at += draw(st.sampled_from([0.0, 0.001, 1 / 3, 7.7, 29.5, 59.999, 60.0, 61.3, 3_600.0, 86_400.0]))
        tokens, nanos = draw(counts), draw(counts)
        after = admitted(account, Limits(), f"{n}", at, minute=tokens, tokens=tokens, nanos=nanos)
        assert isinstance(after, Account)
        account = after
        if draw(st.booleans()):
            account = settle(account, f"{n}", account.leases[f"{n}"], Spent(draw(counts), 0, draw(counts)))
    return account, at


@settings(BUSY, max_examples=400)
@given(
    accounts(),
    st.sampled_from(["rpm", "tpm", "day", "month"]),
    st.integers(0, 20_000),
    counts,
    st.floats(0, 130),
)
def test_whoever_returns_when_told_is_let_in(
    seen: tuple[Account, float], name: str, most: int, asked: int, pause: float
) -> None:
    """After the seconds told a limit is in nobody's way, and a millisecond earlier it still is."""
    account, at = seen
    at += pause
    limits = replace(Limits(), **{name: most % 16 if name == "rpm" else most})
    lease = Lease(at, FOR_EVER, minute=asked, nanos=asked)
    denial = reserve(account, limits, "next", lease)
    if isinstance(denial, Account):
        return
    assert denial.limit == name
    if denial.retry_after is None:
        assert asked > most or most % 16 == 0
        return

    def again(after: float) -> Account | Denial:
        return reserve(account, limits, "next", replace(lease, at=at + after))

    assert denial.retry_after > 0
    assert isinstance(again(denial.retry_after), Account)
    if denial.retry_after > 0.001:
        assert isinstance(again(denial.retry_after - 0.001), Denial)


@pytest.mark.parametrize("kind", ["rpm", "tpm"])
def test_a_burst_at_every_moment(kind: str) -> None:
    """Sixty at once at noon: none at the edge, and afterwards as many as the last minute has let go of."""
    limits, asked = (Limits(rpm=60), {}) if kind == "rpm" else (Limits(tpm=60_000), {"minute": 1_000})
    account, seen = Account(), []

    for at in (0, 30, 60, 75, 90, 119, 300):
        account, count = passed(account, limits, NOON + at, 160, **asked)
        seen.append(count)

    assert seen == [60, 0, 0, 15, 15, 29, 60]


@settings(BUSY, max_examples=60)
@given(st.integers(1, 40), st.lists(st.tuples(st.floats(0, 45), st.integers(1, 50)), max_size=14))
def test_no_burst_passes_twice(limit: int, bursts: list[tuple[float, int]]) -> None:
    """However bursts move, each gets exactly what the minute before it, spread evenly, leaves it."""
    account, at, granted = Account(), NOON, []

    for pause, tries in bursts:
        at += pause
        account, count = passed(account, Limits(rpm=limit), at, tries)
        window = at // 60
        share = 1 - Fraction(int(at * 1_000_000) % 60_000_000, 60_000_000)
        here = sum(each // 60 == window for each in granted)
        before = sum(each // 60 == window - 1 for each in granted)
        room = limit - here - before * share  # none of it is more than a part of one request
        assert count == min(tries, max(0, room // 1))
        granted += [at] * count


def test_right_after_an_edge_next_to_nothing_passes() -> None:
    """A full burst before an edge lets x sixtieths of a burst pass in the x seconds after it, and no more."""
    for before in (0.001, 1.0, 30.0, 60.0):
        account, _ = passed(Account(), Limits(rpm=60), NOON + 60 - before, 100)
        total = 0
        for second in range(60):
            account, count = passed(account, Limits(rpm=60), NOON + 60 + second, 100)
            total += count
            assert total == second


def test_an_account_does_not_go_back() -> None:
    """Who comes with an older clock counts in the present window, and gets no more than there is room for."""
    account, _ = passed(Account(), Limits(rpm=10), NOON + 61, 6)
    account, late = passed(account, Limits(rpm=10), NOON + 58, 9)

    assert (late, account.requests, account.requests_before) == (4, 10, 0)
    assert account.window == (NOON + 61) // 60
    assert {lease.at for lease in account.leases.values()} == {NOON + 61, NOON + 60}
    assert {lease.until - lease.at for lease in account.leases.values()} == {
        FOR_EVER - NOON - 61,
        FOR_EVER - NOON - 58,
    }


def test_idle_windows_are_forgotten() -> None:
    """After a whole minute without a request nothing is left of those before."""
    account, _ = passed(Account(), Limits(), NOON + 59, 5, minute=3)

    follows, idle = rolled(account, NOON + 60), rolled(account, NOON + 120)

    assert (follows.requests, follows.requests_before, follows.minute, follows.minute_before) == (0, 5, 0, 15)
    assert (idle.requests, idle.requests_before, idle.minute, idle.minute_before) == (0, 0, 0, 0)


def test_tokens_are_corrected_where_they_were_counted() -> None:
    """A settlement mends the minute that its request began in: this one, the last one, or none any more."""
    account, _ = passed(Account(), Limits(), NOON, 1, minute=100)
    (name,) = account.leases
    lease = account.leases[name]

    for later, expected in ((0, (30, 0)), (60, (0, 30)), (120, (0, 0))):
        done = settle(rolled(account, NOON + later), name, lease, Spent(10, 20))
        assert (done.minute, done.minute_before) == expected


def test_days_and_months_begin_anew() -> None:
    """Money counts in the day and month that its request began in, and is held there, too."""
    evening = 1_796_083_199.0  # 2026-11-30T23:59:59Z
    limits = Limits(day=10, month=10)
    account = admitted(Account(), limits, "a", evening, nanos=10)
    assert isinstance(account, Account)
    assert admitted(account, limits, "b", evening, nanos=1) == Denial("day", 1.0)

    account = admitted(account, limits, "b", evening + 1, nanos=7)
    assert isinstance(account, Account)
    assert (account.day, account.month) == ("2026-12-01", "2026-12")
    for name in ("a", "b"):
        account = settle(account, name, account.leases[name], Spent(nanos=6))
        assert (account.day_nanos, account.month_nanos) == ((0, 0) if name == "a" else (6, 6))
        assert (account.day_held, account.month_held) == ((7, 7) if name == "a" else (6, 6))
    assert (account.nanos, account.nanos_held) == (12, 12)


def test_a_month_is_longer_than_its_days() -> None:
    """A new day does not bring the month's money back."""
    limits = Limits(day=10, month=15)
    account = Account()
    for at, nanos in ((NOON, 10), (NOON + 86_400, 5)):
        made = admitted(account, limits, f"{at}", at, nanos=nanos)
        assert isinstance(made, Account)
        account = made

    assert admitted(account, limits, "c", NOON + 86_400, nanos=1) == Denial("month", 7.5 * 86_400)


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
def test_the_first_limit_is_told(full: dict[str, int], denial: str) -> None:
    """Of several limits in the way the one is told that is soonest out of it."""
    found = admitted(Account(), Limits(**full), "a", NOON, minute=1, tokens=1, nanos=1)

    assert isinstance(found, Denial)
    assert found.limit == denial


def test_limits_may_be_off() -> None:
    """What is not enforced is counted all the same."""
    made = reserve(Account(), Limits(rpm=0), "a", Lease(NOON, FOR_EVER, 5), enforced=False)

    assert isinstance(made, Account)
    assert (made.requests, made.tokens_held) == (1, 5)


@settings(BUSY, max_examples=60)
@given(accounts(), st.integers(1, 30), st.integers(1, 5_000), st.floats(0, 200))
def test_what_is_told_to_remain_remains(
    seen: tuple[Account, float], rpm: int, tpm: int, pause: float
) -> None:
    """So much passes now and no more, and all of the limit does when it is said to be back."""
    account, at = seen
    at += pause
    told = remaining(account, Limits(rpm=rpm, tpm=tpm), at)

    assert [told[name][0] for name in ("rpm", "tpm")] == [rpm, tpm]
    assert passed(account, Limits(rpm=rpm), at, rpm + 1)[1] == told["rpm"][1]
    assert passed(account, Limits(rpm=rpm), at + told["rpm"][2], rpm + 1)[1] == rpm
    assert remaining(account, Limits(rpm=rpm, tpm=tpm), at + told["tpm"][2])["tpm"] == (tpm, tpm, 0.0)
    limits, tokens = Limits(tpm=tpm), told["tpm"][1]
    assert isinstance(admitted(account, limits, "all", at, minute=tokens), Account) or not tokens
    assert isinstance(admitted(account, limits, "more", at, minute=tokens + 1), Denial)
    assert isinstance(admitted(account, limits, "all", at + told["tpm"][2], minute=tpm), Account)


def test_nothing_is_told_of_what_is_not_limited() -> None:
    """Only rates that are limited are told of."""
    assert remaining(Account(), Limits(tokens=1), NOON) == {}
    assert remaining(Account(), Limits(rpm=3), NOON) == {"rpm": (3, 3, 0.0)}


@settings(BUSY)
@given(accounts())
def test_packed_and_unpacked(seen: tuple[Account, float]) -> None:
    """An account comes back from JSON as it was."""
    account, _ = seen

    assert Account.unpack(json.loads(json.dumps(account.pack()))) == account


@pytest.mark.parametrize(
    ("at", "day"), [(0.0, "1970-01-01"), (NOON, "2026-11-22"), (1_796_083_199.999, "2026-11-30")]
)
def test_days_are_utcs(at: float, day: str) -> None:
    """A day is the calendar's in UTC, whichever zone the machine is in."""
    assert day_of(at) == day
