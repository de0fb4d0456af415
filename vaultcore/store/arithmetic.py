"""Account arithmetic for stores that hold accounts in memory during an operation: one pure function each."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.limits.account import (
    Account,
    Denial,
    Lease,
    align,
    reserve,
    roll_forward,
    settle,
)
from vaultcore.limits.reservation import LimitRefused, Reservation, ReservationResult
from vaultcore.limits.thresholds import Crossing, find_crossings
from vaultcore.store.base import Settlement


def reserve_levels(reservation: Reservation, accounts: Sequence[Account]) -> ReservationResult:
    """Return the accounts of every level with the reservation. Raise LimitRefused."""
    lease = align_all(reservation.lease, accounts)
    after = []
    for level, account in zip(reservation.levels, accounts, strict=True):
        outcome = reserve(account, level.limits, lease)
        if isinstance(outcome, Denial):
            raise LimitRefused(level, outcome, roll_forward(account, lease.at, lease.day))
        after.append(outcome)
    return ReservationResult(after, lease)


def align_all(lease: Lease, accounts: Sequence[Account]) -> Lease:
    """Return the lease at the latest time and day of the accounts."""
    for account in accounts:
        if account.rolled > lease.at or account.day != lease.date:
            lease = align(lease, account)
    return lease


def settle_levels(
    settlement: Settlement, accounts: Sequence[Account]
) -> tuple[list[Account], tuple[Crossing, ...]]:
    """Return the accounts of every level after a settlement, and the thresholds it crosses."""
    after: list[Account] = []
    crossings: list[Crossing] = []
    for level, account in zip(settlement.levels, accounts, strict=True):
        charged = settle(account, settlement.lease, settlement.charge)
        if level.limits.has_lasting_limit:
            crossings += find_crossings(level.account, account, charged, level.limits, level.thresholds)
        after.append(charged)
    return after, tuple(crossings)
