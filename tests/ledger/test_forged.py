"""The verifier against a forger who has the pepper: contradictions are reported under any signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ledger.forgery import Rows, forge
from tests.ledger.sample_ledger import NOON, SampleLedger, run, sample_ledger, verify

GOOD = run(run(sample_ledger()).lines())


def first_error(lines: list[bytes]) -> str:
    problem = verify(lines).problem
    assert problem is not None
    return f"{problem.subject}: {problem.wrong}"


def in_first_seal(edit: Callable[[Any], Any]) -> Callable[[int, Any], Any]:
    """Return an edit of the first seal only, or of its rows."""
    return lambda number, value: edit(value) if number == 0 else value


def test_forging_without_an_edit_changes_nothing() -> None:
    """A ledger that is chained and signed again without an edit is identical."""
    assert forge(GOOD) == GOOD


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda rows: rows[::-1], "states other rows"),
        (lambda rows: rows[:1], "covers 2 rows"),
        (lambda rows: [rows[0], rows[0]], "appears twice"),
        (lambda rows: [{**rows[0], "price_version": "other"}, rows[1]], "other price versions than its rows"),
    ],
)
def test_rows_that_differ_from_their_seal(edit: Callable[[Rows], Rows], reason: str) -> None:
    """Rows that differ from those of their seal are reported, however well they are chained."""
    assert reason in first_error(forge(GOOD, rows=in_first_seal(edit)))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"number": 3}, "cannot come after"),
        ({"day": "2026-11-20"}, "states other rows"),
        ({"count": 9}, "covers 9 rows"),
        ({"head": "1" * 64}, "that end with 1111"),
        ({"previous": "1" * 64}, "does not begin where"),
        ({"late": ["2026-11-22/x"]}, "states other rows"),
        ({"price_versions": []}, "other price versions than its rows"),
        ({"more": 1}, "has missing or additional fields"),
        ({"count": True}, "count must be of type int"),
        ({"late": [1]}, "late must be of type Sequence[str]"),
    ],
)
def test_a_seal_that_contradicts_its_rows(fields: dict[str, Any], reason: str) -> None:
    """A seal that states other rows is reported."""
    number = 1 if "number" in fields else 0
    lines = forge(GOOD, seal=lambda index, seal: seal.update(fields) if index == number else None)
    assert reason in first_error(lines)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rows": 10}, "header states 10 rows"),
        ({"seals": 4}, "header states 9 rows and 4 seals"),
        ({"head": "1" * 64}, "the file: ends after"),
        ({"price_versions": ["other"]}, "other price versions"),
        ({"version": 2}, "of version 1"),
        ({"format": "other"}, "is not that of a vaultedge-ledger"),
        ({"seals": "5"}, "seals must be of type int"),
    ],
)
def test_a_header_that_contradicts_its_file(fields: dict[str, Any], reason: str) -> None:
    """A header that states another file is reported."""
    assert reason in first_error(forge(GOOD, header=lambda header: header.update(fields)))


def test_rows_out_of_order() -> None:
    """Rows within a seal are ordered by their end; late ones are listed as late."""

    async def scenario() -> list[bytes]:
        ledger = SampleLedger()
        for _ in range(4):
            await ledger.add_record()
        await ledger.seal()
        return await ledger.lines()

    lines = run(scenario())
    swapped = forge(lines, rows=lambda _, rows: [rows[0], rows[2], rows[1], rows[3]])
    assert "not in the order in which they ended" in first_error(swapped)


def test_an_early_row_that_is_not_listed_as_late() -> None:
    """A seal continues after the one before it; an earlier row must be listed as late."""

    async def scenario() -> list[bytes]:
        ledger = SampleLedger()
        for _ in range(2):
            await ledger.add_record()
            await ledger.seal()
        await ledger.add_record(ended=NOON + 0.01)
        await ledger.seal(sweep_every=0.0)
        return await ledger.lines()

    def timely(number: int, seal: dict[str, Any]) -> None:
        if number == 2:
            entry = seal["late"][0].partition("/")[2]
            seal.update(late=[], first=entry, last=entry)

    lines = run(scenario())
    assert verify(lines).problem is None
    assert "not in the order in which they ended" in first_error(forge(lines, seal=timely))
    other = forge(
        lines, seal=lambda number, seal: seal.update(late=["2026-11-22/x"]) if number == 2 else None
    )
    assert "states other rows" in first_error(other)


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
def test_a_row_that_is_not_a_record(row: dict[str, Any]) -> None:
    """A row that is not a record is reported and does not crash the verifier."""
    lines = forge(GOOD, rows=in_first_seal(lambda rows: [{**rows[0], **row}, *rows[1:]]))
    problem = verify(lines).problem

    assert problem is not None
    assert problem.line == 2
