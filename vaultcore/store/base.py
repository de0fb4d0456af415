"""The store protocol: documents by key, and accounts that no reservation takes beyond a limit.

Keys, policies, records, alerts and audit entries are documents. A store does not read their bodies. Accounts
are the only values it calculates with (`vaultcore.limits.account`). A reservation is made at every level or
at none. A settlement is applied once, together with the documents it writes.

Every method raises StoreUnavailable if the store cannot be reached or does not answer in time. The operation
may have been applied nevertheless: repeating a settlement is safe, and an unsettled reservation expires.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account, Charge, Lease
from vaultcore.limits.reservation import Level, Reservation, ReservationResult
from vaultcore.limits.thresholds import Crossing
from vaultcore.wire import Json

ABSENT = 0  # the version of a document that does not exist


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A collection and an ID in it. The documents of a collection are ordered by ID and queried together."""

    collection: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A stored JSON object."""

    key: DocumentKey
    body: Json
    version: int = 1  # number of writes
    expires: float | None = None  # seconds since the epoch; from then on the document does not exist


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document. With `version`, only over that version; `ABSENT` requires that none exists."""

    key: DocumentKey
    body: Json
    expires: float | None = None  # seconds since the epoch
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a document if it exists. With `version`, only that version."""

    key: DocumentKey
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Add:
    """Add to integer fields of a document. Missing fields, and a missing document, count as 0."""

    key: DocumentKey
    amounts: Mapping[str, int]
    expires: float | None = None  # seconds since the epoch


Write = Put | Delete | Add


class Conflict(Exception):
    """A document does not have the expected version. Nothing was written."""

    def __init__(self, key: DocumentKey) -> None:
        super().__init__(f"{key.collection}/{key.id} was changed by another writer")
        self.key = key


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a request: its charge at every level and the documents written with it.

    `lease` is that of the ReservationResult. `record` must not exist. If it does, the request was settled
    before. `alert` returns the document to write for a threshold that this settlement crosses.
    """

    id: str  # of the reservation
    levels: Sequence[Level]
    lease: Lease
    charge: Charge
    record: Put
    alert: Callable[[Crossing], Put] | None = None


@dataclass(frozen=True, slots=True)
class SettlementResult:
    """`applied` is False if the request was settled before; then there are no crossings."""

    applied: bool
    crossings: tuple[Crossing, ...] = field(default=())


# Gets the result of a settlement, or the error: StoreUnavailable, or a bug.
Settled = Callable[[SettlementResult | None, BaseException | None], None]


class BeginSettlement(Protocol):
    """A method that only some stores have: `settle` without a task that waits, which nothing cancels."""

    def __call__(self, settlement: Settlement, on_done: Settled, *, is_awaited: bool) -> None:
        """Settle, and call `on_done` in this event loop. It is soon if `is_awaited`, or within 10 ms.

        Every operation that is requested later sees the settlement. Raise StoreUnavailable if the store is
        closed.
        """
        ...


class Store(Protocol):
    """Implemented in memory, in SQLite and in DynamoDB. `tests/store` checks all three."""

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        """Return the documents with these keys in one call; None for each that does not exist.

        `prefetch` lists accounts that are used next. A store that has to read them first may do so in the
        same call.
        """
        ...

    async def query(
        self,
        collection: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        """Return documents of a collection, ordered by ID. Both bounds are exclusive.

        An `after` of "" starts with the first document, including one whose ID is "".
        """
        ...

    async def write(self, *writes: Write) -> None:
        """Apply all writes or none. At most 25, each to another document. Raise Conflict."""
        ...

    async def accounts(self, *names: str) -> list[Account]:
        """Return the current accounts; a new one for each name that was never used."""
        ...

    def now(self) -> float:
        """Return the time by which accounts are calculated, in seconds since the epoch.

        All processes of a store agree on it, and it does not follow when a clock is set.
        """
        ...

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        """Reserve at every level or at none. Raise LimitRefused."""
        ...

    async def settle(self, settlement: Settlement) -> SettlementResult:
        """Replace a request's lease by its charge, once."""
        ...

    async def sweep(self, *accounts: str) -> int:
        """Release the expired reservations of these accounts. Return how many were released."""
        ...

    async def complete_settlements(self, since: float, until: float) -> int:
        """Charge the settlements whose process died between record and charge. Return their number.

        Check the records of a time range, in seconds since the epoch, except those of the last minute.
        """
        ...

    async def aclose(self) -> None:
        """Close the store. Further calls raise StoreUnavailable."""
        ...
