"""Numbered behaviours of translation: each has a test that bears its number, or a reason not to be built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs" / "providers.md"
LAST = "X32 E11 U10 A50 AR21 G30 GR13 B32 C15 M17 Q38 O15 P9 R18 Z10"  # of each kind
NUMBER = re.compile(r"(?<![a-z0-9])([a-z]{1,2})0?(\d{1,2})(?![a-z0-9])")
NAMED = re.compile(r'def (test_\w+)|"([a-z]{1,2}\d{1,2}[ _-][^"]*)"')


def numbers(text: str) -> Iterator[str]:
    for kind, number in NUMBER.findall(text.lower().replace("_", " ")):
        yield f"{kind.upper()}{number}"


def names() -> Iterator[str]:
    """Of test functions, of their parametrised cases, and of golden cases."""
    for path in TESTS.rglob("test_*.py"):
        for function, case in NAMED.findall(path.read_text("utf-8")):
            yield function or case
    for folder in TESTS.rglob("golden"):
        yield from (path.name for path in folder.rglob("*") if path.is_dir())


def test_every_behaviour_is_tested_or_explained() -> None:
    """No number is missing from both the names of tests and the table of what is not built."""
    _, _, section = DOCS.read_text("utf-8").partition("## Behaviours not built")
    rows = re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    known = {number for text in (*names(), *rows) for number in numbers(text)}
    wanted = [
        f"{kind}{number}"
        for kind, last in re.findall(r"([A-Z]+)(\d+)", LAST)
        for number in range(1, int(last) + 1)
    ]

    assert len(wanted) == 321
    assert [number for number in wanted if number not in known] == []
