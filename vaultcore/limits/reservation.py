"""A reservation: what one request holds at every level until it is settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account, Denial, Lease
from vaultcore.limits.limits import DEFAULT_THRESHOLDS, Limits


@dataclass(frozen=True, slots=True)
class Level:
    """An account that a request counts against, and its limits: the key, its owner, or the gateway."""

    account: str  # "key:ID", "owner:NAME" or "gateway"
    limits: Limits
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS  # per cent of a lasting limit; each crossing is alerted


@dataclass(frozen=True, slots=True)
class Reservation:
    """The same lease at every level. The store admits it at all levels or at none.

    `lease.at` is the store's time (`Store.now`). The settlement of the request uses the same `id`.
    """

    id: str
    levels: Sequence[Level]
    lease: Lease


def move(reservation: Reservation, seconds: float) -> Reservation:
    """Return a reservation at another time, with the same duration and day."""
    if not seconds:
        return reservation
    lease = reservation.lease
    at, until = lease.at + seconds, lease.until + seconds
    return replace(reservation, lease=replace(lease, at=at, until=until, date=lease.day))


@dataclass(frozen=True, slots=True)
class ReservationResult:
    """The accounts after a reservation, and the lease as it was added to them.

    Its time may be a little later than requested. A settlement must use this lease.
    """

    accounts: Sequence[Account]
    lease: Lease


class LimitRefused(Exception):
    """A level has no capacity for the request. Nothing was reserved at any level."""

    def __init__(self, level: Level, denial: Denial, account: Account) -> None:
        super().__init__(f"{level.account} is at its limit: {denial.limit}")
        self.level, self.denial = level, denial
        self.account = account  # its state when the request was refused
