"""A reservation as an update of an account's item, calculated from the account as it is cached.

DynamoDB's conditions compare but do not calculate (https://docs.aws.amazon.com/amazondynamodb/latest/
developerguide/Expressions.OperatorsAndFunctions.html). The remaining allowance is therefore calculated here,
and the condition states the highest value that a counter may have. Concurrent requests then do not disturb
each other as long as there is room. The window, day and month must be exactly the cached ones.

No condition lets a reservation through that `limits.account.reserve` would refuse for the item as it is. If a
condition is false, the decision is made anew from the item that DynamoDB returns.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.aws.dynamodb import WriteAction
from vaultcore.limits.account import (
    WINDOW,
    Account,
    Lease,
    account_time,
    day_of,
    max_previous_count,
    window_allowance,
)
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store.dynamodb.items import account_item, account_key, render_lease
from vaultcore.store.dynamodb.update_expression import UpdateExpression

MAX_RELEASED = 100  # leases per update: an expression is limited to 4 KB and 300 operators
_MIN_EXPECTED_LEASES = 16


def create_account(name: str, account: Account) -> WriteAction:
    """Return the write of an account's first item. It requires that the account has no item."""
    fields = {"Item": account_item(name, account), "ConditionExpression": "attribute_not_exists(pk)"}
    return WriteAction("Put", fields)


def expired_leases(account: Account, now: float) -> dict[str, Lease]:
    """Return the expired leases, no more than one update can release."""
    now = account_time(account, now)
    expired = [(name, lease) for name, lease in account.leases.items() if lease.until <= now]
    return dict(expired[:MAX_RELEASED])


def release_leases(name: str, account: Account, leases: Mapping[str, Lease]) -> WriteAction:
    """Return the update that releases leases and changes nothing else.

    It requires the cached day and month, and that the account still holds each of the leases.
    """
    update = UpdateExpression(account_key(name))
    update.require("day", "=", account.day)
    update.require("month", "=", account.month)
    released = _release(update, leases, account.day)
    update.increase("tokens_held", -released.tokens)
    update.increase("nanos_held", -released.nanos)
    update.increase("day_held", -released.today)
    update.increase("month_held", -released.this_month)
    return update.action()


def add_lease(level: Level, cached: Account, after: Account, id: str, lease: Lease) -> WriteAction:
    """Return the update that adds a lease and releases expired ones.

    `after` is the account that `limits.account.reserve` calculates from the cached one. The update requires
    that the account does not hold this lease yet, that the rates, totals and budgets leave room for it, and
    that the account has fewer leases than the `parallel` limit. Without that limit the number of leases must
    stay below twice the cached number: if it is higher, other processes have added many, some may have
    expired, and the account is read again.
    """
    update, limits = UpdateExpression(account_key(level.account)), level.limits
    now = account_time(cached, lease.at)
    day = day_of(now)
    update.require_that(f"attribute_not_exists({update.map_entry('leases', id)})")
    released = _release(update, expired_leases(cached, now), day)
    _update_window(update, limits, cached, lease, now)
    _update_totals(update, limits, lease, released)
    _update_period(update, ("day", cached.day, day), limits.day, lease.nanos, released.today)
    _update_period(update, ("month", cached.month, day[:7]), limits.month, lease.nanos, released.this_month)
    most = 2 * max(_MIN_EXPECTED_LEASES, len(cached.leases)) + released.leases
    if limits.parallel is not None:
        most = min(most, limits.parallel + released.leases)
    update.require_that(f"size(leases) < {update.value(most)}")
    update.assign(update.map_entry("leases", id), update.value(render_lease(after.leases[id])))
    return update.action()


class _ReleasedAmounts:
    """The amounts that released leases held."""

    def __init__(self, leases: Mapping[str, Lease], day: str) -> None:
        values = leases.values()
        self.leases = len(leases)
        self.tokens = sum(lease.tokens for lease in values)
        self.nanos = sum(lease.nanos for lease in values)
        self.today = sum(lease.nanos for lease in values if lease.day == day)
        self.this_month = sum(lease.nanos for lease in values if lease.month == day[:7])


def _release(update: UpdateExpression, leases: Mapping[str, Lease], day: str) -> _ReleasedAmounts:
    """Remove leases, each on the condition that the account still holds it unchanged."""
    for name, lease in leases.items():
        path = update.map_entry("leases", name)
        update.require_that(f"{path} = {update.value(render_lease(lease))}")
        update.remove(path)
    return _ReleasedAmounts(leases, day)


def _update_window(
    update: UpdateExpression, limits: Limits, cached: Account, lease: Lease, now: float
) -> None:
    """Count the request and its tokens in the current window, which the cached account may not have reached.

    In the cached window: the window must be that one, the previous counts at most the cached ones, and the
    current counts at most the remaining allowance.
    In the window after it: the item must still be at the cached window, and its counts, which become the
    previous ones, must leave the allowance.
    In a later window: the item must be at least two windows behind; nothing of its counts matters.
    """
    window = int(now // WINDOW)
    rates = (
        ("requests", limits.rpm, 1, cached.requests_before),
        ("minute", limits.tpm, lease.minute, cached.minute_before),
    )
    if window == cached.window:
        update.require("window", "=", window)
    elif window == cached.window + 1:
        update.require("window", "=", cached.window)
    else:
        update.require("window", "<", window - 1)
    if window != cached.window:
        update.set("window", window)
    for name, limit, more, before in rates:
        if window == cached.window:
            if limit is not None:
                update.require(f"{name}_before", "<=", before)
                update.require(name, "<=", window_allowance(limit, before, now) - more)
            update.increase(name, more)
        elif window == cached.window + 1:
            if limit is not None:
                update.require(name, "<=", max_previous_count(limit - more, now))
            update.assign(update.name(f"{name}_before"), update.name(name))
            update.set(name, more)
        else:
            update.set(f"{name}_before", 0)
            update.set(name, more)


def _update_totals(
    update: UpdateExpression, limits: Limits, lease: Lease, released: _ReleasedAmounts
) -> None:
    """Hold the lease's tokens and money. What is held must be at most the limit less the lease's share."""
    totals = (
        ("tokens_held", limits.tokens, lease.tokens, released.tokens),
        ("nanos_held", limits.credits, lease.nanos, released.nanos),
    )
    for name, limit, more, less in totals:
        if limit is not None:
            update.require(name, "<=", limit - more + less)
        update.increase(name, more - less)


def _update_period(
    update: UpdateExpression, period: tuple[str, str, str], limit: int | None, more: int, less: int
) -> None:
    """Hold money of a day or a month: `period` is the attribute, its cached value and the current value.

    In the cached period: the period must be that one, and what is held at most the limit less the lease's
    share. In a new period: the item must not be in it yet, and its sums begin at 0.
    """
    name, cached, current = period
    if cached != current:
        update.require(name, "<>", current)
        update.set(name, current)
        update.set(f"{name}_nanos", 0)
        update.set(f"{name}_held", more - less)
        return
    update.require(name, "=", current)
    if limit is not None:
        update.require(f"{name}_held", "<=", limit - more + less)
    update.increase(f"{name}_held", more - less)
