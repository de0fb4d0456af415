"""Requests as the gate would make them of a store: what is reserved for them, and how they are settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.clock import NOON
from vaultcore.limits.account import Lease, Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.base import ABSENT, Add, DocumentKey, Put, Settlement

LEASE = 300.0  # seconds
LOG = "log/2026-11-22"
SUMS = DocumentKey("usage/2026-11-22", '["key","provider","model"]')
DOLLAR = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Asking:
    """A request at some levels: what it reserves there, and the two calls that it makes of a store."""

    id: str
    levels: tuple[Level, ...]
    at: float = NOON
    tokens: int = 0
    minute: int = 0
    nanos: int = 0
    until: float | None = None
    sums: DocumentKey = SUMS
    shelf: str = LOG

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
        """With a record under the request's id, and with sums of what it used."""
        spent = spent or Charge()
        used = {"prompt": spent.prompt, "completion": spent.completion, "nanos": spent.nanos}
        record = Put(DocumentKey(self.shelf, self.id), {"id": self.id, **used}, version=ABSENT)
        add = Add(self.sums, {"requests": 1, **used})
        return Settlement(self.id, self.levels, self.lease, spent, record, (add,), alert)


def level(account: str = "key:one", limits: Limits | None = None) -> Level:
    return Level(account, limits or Limits())


def alerted(crossing: Crossing) -> Put:
    """The document of a mark, by its account, limit, period and percentage."""
    meter = crossing.usage
    entry = f"{crossing.account}/{meter.limit}/{meter.period}/{crossing.percent}"
    return Put(DocumentKey("alerts", entry), {"used": meter.used, "most": meter.most}, version=ABSENT)
