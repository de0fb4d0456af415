"""Requests as the gateway makes them of a store: a reservation and its settlement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from tests.fakes.clock import NOON
from vaultcore.limits.account import Account, Charge, Lease, roll_forward
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement
from vaultcore.store.document_types import timed_key

LEASE = 300.0  # seconds
LOG = "log/2026-11-22"
DOLLAR = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A request at some levels, and the two calls that it makes of a store."""

    id: str
    levels: tuple[Level, ...]
    at: float = NOON
    tokens: int = 0
    minute: int = 0
    nanos: int = 0
    until: float | None = None
    collection: str = LOG

    @property
    def lease(self) -> Lease:
        until = self.at + LEASE if self.until is None else self.until
        return Lease(self.at, until, self.tokens, self.minute, self.nanos)

    @property
    def reservation(self) -> Reservation:
        return Reservation(self.id, self.levels, self.lease)

    def settlement(
        self, spent: Charge | None = None, *, alert: Callable[[Crossing], Put] | None = None
    ) -> Settlement:
        """Return the settlement, with a record under the request's ID."""
        spent = spent or Charge()
        used = {"prompt": spent.prompt, "completion": spent.completion, "nanos": spent.nanos}
        key = timed_key(self.collection, self.at, self.id)
        record = Put(key, {"id": self.id, **used}, version=ABSENT)
        return Settlement(self.id, self.levels, self.lease, spent, record, alert)


def numbers(account: Account, now: float = NOON) -> dict[str, object]:
    """Return an account's numbers at a time, whether or not the store has removed what has expired."""
    account = roll_forward(account, now)
    names = (each.name for each in fields(Account) if each.type in ("int", "str"))
    return {name: getattr(account, name) for name in names}


def level(account: str = "key:one", limits: Limits | None = None) -> Level:
    return Level(account, limits or Limits())


def alert_document(crossing: Crossing) -> Put:
    """Return the alert of a crossing, with an ID of its account, limit, period and percentage."""
    meter = crossing.usage
    entry = f"{crossing.account}/{meter.limit}/{meter.period}/{crossing.percent}"
    return Put(DocumentKey("alerts", entry), {"used": meter.used, "most": meter.most}, version=ABSENT)
