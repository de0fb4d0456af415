"""A settlement as an update of an account's item, calculated from the account as it is cached.

A transaction does not return what it has changed. The conditions therefore state everything that the result
depends on: whether the account still holds the lease, its window, day and month, and between which thresholds
its usage lies. If one is false, DynamoDB returns the item, and the update is calculated anew from that.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.aws.dynamodb import WriteAction
from vaultcore.limits.account import Account, Charge, Lease
from vaultcore.limits.reservation import Level
from vaultcore.limits.thresholds import threshold_amount
from vaultcore.store.base import Settlement
from vaultcore.store.dynamodb.items import account_key, render_lease
from vaultcore.store.dynamodb.update_expression import UpdateExpression


def assumed_account(settlement: Settlement) -> Account:
    """Return a guess at an account that is not cached: it holds this reservation and nothing else."""
    lease = settlement.lease
    return Account(
        window=lease.window,
        requests=1,
        minute=lease.minute,
        tokens_held=lease.tokens,
        nanos_held=lease.nanos,
        day=lease.day,
        day_held=lease.nanos,
        month=lease.month,
        month_held=lease.nanos,
        leases={settlement.id: lease},
    )


def settle_account(level: Level, cached: Account, settlement: Settlement) -> WriteAction:
    """Return the update that replaces a lease by its charge, as `limits.account.settle` does.

    If the cached account holds the lease, the item must hold it unchanged. If not, because the lease has
    expired and was released, the item must not hold it either, and the request is charged nevertheless.
    """
    update, charge = UpdateExpression(account_key(level.account)), settlement.charge
    limits = level.limits
    existing = cached.leases.get(settlement.id)
    lease = existing or settlement.lease
    path = update.map_entry("leases", settlement.id)
    if existing:
        update.require_that(f"{path} = {update.value(render_lease(existing))}")
        update.remove(path)
    else:
        update.require_that(f"attribute_not_exists({path})")
    released_tokens, released_nanos = (existing.tokens, existing.nanos) if existing else (0, 0)
    _correct_minute(update, cached, lease, charge.tokens - lease.minute)
    _add_usage(update, "tokens", cached.tokens, charge.tokens, _threshold_amounts(level, limits.tokens))
    update.increase("tokens_held", charge.tokens - released_tokens)
    _add_usage(update, "nanos", cached.nanos, charge.nanos, _threshold_amounts(level, limits.credits))
    update.increase("nanos_held", charge.nanos - released_nanos)
    if charge.nanos or released_nanos:
        _add_spending(update, cached, lease, level, (charge.nanos, released_nanos))
    _count_request(update, charge)
    return update.action()


def _correct_minute(update: UpdateExpression, cached: Account, lease: Lease, by: int) -> None:
    """Replace the estimated tokens of the lease's window by the charged ones, but never below 0.

    If that window is the current or the previous one, the item must be at the cached window. A correction
    that would go below 0 requires a count below it and sets 0; any other decrease requires a count that
    covers it. If the window is older, the item must not be at the lease's window or the one after it.
    """
    if not by:
        return
    if lease.window not in (cached.window, cached.window - 1):
        update.require("window", "<>", lease.window)
        update.require("window", "<>", lease.window + 1)
        return
    update.require("window", "=", cached.window)
    name, count = ("minute", cached.minute)
    if lease.window != cached.window:
        name, count = ("minute_before", cached.minute_before)
    if count + by < 0:
        update.require(name, "<", -by)
        update.set(name, 0)
        return
    if by < 0:
        update.require(name, ">=", -by)
    update.increase(name, by)


def _add_spending(
    update: UpdateExpression, cached: Account, lease: Lease, level: Level, nanos: tuple[int, int]
) -> None:
    """Charge the day and the month of the lease: `nanos` are the charge and what the lease held.

    If the item is in the lease's period according to the cache, it must be. If the period is over, the item
    must not be in it, and nothing is charged there.
    """
    (charged, released), limits = nanos, level.limits
    periods = (
        ("day", lease.day, cached.day, cached.day_nanos, limits.day),
        ("month", lease.month, cached.month, cached.month_nanos, limits.month),
    )
    for name, leased, current, used, limit in periods:
        if leased != current:
            update.require(name, "<>", leased)
            continue
        update.require(name, "=", current)
        _add_usage(update, f"{name}_nanos", used, charged, _threshold_amounts(level, limit))
        update.increase(f"{name}_held", charged - released)


def _threshold_amounts(level: Level, limit: int | None) -> list[int]:
    """Return the usage at which each threshold of a limit is crossed; none without a limit."""
    return [] if limit is None else [threshold_amount(limit, percent) for percent in level.thresholds]


def _add_usage(update: UpdateExpression, name: str, used: int, more: int, amounts: Sequence[int]) -> None:
    """Add to usage, on the condition that this crosses the same thresholds as it does from the cached usage.

    If it crosses one, the usage must be exactly the cached one, because the alert states it. If not, the
    usage must be at or above the last threshold reached, and must stay below the next one.
    """
    update.increase(name, more)
    if more <= 0:
        return
    if any(used < amount <= used + more for amount in amounts):
        update.require(name, "=", used)
        return
    if reached := [amount for amount in amounts if amount <= used]:
        update.require(name, ">=", max(reached))
    if ahead := [amount for amount in amounts if amount > used]:
        update.require(name, "<", min(ahead) - more)


def _count_request(update: UpdateExpression, charge: Charge) -> None:
    update.increase("settled", 1)
    update.increase("prompt", charge.prompt)
    update.increase("completion", charge.completion)
