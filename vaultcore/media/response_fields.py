"""Reads fields of a provider's response: lists, token counts, and the usage of several responses as one.

If a provider reports no usage, the tokens of the input's texts are estimated.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from vaultcore.wire import Json

BYTES_PER_TOKEN = 4  # of typical text


def non_empty_list(value: object, content: str) -> list[Any]:
    """Return the value. Raises ValueError if it is not a list or is empty; `content` is for the message."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"the response has no {content}")
    return value


def token_count(value: object) -> int:
    """Return a number of tokens, or 0 if the value is no positive integer."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def estimate_tokens(texts: Iterable[str]) -> int:
    """Return the tokens of texts, estimated from their length."""
    return sum(-(-len(text.encode()) // BYTES_PER_TOKEN) for text in texts)


def total_usage(usages: Iterable[Json | None]) -> Json | None:
    """Return the sum of all usages, nested numbers included.

    Return None if any usage is missing: a partial sum would be wrong.
    """
    reported = list(usages)
    present = [usage for usage in reported if usage is not None]
    if not present or len(present) < len(reported):
        return None
    return present[0] if len(present) == 1 else reduce(_add_usage, present)


def _add_usage(first: Json, second: Json) -> Json:
    total: Json = dict(first)
    for name, value in second.items():
        existing = total.get(name)
        if isinstance(existing, dict) and isinstance(value, dict):
            total[name] = _add_usage(existing, value)
        elif _is_number(existing) and _is_number(value):
            total[name] = existing + value
        elif existing is None:
            total[name] = value
    return total


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
