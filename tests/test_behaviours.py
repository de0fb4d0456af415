"""docs/behaviours.md: each code has a test with the code in its name, or a reason to omit it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from tools import build_behaviours as behaviours

HIGHEST = (  # number of each kind; one per line, so that changes merge
    "X34",
    "E13",
    "U10",
    "A50",
    "AR21",
    "G30",
    "GR13",
    "B32",
    "C15",
    "M17",
    "Q38",
    "O16",
    "P15",
    "R31",
    "N21",
    "T10",
    "Z10",
)


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str, str]]:
    """Return the page's rows by code: behaviour, tests, and what is not supported."""
    listed = behaviours.ROW.findall(behaviours.PAGE.read_text("utf-8"))
    assert [code for code, count in Counter(code for code, *_ in listed).items() if count > 1] == []
    return {code: (behaviour, tests.strip(), omitted.strip()) for code, behaviour, tests, omitted in listed}


@pytest.fixture(scope="module")
def evidence() -> Sequence[behaviours.Evidence]:
    return behaviours.evidence()


def test_the_page_defines_every_code(rows: dict[str, tuple[str, str, str]]) -> None:
    """The page has each code once and no other, each with a behaviour in words."""
    expected = {
        f"{kind}{number}"
        for kind, highest in re.findall(r"([A-Z]+)(\d+)", " ".join(HIGHEST))
        for number in range(1, int(highest) + 1)
    }

    assert set(rows) == expected
    assert [code for code, (behaviour, *_) in rows.items() if len(behaviour.split()) < 3] == []


def test_every_code_in_a_name_is_defined(
    rows: dict[str, tuple[str, str, str]], evidence: Sequence[behaviours.Evidence]
) -> None:
    """The page defines every code in the name of a test or a golden case."""
    unknown = [
        (each.place, each.name) for each in evidence if not set(behaviours.codes(each.name)) <= set(rows)
    ]

    assert unknown == []


def test_every_behaviour_is_tested_or_explained(
    rows: dict[str, tuple[str, str, str]], evidence: Sequence[behaviours.Evidence]
) -> None:
    """A behaviour has a test that asserts something, or the page says what is not supported and why."""
    proven = {code for each in evidence if each.asserts for code in behaviours.codes(each.name)}
    explained = {code for code, (_, _, omitted) in rows.items() if len(omitted.split()) >= 3}

    assert [code for code in rows if code not in proven | explained] == []


def test_every_test_with_a_code_asserts(evidence: Sequence[behaviours.Evidence]) -> None:
    """A test with a code in its name asserts something, itself or through a helper."""
    assert [(each.place, each.name) for each in evidence if not each.asserts] == []


def test_the_page_lists_the_tests_that_exist() -> None:
    """The column of tests is what `make docs` writes."""
    text = behaviours.PAGE.read_text("utf-8")

    assert behaviours.page(text) == text
