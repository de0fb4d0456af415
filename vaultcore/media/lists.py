"""Lists in a provider's answer."""

from __future__ import annotations

from typing import Any


def a_list(value: object, what: str) -> list[Any]:
    """The value, or ValueError where it is not a list with something in it."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"an answer without {what}")
    return value
