"""Limits the counts that a provider reports to what its response can have used."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import cast

from vaultcore.usage import units
from vaultcore.wire import Json, Usage

MAX_FACTOR = 4  # times the reserved tokens; a higher count is an error of the provider
PARTS = (("prompt_tokens", "prompt_tokens_details"), ("completion_tokens", "completion_tokens_details"))


def clamp_usage(usage: Usage, max_prompt: int, max_completion: int) -> tuple[Usage, bool]:
    """Return the usage with every count an integer from 0 to MAX_FACTOR times its bound.

    The second value is True if a count was changed or dropped because it was out of range or no number. A
    count of None is dropped too: the provider has not reported it, which differs from 0.
    """
    clamped: Json = dict(usage)
    flags: list[bool] = []
    bounds = (MAX_FACTOR * max(max_prompt, 0), MAX_FACTOR * max(max_completion, 0))
    for (name, details), bound in zip(PARTS, bounds, strict=True):
        flags.append(_clamp_count(clamped, name, bound))
        if isinstance(inner := clamped.get(details), Mapping):
            clamped[details], flag = _clamp_details(inner, clamped.get(name, bound))
            flags.append(flag)
    if isinstance(billed := usage.get("billed"), Mapping):
        clamped["billed"] = dict(billed)
        flags += [
            _clamp_count(clamped["billed"], name, bound)
            for (name, _), bound in zip(PARTS, bounds, strict=True)
        ]
    counts = [clamped[name] for name, _ in PARTS if name in clamped]
    if len(counts) == len(PARTS):
        clamped["total_tokens"] = sum(counts)
    else:
        clamped.pop("total_tokens", None)
    return cast(Usage, clamped), any(flags)


def _clamp_details(details: Mapping[str, object], bound: int) -> tuple[Json, bool]:
    """Clamp details, each of which is a part of the count `bound` and may have details of its own."""
    clamped: Json = dict(details)
    flags: list[bool] = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            clamped[name], flag = _clamp_details(value, bound)
            flags.append(flag)
        elif name.endswith("_tokens"):
            flags.append(_clamp_count(clamped, name, bound))
    return clamped, any(flags)


def _clamp_count(counts: Json, name: str, bound: int) -> bool:
    """Clamp one count in place; return True if it changed."""
    if name not in counts:
        return False
    value = counts.pop(name)
    if value is None:
        return False
    is_infinite = isinstance(value, float) and not isfinite(value) and value == value  # noqa: PLR0124 - not NaN
    count = (bound if value > 0 else 0) if is_infinite else units.parse_count(value)
    if count is None:
        return True
    counts[name] = min(count, bound)
    return is_infinite or counts[name] != value
