"""A reservation as a change of an account's item, made of the account as it was last seen.

Conditions cannot calculate, so the room that is left is calculated here and asserted there. What the change
depends on (which window, day and month it is) is asserted as it was seen; counters only by the most that they
may be, so that those who come at the same time do not disturb each other. Nothing is let through that
`reserve` would deny of the item as it is; what fails is decided anew, of the item that DynamoDB then shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.aws.dynamo import Action
from vaultcore.limits.account import (
    WINDOW,
    Account,
    Lease,
    day_of,
    present,
    room,
    room_before,
)
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store.dynamodb.items import account_item, account_key, lease_text
from vaultcore.store.dynamodb.update_expression import UpdateExpression

RETURNED = 100  # leases given back by one update: an expression has 4 KB and 300 operators
_SLACK = 16


def created(name: str, account: Account) -> Action:
    """The item of an account that nobody has used yet."""
    fields = {"Item": account_item(name, account), "ConditionExpression": "attribute_not_exists(pk)"}
    return Action("Put", fields)


def overdue(account: Account, now: float) -> dict[str, Lease]:
    """The leases whose time is up, as many as one update can give back."""
    now = present(account, now)
    ended = [(name, lease) for name, lease in account.leases.items() if lease.until <= now]
    return dict(ended[:RETURNED])


def returned(name: str, account: Account, ended: Mapping[str, Lease]) -> Action:
    """Leases given back and nothing else."""
    change = UpdateExpression(account_key(name))
    change.want("day", "=", account.day)
    change.want("month", "=", account.month)
    gave = _give_back(change, ended, account.day)
    change.more("tokens_held", -gave.tokens)
    change.more("nanos_held", -gave.nanos)
    change.more("day_held", -gave.today)
    change.more("month_held", -gave.this_month)
    return change.action()


def admitted(level: Level, seen: Account, after: Account, id: str, asked: Lease) -> Action:
    """The item with one more lease, `after` being what `reserve` makes of the account as it was seen."""
    change, limits = UpdateExpression(account_key(level.account)), level.limits
    now = present(seen, asked.at)
    day = day_of(now)
    change.want_that(f"attribute_not_exists({change.within('leases', id)})")
    gave = _give_back(change, overdue(seen, now), day)
    _windows(change, limits, seen, asked, now)
    _lasting(change, limits, asked, gave)
    _period(change, ("day", seen.day, day), limits.day, asked.nanos, gave.today)
    _period(change, ("month", seen.month, day[:7]), limits.month, asked.nanos, gave.this_month)
    most = 2 * max(_SLACK, len(seen.leases)) + gave.leases  # or they are others', and may be over: look again
    if limits.parallel is not None:
        most = min(most, limits.parallel + gave.leases)
    change.want_that(f"size(leases) < {change.value(most)}")
    change.assign(change.within("leases", id), change.value(lease_text(after.leases[id])))
    return change.action()


class _Gave:
    """What leases held that are given back."""

    def __init__(self, leases: Mapping[str, Lease], day: str) -> None:
        held = leases.values()
        self.leases = len(leases)
        self.tokens = sum(lease.tokens for lease in held)
        self.nanos = sum(lease.nanos for lease in held)
        self.today = sum(lease.nanos for lease in held if lease.day == day)
        self.this_month = sum(lease.nanos for lease in held if lease.month == day[:7])


def _give_back(change: UpdateExpression, leases: Mapping[str, Lease], day: str) -> _Gave:
    for name, lease in leases.items():
        path = change.within("leases", name)
        change.want_that(f"{path} = {change.value(lease_text(lease))}")
        change.remove(path)
    return _Gave(leases, day)


def _windows(change: UpdateExpression, limits: Limits, seen: Account, asked: Lease, now: float) -> None:
    window = int(now // WINDOW)
    rates = (
        ("requests", limits.rpm, 1, seen.requests_before),
        ("minute", limits.tpm, asked.minute, seen.minute_before),
    )
    if window == seen.window:
        change.want("window", "=", window)
    elif window == seen.window + 1:
        change.want("window", "=", seen.window)
    else:
        change.want("window", "<", window - 1)
    if window != seen.window:
        change.set("window", window)
    for name, limit, more, before in rates:
        if window == seen.window:
            if limit is not None:
                change.want(f"{name}_before", "<=", before)
                change.want(name, "<=", room(limit, before, now) - more)
            change.more(name, more)
        elif window == seen.window + 1:
            if limit is not None:
                change.want(name, "<=", room_before(limit - more, now))
            change.assign(change.name(f"{name}_before"), change.name(name))
            change.set(name, more)
        else:
            change.set(f"{name}_before", 0)
            change.set(name, more)


def _lasting(change: UpdateExpression, limits: Limits, asked: Lease, gave: _Gave) -> None:
    held = (
        ("tokens_held", limits.tokens, asked.tokens, gave.tokens),
        ("nanos_held", limits.credits, asked.nanos, gave.nanos),
    )
    for name, limit, more, less in held:
        if limit is not None:
            change.want(name, "<=", limit - more + less)
        change.more(name, more - less)


def _period(
    change: UpdateExpression, period: tuple[str, str, str], limit: int | None, more: int, less: int
) -> None:
    """Money held in a day or a month, which begins anew where it is not the one seen."""
    name, was, now = period
    if was != now:
        change.want(name, "<>", now)
        change.set(name, now)
        change.set(f"{name}_nanos", 0)
        change.set(f"{name}_held", more - less)
        return
    change.want(name, "=", now)
    if limit is not None:
        change.want(f"{name}_held", "<=", limit - more + less)
    change.more(f"{name}_held", more - less)
