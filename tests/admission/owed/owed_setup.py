"""Settlements, and a settle function over a memory store that can be made unavailable."""

from __future__ import annotations

from tests.fakes.clock import NOON
from vaultcore.admission.owed.settlements import OwedSettlements
from vaultcore.admission.settlement import alert
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement, SettlementResult
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Log

ACCOUNT = "key:key_one"


def settlement(id: str, tokens: int = 10, *, at: float = NOON) -> Settlement:
    """Return the settlement of a call that used that many tokens."""
    return Settlement(
        id=id,
        levels=(Level(ACCOUNT, Limits(tokens=1_000), (80,)),),
        lease=Lease(at, at + 960.0, tokens=100, minute=50, nanos=7),
        charge=Charge(tokens, 0, 3),
        record=Put(DocumentKey("log/test", id), {"id": id, "ended": at, "key": "key_one"}, version=ABSENT),
        alert=lambda crossing: alert(crossing, at, id),
    )


class UnreliableStore(MemoryStore):
    """A store that takes no settlement while `reason` is set."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.reason: str | None = None
        self.calls: list[str] = []  # IDs of the settlements

    async def settle(self, settlement: Settlement) -> SettlementResult:
        self.calls.append(settlement.id)
        if self.reason is not None:
            raise StoreUnavailable("the store does not answer", reason=self.reason)
        return await super().settle(settlement)

    async def charged(self) -> tuple[int, int]:
        """Return the tokens and the requests that the account was charged."""
        (account,) = await self.accounts(ACCOUNT)
        return account.tokens, account.settled


class RecordedMetrics:
    """Owed settlements by reason, and the reported numbers."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.pending: list[int] = []

    def count_owed(self, reason: str) -> None:
        self.reasons.append(reason)

    def report_pending(self, number: int) -> None:
        self.pending.append(number)


def owed(store: UnreliableStore, **options: object) -> OwedSettlements:
    """Return the owed settlements of a process with this store."""
    return OwedSettlements(store.settle, lambda _due, _result: None, Log(), **options)  # type: ignore[arg-type]
