"""Buckets: the sums of all open reservations of an account that end in the same interval.

An account holds sums, not a list of its open reservations, so that its size does not depend on the load. The
remainder of a bucket whose end has passed belongs to processes that died, and is released.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from vaultcore.lazy_dataclass import dataclass

WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)  # seconds
BUCKETS = 16  # open at once, about; it follows from the widths


class BucketKey(NamedTuple):
    """The end of a bucket, and the day in which its reservations count."""

    end: int  # seconds since the epoch
    day: str  # "2026-11-22"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Sums over the open reservations of one bucket."""

    requests: int = 0
    tokens: int = 0
    nanos: int = 0

    def plus(self, requests: int, tokens: int, nanos: int) -> Bucket:
        """Return the bucket with amounts added."""
        return Bucket(self.requests + requests, self.tokens + tokens, self.nanos + nanos)

    def covers(self, tokens: int, nanos: int) -> bool:
        """Return True if one reservation of these amounts can be part of the bucket."""
        return self.requests > 0 and self.tokens >= tokens and self.nanos >= nanos


Buckets = Mapping[BucketKey, Bucket]


def bucket_end(at: float, until: float) -> int:
    """Return the end of the bucket of a reservation from `at` to `until`: at most 1/16 of its time later.

    >>> bucket_end(1_000.0, 1_300.0), bucket_end(1_000.5, 1_960.5)
    (1305, 1980)
    """
    width = WIDTHS[max(0, bisect_right(WIDTHS, (until - at) / BUCKETS) - 1)]
    return ceil(until / width) * width
