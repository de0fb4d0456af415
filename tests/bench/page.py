"""Writes the table of a run into docs/performance.md, between two comments."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def write(page: Path, summary: Iterable[str], table: Iterable[str]) -> None:
    """Replace the text between the comments with a date, a summary and a table; raise ValueError."""
    page.write_text(replaced(page.read_text(), [*summary], [*table], time.strftime("%Y-%m-%d")))


def replaced(text: str, summary: list[str], table: list[str], date: str) -> str:
    """Return a page with another date, summary and table; raise ValueError without the comments."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    intro = f"Measured on {date}. {'; '.join(summary)}."
    return "\n".join([before + BEGIN, "", intro, "", *table, "", END + after])
