"""The verifier against who holds the pepper: what contradicts itself is named under any signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ledger.book import NOON, Book, run, verdict, written
from tests.ledger.forge import Rows, forged

GOOD = run(run(written()).lines())


def refused(lines: list[bytes]) -> str:
    problem = verdict(lines).problem
    assert problem is not None
    return f"{problem.subject}: {problem.wrong}"


def in_the_first(edit: Callable[[Any], Any]) -> Callable[[int, Any], Any]:
    """An edit of the first seal only, or of its rows."""
    return lambda number, told: edit(told) if number == 0 else told


def test_a_forgery_of_nothing_is_good() -> None:
    """Chained and signed anew without an edit, a ledger is what it was."""
    assert forged(GOOD) == GOOD


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        (lambda rows: rows[::-1], "names other rows"),
        (lambda rows: rows[:1], "covers 2 rows"),
        (lambda rows: [rows[0], rows[0]], "is there twice"),
        (lambda rows: [{**rows[0], "price_version": "other"}, rows[1]], "other price versions than its rows"),
    ],
)
def test_rows_that_their_seal_does_not_tell_of(edit: Callable[[Rows], Rows], wrong: str) -> None:
    """Rows that are not those of their seal are named, however well they are chained."""
    assert wrong in refused(forged(GOOD, rows=in_the_first(edit)))


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"number": 3}, "cannot come after"),
        ({"day": "2026-11-20"}, "names other rows"),
        ({"count": 9}, "covers 9 rows"),
        ({"head": "1" * 64}, "that end with 1111"),
        ({"previous": "1" * 64}, "does not begin where"),
        ({"late": ["2026-11-22/x"]}, "names other rows"),
        ({"price_versions": []}, "other price versions than its rows"),
        ({"more": 1}, "has other fields"),
        ({"count": True}, "count is not what it must be"),
        ({"late": [1]}, "late is not what it must be"),
    ],
)
def test_a_seal_that_its_rows_do_not_fit(told: dict[str, Any], wrong: str) -> None:
    """A seal that tells of something else is named."""
    number = 1 if "number" in told else 0
    lines = forged(GOOD, seal=lambda index, seal: seal.update(told) if index == number else None)
    assert wrong in refused(lines)


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"rows": 10}, "header tells of 10 rows"),
        ({"seals": 4}, "header tells of 9 rows and 4 seals"),
        ({"head": "1" * 64}, "the file: ends after"),
        ({"price_versions": ["other"]}, "other price versions"),
        ({"version": 2}, "of version 1"),
        ({"format": "other"}, "is not that of a vaultedge-ledger"),
        ({"seals": "5"}, "seals is not what it must be"),
    ],
)
def test_a_header_that_its_file_does_not_fit(told: dict[str, Any], wrong: str) -> None:
    """A header that tells of something else is named."""
    assert wrong in refused(forged(GOOD, header=lambda header: header.update(told)))


def test_rows_in_another_order_than_their_end() -> None:
    """Within a seal, rows are in the order of their end; late ones are told as such."""

    async def story() -> list[bytes]:
        book = Book()
        for _ in range(4):
            await book.spend()
        await book.seal()
        return await book.lines()

    lines = run(story())
    swapped = forged(lines, rows=lambda _, rows: [rows[0], rows[2], rows[1], rows[3]])
    assert "not in the order of their end" in refused(swapped)


def test_rows_that_end_before_the_seal_before() -> None:
    """A seal goes on behind the one before it; a row from earlier has to be told as late."""

    async def story() -> list[bytes]:
        book = Book()
        for _ in range(2):
            await book.spend()
            await book.seal()
        await book.spend(ended=NOON + 0.01)
        await book.seal(sweep_every=0.0)
        return await book.lines()

    def timely(number: int, seal: dict[str, Any]) -> None:
        if number == 2:
            entry = seal["late"][0].partition("/")[2]
            seal.update(late=[], first=entry, last=entry)

    lines = run(story())
    assert verdict(lines).problem is None
    assert "not in the order of their end" in refused(forged(lines, seal=timely))
    other = forged(
        lines, seal=lambda number, seal: seal.update(late=["2026-11-22/x"]) if number == 2 else None
    )
    assert "names other rows" in refused(other)


@pytest.mark.parametrize(
    "row",
    [
        {"ended": 1e300},
        {"ended": "now"},
        {"cost": True},
        {"price": {"input": [1]}},
        {"attempts": [1]},
        {"id": 7},
    ],
)
def test_a_row_that_is_no_record(row: dict[str, Any]) -> None:
    """What has not the form of a record is named, not crashed over."""
    lines = forged(GOOD, rows=in_the_first(lambda rows: [{**rows[0], **row}, *rows[1:]]))
    problem = verdict(lines).problem

    assert problem is not None
    assert problem.line == 2
