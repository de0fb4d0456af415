"""A store for as long as the process lives: for tests, and for a gateway that may forget."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from vaultcore.clock import Clock
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.arithmetic import reserved, settled, swept
from vaultcore.store.base import ABSENT, Add, Conflict, Document, Drop, Name, Put, Settled, Settlement


class MemoryStore:
    """Everything in dictionaries, under one lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._documents: dict[Name, Document] = {}
        self._shelves: defaultdict[str, list[str]] = defaultdict(list)  # of each shelf, in order
        self._accounts: dict[str, Account] = {}

    async def get(
        self,
        *names: Name,
        ahead: Sequence[str] = (),  # noqa: ARG002 - nothing to look at first
    ) -> list[Document | None]:
        with self._lock:
            return [self._present(name) for name in names]

    async def entries(
        self,
        shelf: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        with self._lock:
            entries = self._shelves[shelf]
            end = len(entries) if before is None else bisect_left(entries, before)
            chosen = entries[bisect_right(entries, after) if after else 0 : end]
            ordered = reversed(chosen) if newest_first else iter(chosen)
            found = (self._present(Name(shelf, entry)) for entry in ordered)
            present = (document for document in found if document is not None)
            return [document for _, document in zip(range(limit), present, strict=False)]

    async def write(self, *writes: Put | Drop | Add) -> None:
        with self._lock:
            self._write(*writes)

    async def accounts(self, *names: str) -> list[Account]:
        with self._lock:
            return [self._accounts.get(name, Account()) for name in names]

    async def admit(self, reservation: Reservation) -> list[Account]:
        with self._lock:
            names = [level.account for level in reservation.levels]
            after = reserved(reservation, [self._accounts.get(name, Account()) for name in names])
            self._accounts |= dict(zip(names, after, strict=True))
            return after

    async def settle(self, settlement: Settlement) -> Settled:
        with self._lock:
            if self._present(settlement.record.name) is not None:
                return Settled(fresh=False)
            names = [level.account for level in settlement.levels]
            accounts = [self._accounts.get(name, Account()) for name in names]
            after, crossed = settled(settlement, accounts)
            alerts = [settlement.alert(each) for each in crossed] if settlement.alert else []
            self._write(settlement.record, *settlement.adds, *alerts)
            self._accounts |= dict(zip(names, after, strict=True))
            return Settled(fresh=True, crossings=crossed)

    async def sweep(self, *accounts: str) -> int:
        with self._lock:
            before = {name: held for name in accounts if (held := self._accounts.get(name)) is not None}
            after = {name: swept(account, self._clock.now()) for name, account in before.items()}
            self._accounts |= after
            return sum(len(before[name].leases) - len(after[name].leases) for name in before)

    async def aclose(self) -> None:
        return

    def _present(self, name: Name) -> Document | None:
        found = self._documents.get(name)
        if found is None or (found.expires is not None and found.expires <= self._clock.now()):
            return None
        return found

    def _write(self, *writes: Put | Drop | Add) -> None:
        for write in writes:
            expected = None if isinstance(write, Add) else write.version
            found = self._present(write.name)
            if expected is not None and expected != (found.version if found else ABSENT):
                raise Conflict(write.name)
        for write in writes:
            self._apply(write, self._present(write.name))

    def _apply(self, write: Put | Drop | Add, found: Document | None) -> None:
        name, version = write.name, found.version + 1 if found else 1
        match write:
            case Drop():
                if self._documents.pop(name, None) is not None:
                    self._shelves[name.shelf].remove(name.entry)
                return
            case Put(body=body, expires=expires):
                document = Document(name, body, version, expires)
            case Add(amounts=amounts, expires=expires):
                sums = dict(found.body) if found else {}
                sums |= {field: sums.get(field, 0) + amount for field, amount in amounts.items()}
                document = replace(found or Document(name, {}), body=sums, version=version, expires=expires)
        if name not in self._documents:
            insort(self._shelves[name.shelf], name.entry)
        self._documents[name] = document
