"""A store in memory, for tests and for gateways without persistent state."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from vaultcore.clock import Clock
from vaultcore.limits.account import Account, release_ended
from vaultcore.limits.reservation import Reservation, ReservationResult
from vaultcore.store.arithmetic import reserve_levels, settle_levels
from vaultcore.store.base import (
    ABSENT,
    Add,
    Conflict,
    Delete,
    Document,
    DocumentKey,
    Put,
    Settlement,
    SettlementResult,
    Write,
)
from vaultcore.store.store_time import MachineTime


class MemoryStore:
    """Documents and accounts in dictionaries, under one lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._time = clock, MachineTime.start(clock)
        self._lock = Lock()
        self._documents: dict[DocumentKey, Document] = {}
        self._ids: defaultdict[str, list[str]] = defaultdict(list)  # of each collection, sorted
        self._accounts: dict[str, Account] = {}

    async def get(
        self,
        *keys: DocumentKey,
        prefetch: Sequence[str] = (),  # noqa: ARG002 - accounts need no read before use
    ) -> list[Document | None]:
        with self._lock:
            return [self._current(key) for key in keys]

    async def query(
        self,
        collection: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        with self._lock:
            ids = self._ids[collection]
            end = len(ids) if before is None else bisect_left(ids, before)
            selected = ids[bisect_right(ids, after) if after else 0 : end]
            ordered = reversed(selected) if newest_first else iter(selected)
            documents = (self._current(DocumentKey(collection, each)) for each in ordered)
            current = (document for document in documents if document is not None)
            return [document for _, document in zip(range(limit), current, strict=False)]

    async def write(self, *writes: Write) -> None:
        with self._lock:
            self._write(*writes)

    async def accounts(self, *names: str) -> list[Account]:
        with self._lock:
            return [self._accounts.get(name, Account()) for name in names]

    def now(self) -> float:
        return self._time.now()

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        with self._lock:
            names = [level.account for level in reservation.levels]
            result = reserve_levels(reservation, [self._accounts.get(name, Account()) for name in names])
            self._accounts |= dict(zip(names, result.accounts, strict=True))
            return result

    async def settle(self, settlement: Settlement) -> SettlementResult:
        with self._lock:
            if self._current(settlement.record.key) is not None:
                return SettlementResult(applied=False)
            names = [level.account for level in settlement.levels]
            accounts = [self._accounts.get(name, Account()) for name in names]
            after, crossings = settle_levels(settlement, accounts)
            alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
            self._write(settlement.record, *alerts)
            self._accounts |= dict(zip(names, after, strict=True))
            return SettlementResult(applied=True, crossings=crossings)

    async def sweep(self, *accounts: str) -> int:
        with self._lock:
            before = {name: self._accounts[name] for name in accounts if name in self._accounts}
            after = {name: release_ended(account, self.now()) for name, account in before.items()}
            self._accounts |= after
            return sum(before[name].in_flight - after[name].in_flight for name in before)

    async def complete_settlements(self, since: float, until: float) -> int:  # noqa: ARG002 - one step each
        return 0

    async def aclose(self) -> None:
        return

    def _current(self, key: DocumentKey) -> Document | None:
        """Return the document unless it has expired."""
        document = self._documents.get(key)
        if document is None or (document.expires is not None and document.expires <= self._clock.now()):
            return None
        return document

    def _write(self, *writes: Write) -> None:
        for write in writes:
            expected = None if isinstance(write, Add) else write.version
            existing = self._current(write.key)
            if expected is not None and expected != (existing.version if existing else ABSENT):
                raise Conflict(write.key)
        for write in writes:
            self._apply(write, self._current(write.key))

    def _apply(self, write: Write, existing: Document | None) -> None:
        key, version = write.key, existing.version + 1 if existing else 1
        match write:
            case Delete():
                if self._documents.pop(key, None) is not None:
                    self._ids[key.collection].remove(key.id)
                return
            case Put(body=body, expires=expires):
                document = Document(key, body, version, expires)
            case Add(amounts=amounts, expires=expires):
                totals = dict(existing.body) if existing else {}
                totals |= {field: totals.get(field, 0) + amount for field, amount in amounts.items()}
                document = replace(
                    existing or Document(key, {}), body=totals, version=version, expires=expires
                )
        if key not in self._documents:
            insort(self._ids[key.collection], key.id)
        self._documents[key] = document
