"""The time that a provider's error body asks to wait, for providers that send no `Retry-After` header.

Google: `{"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "45.8s"}]}`. Others have a field such
as `retry_after`, also in `metadata`. OpenAI and Azure write it in the message: "Please try again in 1m30s."
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vaultcore.first_use import lazy_pattern
from vaultcore.wire import is_count

SECONDS = ("retry_after", "retryafter", "retry_after_seconds", "retry-after", "retrydelay", "retry_delay")
MILLISECONDS = ("retry_after_ms", "retry-after-ms")
PARTS = (
    "error",
    "errors",
    "details",
    "metadata",
    "headers",
    "detail",
)  # members that may contain such a field
MESSAGES = ("message", "detail", "msg")
UNITS: Mapping[str, float] = {"h": 3_600, "m": 60, "s": 1, "ms": 0.001}  # seconds
DURATION = lazy_pattern(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|h|hours?|m|min|minutes?|s|sec|seconds?)(?![a-z])", re.IGNORECASE
)
REQUEST_TO_WAIT = lazy_pattern(
    r"(?:try again|retry|wait)\b[^.\d]{0,24}((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+)", re.IGNORECASE
)
MAX_DEPTH = 4


def parse_wait(error: object, depth: int = 0) -> float | None:
    """Return the seconds to wait that parsed JSON of an error names, or None."""
    if isinstance(error, list):
        waits = [wait for each in error if (wait := parse_wait(each, depth + 1)) is not None]
        return max(waits, default=None)
    if not isinstance(error, dict) or depth > MAX_DEPTH:
        return None
    for name, value in error.items():
        wait = _field(str(name).lower(), value)
        if wait is not None:
            return wait
    waits = [wait for name in PARTS if (wait := parse_wait(error.get(name), depth + 1)) is not None]
    texts = [error.get(name) for name in MESSAGES]
    return (
        waits[0] if waits else next((wait for text in texts if (wait := _sentence(text)) is not None), None)
    )


def _field(name: str, value: object) -> float | None:
    if name not in SECONDS + MILLISECONDS:
        return None
    scale = 0.001 if name in MILLISECONDS else 1.0
    if is_count(value):
        return float(value) * scale
    if not isinstance(value, str):
        return None
    try:
        return float(value) * scale if is_count(float(value)) else None
    except ValueError:
        return _duration(value)


def _sentence(text: object) -> float | None:
    match = REQUEST_TO_WAIT.search(text) if isinstance(text, str) else None
    return _duration(match[1]) if match else None


def _duration(text: str) -> float | None:
    """Return the seconds of a duration such as `1m30.5s` or `20 seconds`, None if it has no unit."""
    parts = DURATION.findall(text)
    return sum(float(number) * _unit(unit.lower()) for number, unit in parts) if parts else None


def _unit(name: str) -> float:
    return UNITS["ms"] if name.startswith(("ms", "milli")) else UNITS[name[0]]
