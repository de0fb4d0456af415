"""Counts that a provider tells, kept within what its answer can have used."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import cast

from vaultcore.usage import units
from vaultcore.wire import Json, Usage

ABSURD = 4  # times what was reserved: what is above is no count but a mistake
PARTS = (("prompt_tokens", "prompt_tokens_details"), ("completion_tokens", "completion_tokens_details"))


def clamped(usage: Usage, most_prompt: int, most_completion: int) -> tuple[Usage, bool]:
    """The usage with every count a whole number from 0 to four times its bound, and whether any was not.

    A zero stays a zero. What is told as None, or is no number, is not told: it is left out, so that nobody
    takes it for nothing.
    """
    mended: Json = dict(usage)
    flags: list[bool] = []
    bounds = (ABSURD * max(most_prompt, 0), ABSURD * max(most_completion, 0))
    for (name, details), bound in zip(PARTS, bounds, strict=True):
        flags.append(_settle(mended, name, bound))
        if isinstance(inner := mended.get(details), Mapping):
            mended[details], flag = _inside(inner, mended.get(name, bound))
            flags.append(flag)
    if isinstance(billed := usage.get("billed"), Mapping):
        mended["billed"] = dict(billed)
        flags += [
            _settle(mended["billed"], name, bound) for (name, _), bound in zip(PARTS, bounds, strict=True)
        ]
    told = [mended[name] for name, _ in PARTS if name in mended]
    if len(told) == len(PARTS):
        mended["total_tokens"] = sum(told)
    else:
        mended.pop("total_tokens", None)
    return cast(Usage, mended), any(flags)


def _inside(details: Mapping[str, object], bound: int) -> tuple[Json, bool]:
    """Details, of which each is a part of the whole, and may have parts itself."""
    held: Json = dict(details)
    flags: list[bool] = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            held[name], flag = _inside(value, bound)
            flags.append(flag)
        elif name.endswith("_tokens"):
            flags.append(_settle(held, name, bound))
    return held, any(flags)


def _settle(counts: Json, name: str, bound: int) -> bool:
    """Put one count right in place; whether it was wrong."""
    if name not in counts:
        return False
    told = counts.pop(name)
    if told is None:
        return False
    infinite = isinstance(told, float) and not isfinite(told) and told == told  # noqa: PLR0124 - NaN is not
    count = (bound if told > 0 else 0) if infinite else units.number(told)
    if count is None:
        return True
    counts[name] = min(count, bound)
    return infinite or counts[name] != told
