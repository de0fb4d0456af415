"""A settlement as a change of an account's item, made of the account as it was last seen.

A transaction tells nothing of what it changed, so what a settlement depends on is asserted: whether the
account still holds the lease, which window, day and month it is at, and that its use lies where the same
marks are passed. Where the guess was wrong, DynamoDB shows the item, and the next one is made of that.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.aws.dynamo import Action
from vaultcore.limits.account import Account, Lease, Spent
from vaultcore.limits.reservation import Level
from vaultcore.limits.thresholds import mark
from vaultcore.store.base import Settlement
from vaultcore.store.dynamodb.items import account_key, lease_text
from vaultcore.store.dynamodb.update_expression import UpdateExpression


def guessed(settlement: Settlement) -> Account:
    """An account of which nothing is known: as if this request alone had been admitted there."""
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


def charged(level: Level, seen: Account, settlement: Settlement) -> Action:
    """The item with what a request used in place of what it holds, as `settle` says."""
    change, spent = UpdateExpression(account_key(level.account)), settlement.spent
    limits = level.limits
    held = seen.leases.get(settlement.id)
    lease = held or settlement.lease
    path = change.within("leases", settlement.id)
    if held:
        change.want_that(f"{path} = {change.value(lease_text(held))}")
        change.remove(path)
    else:
        change.want_that(f"attribute_not_exists({path})")
    back_tokens, back_nanos = (held.tokens, held.nanos) if held else (0, 0)
    _correct(change, seen, lease, spent.tokens - lease.minute)
    _use(change, "tokens", seen.tokens, spent.tokens, _marks(level, limits.tokens))
    change.more("tokens_held", spent.tokens - back_tokens)
    _use(change, "nanos", seen.nanos, spent.nanos, _marks(level, limits.credits))
    change.more("nanos_held", spent.nanos - back_nanos)
    if spent.nanos or back_nanos:
        _spend(change, seen, lease, level, (spent.nanos, back_nanos))
    _count(change, spent)
    return change.action()


def _correct(change: UpdateExpression, seen: Account, lease: Lease, by: int) -> None:
    """What was put down for a minute becomes what was used, in that minute and never below nothing."""
    if not by:
        return
    if lease.window not in (seen.window, seen.window - 1):
        change.want("window", "<>", lease.window)
        change.want("window", "<>", lease.window + 1)
        return
    change.want("window", "=", seen.window)
    name, counted = ("minute", seen.minute)
    if lease.window != seen.window:
        name, counted = ("minute_before", seen.minute_before)
    if counted + by < 0:
        change.want(name, "<", -by)
        change.set(name, 0)
        return
    if by < 0:
        change.want(name, ">=", -by)
    change.more(name, by)


def _spend(
    change: UpdateExpression, seen: Account, lease: Lease, level: Level, nanos: tuple[int, int]
) -> None:
    """Money in the day and the month in which the request was admitted, as far as those are not over."""
    (spent, back), limits = nanos, level.limits
    periods = (
        ("day", lease.day, seen.day, seen.day_nanos, limits.day),
        ("month", lease.month, seen.month, seen.month_nanos, limits.month),
    )
    for name, admitted, now, used, limit in periods:
        if admitted != now:
            change.want(name, "<>", admitted)
            continue
        change.want(name, "=", now)
        _use(change, f"{name}_nanos", used, spent, _marks(level, limit))
        change.more(f"{name}_held", spent - back)


def _marks(level: Level, limit: int | None) -> list[int]:
    """The use at which there are marks on a limit; none, where it is not set."""
    return [] if limit is None else [mark(limit, percent) for percent in level.marks]


def _use(change: UpdateExpression, name: str, used: int, more: int, marks: Sequence[int]) -> None:
    """Count what was used, where the same marks are passed as they were seen to be."""
    change.more(name, more)
    if more <= 0:
        return
    if any(used < each <= used + more for each in marks):
        change.want(name, "=", used)  # what is told of a mark is exact
        return
    if passed := [each for each in marks if each <= used]:
        change.want(name, ">=", max(passed))
    if ahead := [each for each in marks if each > used]:
        change.want(name, "<", min(ahead) - more)


def _count(change: UpdateExpression, spent: Spent) -> None:
    change.more("settled", 1)
    change.more("prompt", spent.prompt)
    change.more("completion", spent.completion)
