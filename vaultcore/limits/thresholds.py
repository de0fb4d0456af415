"""How far along an account is: its lasting limits, what is used of them, the marks just passed, the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vaultcore.limits.account import Account
from vaultcore.limits.limits import Limits

PLENTY = 20  # per cent of a limit: where more is left, a request that has no room asks for much


@dataclass(frozen=True, slots=True)
class Meter:
    """One lasting limit of an account. Settled use counts, not what is reserved."""

    limit: str  # the field of Limits: tokens, credits, day, month
    used: int  # tokens or nano-dollars
    most: int
    period: str = ""  # the day or month it is of


@dataclass(frozen=True, slots=True)
class Crossing:
    """A mark that one settlement took an account past."""

    account: str
    meter: Meter
    percent: int


def meters(account: Account, limits: Limits) -> list[Meter]:
    """The lasting limits that are set. The account's day and month are the ones it is at."""
    found = (
        ("tokens", account.tokens, limits.tokens, ""),
        ("credits", account.nanos, limits.credits, ""),
        ("day", account.day_nanos, limits.day, account.day),
        ("month", account.month_nanos, limits.month, account.month),
    )
    return [Meter(name, used, most, period) for name, used, most, period in found if most is not None]


def mark(most: int, percent: int) -> int:
    """The use at which a share of a limit is reached, rounded up."""
    return max(1, -(-most * percent // 100))


def crossings(
    name: str, before: Account, after: Account, limits: Limits, marks: Sequence[int]
) -> Iterator[Crossing]:
    """The marks between two states of an account, the second of which one settlement made of the first.

    Use only grows within a period, so that a mark which is set when it has been passed stays unsaid.
    """
    for old, new in zip(meters(before, limits), meters(after, limits), strict=True):
        for percent in marks:
            if old.used < mark(new.most, percent) <= new.used:
                yield Crossing(name, new, percent)


def used_up(account: Account, limits: Limits, limit: str) -> Meter | None:
    """The limit that refused a request, where it is lasting and at most PLENTY of it is left; else None."""
    found = (meter for meter in meters(account, limits) if meter.limit == limit)
    return next((each for each in found if (each.most - each.used) * 100 <= each.most * PLENTY), None)
