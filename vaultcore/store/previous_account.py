"""Reads accounts as the versions before 0.3 stored them: a list of leases, and counts of whole minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf
from typing import Any

from vaultcore.limits.account import Account, Lease
from vaultcore.limits.lease_bucket import Bucket, BucketKey
from vaultcore.limits.rate_window import TICKS, WINDOW

SAME = (
    "tokens",
    "tokens_held",
    "nanos",
    "nanos_held",
    "day",
    "day_nanos",
    "day_held",
    "month_nanos",
    "month_held",
    "settled",
    "prompt",
    "completion",
)  # fields that have the same name and meaning


def parse_previous(packed: Mapping[str, Any], now: float = inf) -> Account:
    """Return the account of stored fields.

    `leases` maps an ID to [at, until, tokens, minute, nanos]. `requests` and `minute` count the minute
    `window` (minutes since the epoch), `requests_before` and `minute_before` the one before. Both counts
    expire at the latest time at which one of their requests, none of which is later than `now`, can expire.
    """
    buckets: dict[BucketKey, Bucket] = {}
    leases: Mapping[str, Sequence[Any]] = packed.get("leases") or {}
    for values in leases.values():
        lease = Lease(*values)
        bucket = buckets.get(lease.bucket, Bucket())
        buckets[lease.bucket] = bucket.plus(1, lease.tokens, lease.nanos)
    end = (packed.get("window", 0) + 1) * WINDOW
    expiry, last = end * TICKS, floor(min(end + WINDOW, now + WINDOW + 1)) * TICKS

    def counts(name: str) -> dict[int, int]:
        pairs = ((expiry, packed.get(f"{name}_before", 0)), (last, packed.get(name, 0)))
        return {end: count for end, count in pairs if count}

    requests, tokens = counts("requests"), counts("minute")
    return Account(
        **{name: packed[name] for name in SAME if name in packed},
        requests=sum(requests.values()),
        minute=sum(tokens.values()),
        in_flight=len(leases),
        request_counts=requests,
        token_counts=tokens,
        buckets=buckets,
    )
