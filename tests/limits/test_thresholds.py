"""Thresholds of lasting limits: crossed once, by the settlement that reaches them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.limits.account import Account
from vaultcore.limits.limits import DEFAULT_THRESHOLDS, Limits
from vaultcore.limits.thresholds import (
    LimitUsage,
    find_crossings,
    find_exhausted,
    limit_usages,
    threshold_amount,
)


@pytest.mark.parametrize(
    ("most", "eighty", "all_of_it"),
    [(0, 1, 1), (1, 1, 1), (2, 2, 2), (5, 4, 5), (6, 5, 6), (1_000, 800, 1_000)],
)
def test_threshold_amounts_are_rounded_up(most: int, eighty: int, all_of_it: int) -> None:
    """The amount is the smallest integer that reaches the share, and at least 1."""
    assert [threshold_amount(most, percent) for percent in DEFAULT_THRESHOLDS] == [eighty, all_of_it]


def reached(used: int, most: int, percent: int) -> bool:
    return used > 0 and used * 100 >= most * percent


some_thresholds = st.lists(st.integers(1, 100), max_size=5, unique=True).map(
    lambda thresholds: tuple(sorted(thresholds))
)


@given(st.integers(0, 200), st.lists(st.integers(0, 60), max_size=12), some_thresholds)
def test_each_threshold_is_crossed_once(most: int, uses: list[int], thresholds: tuple[int, ...]) -> None:
    """Each threshold is reported once, by the settlement that reaches it."""
    account, limits, crossed = Account(), Limits(tokens=most), []
    for used in uses:
        after = replace(account, tokens=account.tokens + used)
        for crossing in find_crossings("key:one", account, after, limits, thresholds):
            assert crossing.usage == LimitUsage("tokens", after.tokens, most)
            assert account.tokens * 100 < max(most * crossing.percent, 1) <= after.tokens * 100
            crossed.append(crossing.percent)
        account = after

    assert crossed == [percent for percent in thresholds if reached(account.tokens, most, percent)]


@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 60), some_thresholds), max_size=12))
def test_new_thresholds_below_the_use_are_not_reported(
    most: int, steps: list[tuple[int, tuple[int, ...]]]
) -> None:
    """If thresholds change between two settlements, none is reported twice and none below the earlier use."""
    used, limits, crossed = 0, Limits(tokens=most), list[int]()
    for more, thresholds in steps:
        percents = [
            each.percent
            for each in find_crossings(
                "key:one", Account(tokens=used), Account(tokens=used + more), limits, thresholds
            )
        ]
        assert set(percents) <= set(thresholds)
        assert not [each for each in percents if reached(used, most, each)]
        used += more
        assert all(reached(used, most, each) for each in percents)
        crossed += percents

    assert len(set(crossed)) == len(crossed)


@pytest.mark.parametrize(
    ("used", "most", "exhausted"),
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
def test_exhausted_limits(used: int, most: int, exhausted: bool) -> None:
    """A lasting limit is exhausted if at most a fifth of it is left by settled use; a rate never is."""
    account = Account(tokens=used, tokens_held=most)

    assert find_exhausted(account, Limits(tokens=most), "tokens") == (
        LimitUsage("tokens", used, most) if exhausted else None
    )
    assert find_exhausted(account, Limits(tokens=most, rpm=1), "rpm") is None


def test_every_lasting_limit_has_a_usage() -> None:
    """The usage of a lasting limit is what was settled, without reservations."""
    account = Account(
        tokens=1,
        tokens_held=10,
        nanos=2,
        nanos_held=20,
        day="2026-11-22",
        day_nanos=3,
        day_held=30,
        month_nanos=4,
        month_held=40,
    )

    assert limit_usages(account, Limits(rpm=1, tpm=1, parallel=1)) == []
    assert limit_usages(account, Limits(tokens=5, credits=6, day=7, month=8)) == [
        LimitUsage("tokens", 1, 5),
        LimitUsage("credits", 2, 6),
        LimitUsage("day", 3, 7, "2026-11-22"),
        LimitUsage("month", 4, 8, "2026-11"),
    ]
