"""Counts of the last 60 seconds: exact times for low rates, sub-windows of one second for others.

A count is stored under its expiry, in hundredths of a second since the epoch. It expires when its whole
sub-window is more than 60 seconds old, so that no more than the limit is admitted in any half-open
60 seconds. Up to `EXACT` requests per minute, each request has its own expiry, and a client that keeps its
rate is never refused. Above that, the sub-window costs up to one second in 60.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor

WINDOW = 60  # seconds
EXACT = 60  # requests per minute, up to which every request has its own expiry
TICKS = 100  # per second
CLOCK_TOLERANCE = 2.0  # seconds by which correct clocks may differ
LATEST = round((WINDOW + 1 + CLOCK_TOLERANCE) * TICKS) + 1  # ticks; no correct clock writes a later expiry

Counts = Mapping[int, int]  # by expiry, in ticks since the epoch


def expiry(at: float, limit: int | None = None) -> int:
    """Return when a request at `at` stops counting, in ticks. `limit` is in requests per minute.

    >>> expiry(1000.5, 60), expiry(1000.5)
    (106050, 106100)
    """
    if limit is not None and limit <= EXACT:
        return ceil(round(at * TICKS, 3)) + WINDOW * TICKS
    return (floor(at) + 1 + WINDOW) * TICKS


def ticks(now: float) -> int:
    """Return a time in ticks, rounded down: a count expires when it is at most this."""
    return floor(round(now * TICKS, 3))


def expired(counts: Counts, now: float) -> list[int]:
    """Return the expiries that have passed."""
    present = ticks(now)
    return [each for each in counts if each <= present]


def drop_expired(counts: Counts, now: float) -> Counts:
    """Return the counts that still apply. Those that no correct clock can have written do not."""
    if not counts:
        return counts
    present = floor(round(now * TICKS, 3))  # `ticks`, without a call
    latest = present + LATEST
    if min(counts) > present and max(counts) <= latest:
        return counts
    return {each: count for each, count in counts.items() if present < each <= latest}


def add(counts: Counts, key: int, amount: int) -> Counts:
    """Return the counts with `amount` added under an expiry, never below 0."""
    return {**counts, key: max(0, counts.get(key, 0) + amount)}


def seconds_until(counts: Counts, capacity: int, now: float) -> float | None:
    """Return the seconds until at most `capacity` is counted; None if `capacity` is negative."""
    if capacity < 0:
        return None
    total, wait = sum(counts.values()), 0.0
    for each in sorted(counts):
        if total <= capacity:
            break
        total, wait = total - counts[each], each / TICKS - now
    return max(0.0, wait)


def seconds_to_reset(counts: Counts, now: float) -> float:
    """Return the seconds until nothing is counted."""
    return max(0.0, max(counts, default=0) / TICKS - now)
