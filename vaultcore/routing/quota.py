"""What a provider's rate-limit headers say is left of a key's quota.

Every family of headers is a row: its names for limit, remaining and reset, of requests and of tokens. Resets
come as seconds, durations (`1m2.5s`, `120ms`), seconds or milliseconds since 1970, or ISO 8601 times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of one thing is left, and when it is whole again (seconds since 1970)."""

    remaining: float
    limit: float | None = None
    reset: float | None = None

    def left(self, now: float) -> float:
        """The share that is left, from 0 to 1; 1 once the reset has passed."""
        if self.reset is not None and now >= self.reset:
            return 1.0
        if self.remaining <= 0:
            return 0.0
        return min(self.remaining / self.limit, 1.0) if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a key's quota, as far as its provider said."""

    requests: Allowance | None = None
    tokens: Allowance | None = None

    def left(self, now: float) -> float:
        """The share left of whatever is scarcest."""
        return min((kind.left(now) for kind in (self.requests, self.tokens) if kind is not None), default=1.0)


_Names = tuple[str, str, str]  # limit, remaining, reset


def _named(pattern: str) -> _Names:
    limit, remaining, reset = (pattern.replace("*", word) for word in ("limit", "remaining", "reset"))
    return limit, remaining, reset


# First row with a number counts. OpenAI, Groq and most compatible ones; Anthropic; the variants of the rest.
_REQUESTS = tuple(
    map(
        _named,
        (
            "x-ratelimit-*-requests",
            "anthropic-ratelimit-requests-*",
            "x-ratelimit-*-requests-minute",
            "x-ratelimit-*-req-minute",
            "x-ratelimit-*",
            "ratelimit-*",
        ),
    )
)
_TOKENS = tuple(
    map(
        _named,
        (
            "x-ratelimit-*-tokens",
            "anthropic-ratelimit-tokens-*",
            "anthropic-ratelimit-input-tokens-*",
            "x-ratelimit-*-tokens-minute",
            "x-tokenlimit-*",
        ),
    )
)


def quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """What these headers (names in lower case) say, or None where they say nothing."""
    requests, tokens = _allowance(_REQUESTS, headers, now), _allowance(_TOKENS, headers, now)
    return Quota(requests, tokens) if requests or tokens else None


def moment(text: str | None, now: float) -> float | None:
    """A reset as seconds since 1970, from any of the ways it is written; None where it makes no sense."""
    if not text or len(text) > 64:
        return None
    seconds = _number(text)
    if seconds is not None:
        return _since_1970(seconds, now)
    if _DURATION.fullmatch(text):
        return now + sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    return _iso(text)


_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+", re.ASCII)
_EPOCH = 1e9  # a number larger than this is a date, not a span
_MILLIS = 1e11  # and one larger than this counts milliseconds


def _allowance(rows: tuple[_Names, ...], headers: Mapping[str, str], now: float) -> Allowance | None:
    for limit, remaining, reset in rows:
        left = _number(headers.get(remaining))
        if left is not None:
            return Allowance(left, _number(headers.get(limit)), moment(headers.get(reset), now))
    return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text and len(text) <= 64 else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _since_1970(seconds: float, now: float) -> float:
    if seconds > _MILLIS:
        return seconds / 1_000
    return seconds if seconds > _EPOCH else now + seconds


def _iso(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
