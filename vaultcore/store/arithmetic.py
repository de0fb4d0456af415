"""What a store that holds its accounts in its hand does with them: one function per operation, pure."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.limits.account import Account, Denial, present, release, reserve, rolled, settle
from vaultcore.limits.reservation import Refused, Reservation
from vaultcore.limits.thresholds import Crossing, crossings
from vaultcore.store.base import Settlement


def reserved(reservation: Reservation, accounts: Sequence[Account]) -> list[Account]:
    """The accounts of every level after a reservation, or Refused. One that was made stays as it is."""
    after = []
    for level, account in zip(reservation.levels, accounts, strict=True):
        if reservation.id in account.leases:
            return list(accounts)
        made = reserve(account, level.limits, reservation.id, reservation.lease)
        if isinstance(made, Denial):
            raise Refused(level, made, rolled(account, reservation.lease.at))
        after.append(made)
    return after


def settled(
    settlement: Settlement, accounts: Sequence[Account]
) -> tuple[list[Account], tuple[Crossing, ...]]:
    """The accounts of every level after a settlement, and the marks that it takes them past."""
    after: list[Account] = []
    crossed: list[Crossing] = []
    for level, account in zip(settlement.levels, accounts, strict=True):
        done = settle(account, settlement.id, settlement.lease, settlement.spent)
        crossed += crossings(level.account, account, done, level.limits, level.marks)
        after.append(done)
    return after, tuple(crossed)


def swept(account: Account, now: float) -> Account:
    """The account without the leases whose time is up; else it stays as it is."""
    now = present(account, now)
    for name, lease in account.leases.items():
        if lease.until <= now:
            account = release(account, name)
    return account
