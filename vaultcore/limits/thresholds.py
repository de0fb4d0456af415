"""Use of the lasting limits of an account, and the alert thresholds that a settlement crosses."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account
from vaultcore.limits.limits import Limits

MAX_REMAINING = 20  # per cent of a limit; with more than this left, a refusal is due to a large request


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """Settled use of one lasting limit; reservations do not count."""

    limit: str  # the field of Limits: tokens, credits, day or month
    used: int  # tokens or nano-dollars
    most: int  # the limit, in the same unit
    period: str = ""  # the day ("2026-11-22") or month ("2026-11") of a budget


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that one settlement crosses."""

    account: str
    usage: LimitUsage
    percent: int


def limit_usages(account: Account, limits: Limits) -> list[LimitUsage]:
    """Return the use of each lasting limit that is set, for the account's own day and month."""
    usages = []
    for limit, most, bound in limits.lasting_bounds:
        period = getattr(account, bound.period) if bound.period else ""
        usages.append(LimitUsage(limit, getattr(account, bound.settled), most, period))
    return usages


def threshold_amount(most: int, percent: int) -> int:
    """Return the use that reaches `percent` of a limit of `most`, rounded up, at least 1.

    >>> threshold_amount(1001, 80)
    801
    """
    return max(1, -(-most * percent // 100))


def find_crossings(
    name: str, before: Account, after: Account, limits: Limits, thresholds: Sequence[int]
) -> list[Crossing]:
    """Return the thresholds of account `name` that lie between its state before and after a settlement.

    Use only grows within a period. A threshold that is added below the current use is therefore
    never reported.
    """
    crossings = []
    for limit, most, bound in limits.lasting_bounds:
        old, new = getattr(before, bound.settled), getattr(after, bound.settled)
        if new < 1 or new == old:
            continue
        for percent in thresholds:
            # The same as old < threshold_amount(most, percent) <= new, without a call.
            if new * 100 >= most * percent and (old * 100 < most * percent or old < 1):
                period = getattr(after, bound.period) if bound.period else ""
                crossings.append(Crossing(name, LimitUsage(limit, new, most, period), percent))
    return crossings


def find_exhausted(account: Account, limits: Limits, limit: str) -> LimitUsage | None:
    """Return the use of the lasting limit that refused a request, if at most MAX_REMAINING of it is left.

    `limit` is a field of Limits. The result is None for rates and for limits with more left.
    """
    matches = (usage for usage in limit_usages(account, limits) if usage.limit == limit)
    return next(
        (usage for usage in matches if (usage.most - usage.used) * 100 <= usage.most * MAX_REMAINING), None
    )
