"""The generation of a Gemini model, read from its name. Each generation accepts more and other fields.

https://ai.google.dev/gemini-api/docs/models
"""

from __future__ import annotations

import re

Generation = tuple[int, int]  # major and minor version

GEMINI_2: Generation = (2, 0)  # adds JSON schemas and thinking budgets
GEMINI_2_5: Generation = (2, 5)  # adds function calls that are validated against their schema
GEMINI_3: Generation = (3, 0)  # adds thinking levels and call ids, requires thought signatures
NEWEST: Generation = (99, 0)
VERSIONED_NAME = re.compile(r"(?:models/)?gemini-(?:live-)?(\d{1,2})(?:\.(\d{1,2}))?(?![\d.])")


def parse_generation(model: str) -> Generation:
    """Return the model's generation; a name without a version counts as the newest.

    >>> parse_generation("gemini-2.5-flash")
    (2, 5)
    """
    match = VERSIONED_NAME.match(model)
    return (int(match[1]), int(match[2] or 0)) if match else NEWEST
