"""Reads a provider key's remaining quota from rate-limit headers.

Each family of headers is a row: its names for limit, remaining and reset, for requests and for tokens. A
reset is written as seconds, a duration (`1m2.5s`, `120ms`), seconds or milliseconds since the epoch, or ISO
8601.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from vaultcore.first_use import lazy_pattern
from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RemainingQuota:
    """The remaining amount of one quota. `reset` is when it is full again, seconds since the epoch."""

    remaining: float
    limit: float | None = None
    reset: float | None = None

    def share(self, now: float) -> float:
        """Return the remaining share, 0 to 1; 1 after the reset."""
        if self.reset is not None and now >= self.reset:
            return 1.0
        if self.remaining <= 0:
            return 0.0
        return min(self.remaining / self.limit, 1.0) if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class Quota:
    """A key's remaining quota, as its provider reported it."""

    requests: RemainingQuota | None = None
    tokens: RemainingQuota | None = None
    at: float = 0.0  # of a report by another worker: seconds since the epoch

    def parsed(self) -> Quota:
        """Return the quota, as ReportedQuota does."""
        return self

    def share(self, now: float) -> float:
        """Return the smaller of both remaining shares, 0 to 1."""
        reported = [quota for quota in (self.requests, self.tokens) if quota is not None]
        return min((quota.share(now) for quota in reported), default=1.0)


_Names = tuple[str, str, str]  # limit, remaining, reset


def _header_names(pattern: str) -> _Names:
    limit, remaining, reset = (pattern.replace("*", word) for word in ("limit", "remaining", "reset"))
    return limit, remaining, reset


# The first row with a number counts: OpenAI, Groq and compatible providers; Anthropic; then variants.
_REQUESTS = tuple(
    map(
        _header_names,
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
        _header_names,
        (
            "x-ratelimit-*-tokens",
            "anthropic-ratelimit-tokens-*",
            "anthropic-ratelimit-input-tokens-*",
            "x-ratelimit-*-tokens-minute",
            "x-tokenlimit-*",
        ),
    )
)


REPORTED = frozenset(remaining for _, remaining, _ in (*_REQUESTS, *_TOKENS))  # one of them is enough


class ReportedQuota:
    """The quota in a provider's headers. It is parsed when another key of the provider competes."""

    __slots__ = ("_headers", "_quota", "at")

    def __init__(self, headers: Mapping[str, str], now: float) -> None:
        self._headers: Mapping[str, str] | None = headers
        self.at, self._quota = now, Quota()

    def parsed(self) -> Quota:
        """Return the quota."""
        if self._headers is not None:
            self._quota, self._headers = parse_quota(self._headers, self.at) or Quota(), None
        return self._quota

    def share(self, now: float) -> float:
        """Return the smaller of both remaining shares, 0 to 1."""
        return self.parsed().share(now)


def reports_quota(headers: Mapping[str, str]) -> bool:
    """Return True if the headers (names in lower case) report a quota, if not in an unknown form."""
    return not REPORTED.isdisjoint(headers)


def parse_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """Return the quota that the headers (names in lower case) report, or None."""
    requests, tokens = _remaining(_REQUESTS, headers, now), _remaining(_TOKENS, headers, now)
    return Quota(requests, tokens) if requests or tokens else None


def parse_reset(text: str | None, now: float) -> float | None:
    """Parse a reset, in any of its notations, to seconds since the epoch; None if it is not a time."""
    if not text or len(text) > 64:
        return None
    seconds = _number(text)
    if seconds is not None:
        return _epoch_seconds(seconds, now)
    if _DURATION.fullmatch(text):
        return now + sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    return _iso(text)


_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = lazy_pattern(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_DURATION = lazy_pattern(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+", re.ASCII)
_EPOCH = 1e9  # seconds; a larger number is a point in time, not a duration
_MILLIS = 1e11  # a larger number is in milliseconds


def _remaining(rows: tuple[_Names, ...], headers: Mapping[str, str], now: float) -> RemainingQuota | None:
    for limit, remaining, reset in rows:
        amount = _number(headers.get(remaining))
        if amount is not None:
            return RemainingQuota(amount, _number(headers.get(limit)), parse_reset(headers.get(reset), now))
    return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text and len(text) <= 64 else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _epoch_seconds(seconds: float, now: float) -> float:
    if seconds > _MILLIS:
        return seconds / 1_000
    return seconds if seconds > _EPOCH else now + seconds


def _iso(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
