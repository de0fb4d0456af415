"""Thresholds of a divided account. No shard knows the total, so the store adds up all shards now and then.

A document for each threshold makes sure that it is reported once. The usage in an alert may lie above the
threshold by what all shards have charged since the last look.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.aws.dynamodb import ConditionsFailed
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Level
from vaultcore.limits.thresholds import Crossing, limit_usages, threshold_amount
from vaultcore.store.base import ABSENT, DocumentKey, Put
from vaultcore.store.dynamodb.account_item import AccountItem
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.documents import DocumentWrite

RETENTION = 400 * 86_400.0  # seconds


async def find_new_crossings(accounts: AccountTable, level: Level, item: AccountItem) -> Sequence[Crossing]:
    """Return the thresholds that are reached and not reported. Looks at every 16th settlement of a shard."""
    if item.account.settled % item.shards or not level.limits.has_lasting_limit:
        return []
    (whole,) = await accounts.get([level.account])
    return await mark_reached(accounts, level, whole)


async def mark_reached(accounts: AccountTable, level: Level, account: Account) -> Sequence[Crossing]:
    """Mark the thresholds that an account has reached. Return those that nobody had marked."""
    return [
        Crossing(level.account, usage, percent)
        for usage in limit_usages(account, level.limits)
        for percent in level.thresholds
        if usage.used >= threshold_amount(usage.most, percent)
        and await _mark(accounts, level.account, f"{usage.limit}-{usage.period}-{usage.most}-{percent}")
    ]


async def _mark(accounts: AccountTable, account: str, threshold: str) -> bool:
    """Return True if this is the first mark of a threshold."""
    if (account, threshold) in accounts.reported:
        return False
    key, now = DocumentKey(f"refused/{account}", f"reached-{threshold}"), accounts.clock.now()
    put = Put(key, {}, expires=now + RETENTION, version=ABSENT)
    try:
        await accounts.table.write(*DocumentWrite((put,), now, threshold).actions())
    except ConditionsFailed:
        is_first = False
    else:
        is_first = True
    accounts.reported.add((account, threshold))
    return is_first
