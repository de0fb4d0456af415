"""Usage of several posts as one: every number added, in whatever nesting it comes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from vaultcore.wire import Json


def total(counts: Iterable[Json | None]) -> Json | None:
    """The sum, or None where nobody counted or somebody did not: a part of the truth would mislead."""
    told = list(counts)
    found = [count for count in told if count is not None]
    if not found or len(found) < len(told):
        return None
    return found[0] if len(found) == 1 else reduce(_added, found)


def count(value: object) -> int:
    """A number of tokens; 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _added(one: Json, other: Json) -> Json:
    summed: Json = dict(one)
    for name, value in other.items():
        held = summed.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            summed[name] = _added(held, value)
        elif _number(held) and _number(value):
            summed[name] = held + value
        elif held is None:
            summed[name] = value
    return summed


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
