"""Marks on lasting limits: passed once, by the settlement that reaches them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.governance.account import Account
from vaultcore.governance.limits import Limits
from vaultcore.governance.meters import MARKS, Meter, crossings, mark, meters


@pytest.mark.parametrize(
    ("most", "eighty", "all_of_it"),
    [(0, 1, 1), (1, 1, 1), (2, 2, 2), (5, 4, 5), (6, 5, 6), (1_000, 800, 1_000)],
)
def test_where_the_marks_are(most: int, eighty: int, all_of_it: int) -> None:
    """A mark is at the first whole number that is not below its share; nothing used is below every mark."""
    assert [mark(most, percent) for percent in MARKS] == [eighty, all_of_it]


@given(st.integers(0, 200), st.lists(st.integers(0, 60), max_size=12))
def test_each_mark_is_passed_once(most: int, uses: list[int]) -> None:
    """However use grows, each mark that it reaches is reported once, by the step that reached it."""
    account, limits, seen = Account(), Limits(tokens=most), []
    for used in uses:
        after = replace(account, tokens=account.tokens + used)
        for crossing in crossings("key:one", account, after, limits):
            assert crossing.meter == Meter("tokens", after.tokens, most)
            assert account.tokens * 100 < max(most * crossing.percent, 1) <= after.tokens * 100
            seen.append(crossing.percent)
        account = after

    assert seen == [percent for percent in MARKS if account.tokens * 100 >= max(most * percent, 1)]


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
