"""What a model's name says of its generation: the API takes more, and other things, from each to the next."""

from __future__ import annotations

import re

Generation = tuple[int, int]

TWO: Generation = (2, 0)  # JSON schemas, thinking budgets
VALIDATING: Generation = (2, 5)  # function calls held to their schema
THREE: Generation = (3, 0)  # thinking levels, ids of calls, signatures that are demanded
NEWEST: Generation = (99, 0)
NUMBERED = re.compile(r"(?:models/)?gemini-(?:live-)?(\d{1,2})(?:\.(\d{1,2}))?(?![\d.])")


def generation(name: str) -> Generation:
    """The generation of a model; one whose name gives no number, `gemini-flash-latest`, is of the newest."""
    found = NUMBERED.match(name)
    return (int(found[1]), int(found[2] or 0)) if found else NEWEST
