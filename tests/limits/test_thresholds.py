"""Marks on lasting limits: passed once, by the settlement that reaches them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.limits.account import Account
from vaultcore.limits.limits import MARKS, Limits
from vaultcore.limits.thresholds import Meter, crossings, mark, meters, used_up


@pytest.mark.parametrize(
    ("most", "eighty", "all_of_it"),
    [(0, 1, 1), (1, 1, 1), (2, 2, 2), (5, 4, 5), (6, 5, 6), (1_000, 800, 1_000)],
)
def test_where_the_marks_are(most: int, eighty: int, all_of_it: int) -> None:
    """A mark is at the first whole number that is not below its share; nothing used is below every mark."""
    assert [mark(most, percent) for percent in MARKS] == [eighty, all_of_it]


def reached(used: int, most: int, percent: int) -> bool:
    return used > 0 and used * 100 >= most * percent


some_marks = st.lists(st.integers(1, 100), max_size=5, unique=True).map(lambda marks: tuple(sorted(marks)))


@given(st.integers(0, 200), st.lists(st.integers(0, 60), max_size=12), some_marks)
def test_each_mark_is_passed_once(most: int, uses: list[int], marks: tuple[int, ...]) -> None:
    """However use grows, each mark that it reaches is reported once, by the step that reached it."""
    account, limits, seen = Account(), Limits(tokens=most), []
    for used in uses:
        after = replace(account, tokens=account.tokens + used)
        for crossing in crossings("key:one", account, after, limits, marks):
            assert crossing.meter == Meter("tokens", after.tokens, most)
            assert account.tokens * 100 < max(most * crossing.percent, 1) <= after.tokens * 100
            seen.append(crossing.percent)
        account = after

    assert seen == [percent for percent in marks if reached(account.tokens, most, percent)]


@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 60), some_marks), max_size=12))
def test_marks_that_change_tell_of_nothing_old(most: int, steps: list[tuple[int, tuple[int, ...]]]) -> None:
    """Where marks change between two steps, none is told of twice, and none that was passed before."""
    used, limits, seen = 0, Limits(tokens=most), list[int]()
    for more, marks in steps:
        told = [
            each.percent
            for each in crossings("key:one", Account(tokens=used), Account(tokens=used + more), limits, marks)
        ]
        assert set(told) <= set(marks)
        assert not [each for each in told if reached(used, most, each)]
        used += more
        assert all(reached(used, most, each) for each in told)
        seen += told

    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("used", "most", "told"),
    [
        (0, 0, True),
        (0, 10, False),
        (79, 100, False),
        (80, 100, True),
        (3, 4, False),
        (4, 5, True),
        (9, 4, True),
    ],
)
def test_what_is_used_up(used: int, most: int, told: bool) -> None:
    """A lasting limit is used up where a fifth of it is left at most, by what was settled; no rate is."""
    account = Account(tokens=used, tokens_held=most)

    assert used_up(account, Limits(tokens=most), "tokens") == (Meter("tokens", used, most) if told else None)
    assert used_up(account, Limits(tokens=most, rpm=1), "rpm") is None


def test_every_lasting_limit_has_a_meter() -> None:
    """What is limited for longer than a minute is metered by what was used of it, whatever is reserved."""
    account = Account(
        tokens=1,
        tokens_held=10,
        nanos=2,
        nanos_held=20,
        day="2026-11-22",
        day_nanos=3,
        day_held=30,
        month="2026-11",
        month_nanos=4,
        month_held=40,
    )

    assert meters(account, Limits(rpm=1, tpm=1, parallel=1)) == []
    assert meters(account, Limits(tokens=5, credits=6, day=7, month=8)) == [
        Meter("tokens", 1, 5),
        Meter("credits", 2, 6),
        Meter("day", 3, 7, "2026-11-22"),
        Meter("month", 4, 8, "2026-11"),
    ]
