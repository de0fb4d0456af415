"""The guard and the page of the benchmark."""

from __future__ import annotations

import pytest

from tests.bench import guard, page
from tests.bench.guard import Figures, rises

STORED = Figures({"1": 2.0, "16": 2.0}, {"a.py f": 10.0, "b.py g": 100.0}, {"a.py f": 20.0, "b.py g": 80.0})


def test_the_same_figures_have_no_rise() -> None:
    """Equal figures yield no line."""
    assert list(rises(STORED, STORED)) == []


def test_a_rise_is_printed_by_function() -> None:
    """CPU time, the total of the calls and each function that rose by more than a tenth have a line."""
    current = Figures(
        {"1": 2.5, "16": 2.1}, {"a.py f": 40.0, "b.py g": 100.0}, {"a.py f": 4.0, "b.py g": 76.0}
    )

    assert list(rises(STORED, current)) == [
        "CPU per request at 1: 2.00 -> 2.50 times the bare proxy's",
        "Python calls per request: 110 -> 140",
        "  a.py f: 10.0 -> 40.0 calls",
        "  b.py g: 80.0 -> 118.8 own µs",
    ]


def test_a_faster_machine_is_no_fall() -> None:
    """Times of functions are scaled to the stored machine before they are compared."""
    current = Figures(STORED.ratios, STORED.calls, {name: value / 3 for name, value in STORED.micros.items()})

    assert list(rises(STORED, current)) == []


def test_stored_figures_are_read_as_they_were() -> None:
    """The stored form keeps every figure of both keys."""
    figures = {guard.KEYS[0]: STORED, guard.KEYS[1]: Figures({"1": 3.0, "16": 2.5}, {"c.py h": 1.0}, {})}

    assert guard.read(guard.text(figures, "2026-01-02"))[2] == figures


def test_the_repository_has_figures() -> None:
    """The stored figures of the repository are those of both keys."""
    date, _, figures = guard.read(guard.STORED.read_text())

    assert date > "2026"
    assert all(figures[name].calls and figures[name].ratios for name in guard.KEYS)


def test_the_page_is_replaced_between_the_comments() -> None:
    """Text around the comments stays; a page without them is refused."""
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"

    new = page.replaced(text, ["one core", "no load"], ["| a |"], "2026-01-02")

    assert new == (
        f"before\n{page.BEGIN}\n\nMeasured on 2026-01-02. one core; no load.\n\n| a |\n\n{page.END}\nafter\n"
    )
    with pytest.raises(ValueError, match="has no"):
        page.replaced("before\nafter\n", [], [], "2026-01-02")
