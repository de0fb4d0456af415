"""Account arithmetic for stores that hold accounts in memory during an operation: one pure function each."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.limits.account import Account, Denial, account_time, release, reserve, roll_forward, settle
from vaultcore.limits.reservation import LimitRefused, Reservation
from vaultcore.limits.thresholds import Crossing, find_crossings
from vaultcore.store.base import Settlement


def reserve_levels(reservation: Reservation, accounts: Sequence[Account]) -> list[Account]:
    """Return the accounts of every level with the reservation. Raise LimitRefused.

    If one of them holds the reservation already, return the accounts unchanged.
    """
    after = []
    for level, account in zip(reservation.levels, accounts, strict=True):
        if reservation.id in account.leases:
            return list(accounts)
        outcome = reserve(account, level.limits, reservation.id, reservation.lease)
        if isinstance(outcome, Denial):
            raise LimitRefused(level, outcome, roll_forward(account, reservation.lease.at))
        after.append(outcome)
    return after


def settle_levels(
    settlement: Settlement, accounts: Sequence[Account]
) -> tuple[list[Account], tuple[Crossing, ...]]:
    """Return the accounts of every level after a settlement, and the thresholds it crosses."""
    after: list[Account] = []
    crossings: list[Crossing] = []
    for level, account in zip(settlement.levels, accounts, strict=True):
        charged = settle(account, settlement.id, settlement.lease, settlement.charge)
        crossings += find_crossings(level.account, account, charged, level.limits, level.thresholds)
        after.append(charged)
    return after, tuple(crossings)


def release_expired(account: Account, now: float) -> Account:
    """Return the account without its expired leases. Windows and periods do not roll forward."""
    now = account_time(account, now)
    for name, lease in account.leases.items():
        if lease.until <= now:
            account = release(account, name)
    return account
