"""Requests as the gateway makes them of a store: a reservation and its settlement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.clock import NOON
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.base import ABSENT, Add, DocumentKey, Put, Settlement

LEASE = 300.0  # seconds
LOG = "log/2026-11-22"
TOTALS = DocumentKey("usage/2026-11-22", '["key","provider","model"]')
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
    totals: DocumentKey = TOTALS
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
        """Return the settlement, with a record under the request's ID and with usage totals."""
        spent = spent or Charge()
        used = {"prompt": spent.prompt, "completion": spent.completion, "nanos": spent.nanos}
        record = Put(DocumentKey(self.collection, self.id), {"id": self.id, **used}, version=ABSENT)
        add = Add(self.totals, {"requests": 1, **used})
        return Settlement(self.id, self.levels, self.lease, spent, record, (add,), alert)


def level(account: str = "key:one", limits: Limits | None = None) -> Level:
    return Level(account, limits or Limits())


def alert_document(crossing: Crossing) -> Put:
    """Return the alert of a crossing, with an ID of its account, limit, period and percentage."""
    meter = crossing.usage
    entry = f"{crossing.account}/{meter.limit}/{meter.period}/{crossing.percent}"
    return Put(DocumentKey("alerts", entry), {"used": meter.used, "most": meter.most}, version=ABSENT)
