"""Shards of an account: several items, each of which holds a slice of every limit.

DynamoDB takes about 1,000 writes per second of one item. An account with more traffic is divided into
SHARDS items. The slices of a limit always add up to it. No item exceeds its slice, so that the account
never exceeds its limit. An item whose slice is too small for a request gets more from the others:
the slices of all items are set anew, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from vaultcore.limits.account import Account, Lease, copy, needed, reserved
from vaultcore.limits.bounds import BOUNDS
from vaultcore.limits.limits import Limits

SHARDS = 16
_SUMS = tuple(each.name for each in fields(Account) if each.type == "int")

Slices = Mapping[str, int]  # by limit


def shard_name(account: str, number: int) -> str:
    """Return the name of an account's item; the first has the account's own name."""
    return f"{account}~{number}" if number else account


def slice_limits(limits: Limits, slices: Slices) -> Limits:
    """Return the limits with every value that is set replaced by its slice."""
    return Limits.unpack({name: slices[name] for name in limits.pack()})


def allocate(limits: Limits, accounts: Sequence[Account], lease: Lease, favored: int) -> list[dict[str, int]]:
    """Return the slices of every item. The remainder of a limit is divided evenly.

    The item `favored` gets at least what the lease needs, if so much remains.
    """
    slices: list[dict[str, int]] = [{} for _ in accounts]
    for limit, total in limits.pack().items():
        used = [reserved(account, limit) for account in accounts]
        free, need = total - sum(used), needed(BOUNDS[limit], lease)
        if need > free:
            need = 0
        share, rest = divmod(free - need, len(accounts))
        for number, amount in enumerate(used):
            more = need if number == favored else 0
            slices[number][limit] = amount + share + (number < rest) + more
    return slices


def combine(accounts: Sequence[Account]) -> Account:
    """Return the sum of several items as one account."""
    total, *others = accounts
    if not others:
        return total
    total = copy(total)
    day = max(account.day for account in accounts)
    for name in _SUMS:
        setattr(total, name, sum(getattr(account, name) for account in accounts))
    _add_maps(total, others)
    total.day_nanos = sum(each.day_nanos for each in accounts if each.day == day)
    total.day_held = sum(each.day_held for each in accounts if each.day == day)
    total.month_nanos = sum(each.month_nanos for each in accounts if each.month == day[:7])
    total.month_held = sum(each.month_held for each in accounts if each.month == day[:7])
    total.day = day
    return total


def _add_maps(total: Account, others: Sequence[Account]) -> None:
    requests, tokens = dict(total.request_counts), dict(total.token_counts)
    buckets = dict(total.buckets)
    for account in others:
        for counts, more in ((requests, account.request_counts), (tokens, account.token_counts)):
            for expiry, count in more.items():
                counts[expiry] = counts.get(expiry, 0) + count
        for key, bucket in account.buckets.items():
            before = buckets.get(key)
            amounts = (bucket.requests, bucket.tokens, bucket.nanos)
            buckets[key] = before.plus(*amounts) if before else bucket
    total.request_counts, total.token_counts, total.buckets = requests, tokens, buckets
