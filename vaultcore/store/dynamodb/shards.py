"""Divides a busy account into shards, and sets their slices anew when one is too small for a request."""

from __future__ import annotations

from dataclasses import replace

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, WriteAction
from vaultcore.limits.account import Account, Lease, find_denial, roll_forward
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.dynamodb.account_item import (
    METER,
    AccountItem,
    account_key,
    milliseconds,
    render_account,
    render_amounts,
)
from vaultcore.store.dynamodb.account_updates import AccountUpdate
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.items import number
from vaultcore.store.dynamodb.shard_allocation import (
    SHARDS,
    allocate,
    combine,
    shard_name,
)
from vaultcore.store.dynamodb.shard_thresholds import mark_reached

BUSY_RATE = 60.0  # admissions per second from which on an account is divided


async def reallocate(accounts: AccountTable, level: Level, lease: Lease, favored: int, count: int) -> None:
    """Set the slices of all shards, so that the lease fits into the shard `favored`.

    Raise LimitRefused if it does not fit into the whole account.
    """
    backoff = WriteBackoff(accounts.clock)
    while True:
        items = await accounts.read_many([shard_name(level.account, n) for n in range(count)])
        items = [
            await _remove_expired(accounts, level.account, n, item, lease.at) for n, item in enumerate(items)
        ]
        rolled = [roll_forward(item.account, lease.at, lease.day) for item in items]
        whole = combine(rolled)
        if denial := find_denial(whole, level.limits, lease):
            raise LimitRefused(level, denial, whole)
        slices = allocate(level.limits, rolled, lease, favored)
        totals = level.limits.pack()
        actions: list[WriteAction] = [
            AccountUpdate(shard_name(level.account, n), item, "").allocate(
                slices[n], totals, count, lease.day
            )
            for n, item in enumerate(items)
        ]
        try:
            await accounts.table.write(*actions)
        except ConditionsFailed:
            await backoff.wait()
        except DynamoDBBusy:
            await backoff.wait(busy=True)
        else:
            return


async def divide(accounts: AccountTable, level: Level, item: AccountItem, lease: Lease) -> None:
    """Divide an account that is one item into shards. Several processes may try at once."""
    await mark_reached(accounts, level, item.account)  # reported while the account was one item
    totals = level.limits.pack()
    empty = render_account("", Account(day=item.account.day), milliseconds(lease.at))
    empty |= {"n": number(SHARDS), "s": render_amounts(dict.fromkeys(totals, 0))}
    for n in range(1, SHARDS):
        fields = {"Item": empty | account_key(shard_name(level.account, n))}
        put = WriteAction("Put", {**fields, "ConditionExpression": "attribute_not_exists(pk)"})
        try:
            await accounts.table.write(put)
        except ConditionsFailed:
            continue
    update = AccountUpdate(level.account, item, "").allocate(totals, totals, SHARDS, lease.day)
    try:
        accounts.cache(level.account, await accounts.table.write(update))
    except ConditionsFailed as failure:
        accounts.cache(level.account, failure.items[0])
        return
    await reallocate(accounts, level, replace(lease, tokens=0, minute=0, nanos=0), 0, SHARDS)


def is_busy(item: AccountItem, now: float, rate: float) -> bool:
    """Return True if an undivided account has more than `rate` admissions per second."""
    is_present = item.period == int(now // METER)
    return item.shards == 1 and is_present and item.admissions > rate * METER


async def _remove_expired(
    accounts: AccountTable, account: str, number: int, item: AccountItem, now: float
) -> AccountItem:
    """Remove what has expired from a shard. Return its item after that, or as it is if others change it."""
    name = shard_name(account, number)
    try:
        item = await accounts.remove_excess(name, item, now)
        action = AccountUpdate(name, item, "").remove_expired(now)
        return item if action is None else accounts.cache(name, await accounts.table.write(action))
    except (ConditionsFailed, DynamoDBBusy):
        return item
