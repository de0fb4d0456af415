"""What a store offers: documents by name, and accounts that cannot be taken past their limits.

Everything that is kept is a document on a shelf: keys, records, alerts, audits. A store knows nothing of what
they say. Accounts are the one thing it does arithmetic with (`vaultcore.limits.account`): a reservation
is made at every level or at none, and a settlement is made once, together with the documents that tell of it.

Every method raises StoreUnavailable where the store cannot be reached or does not answer in time. What was
asked then may have been done all the same: settling is safe to repeat, and a reservation that nobody settles
runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vaultcore.limits.account import Account, Lease, Spent
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.limits.thresholds import Crossing
from vaultcore.wire import Json

ABSENT = 0  # the version of what is not there


@dataclass(frozen=True, slots=True)
class Name:
    """Where a document is: entries of one shelf are ordered, and listed together."""

    shelf: str
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    name: Name
    body: Json
    version: int = 1  # counts its writings
    expires: float | None = None  # seconds since 1970; from then on it is not there


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document. With `version` only over that version: `ABSENT` for a new one."""

    name: Name
    body: Json
    expires: float | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove a document, if it is there; with `version` only that version of it."""

    name: Name
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Add:
    """Add to the whole numbers of a document, which begin at 0."""

    name: Name
    amounts: Mapping[str, int]
    expires: float | None = None


class Conflict(Exception):
    """A document has another version than was expected. Nothing was written."""

    def __init__(self, name: Name) -> None:
        super().__init__(f"{name.shelf}/{name.entry} has changed")
        self.name = name


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a request: what it used of its levels, and what is written of it, all at once.

    `record` must be absent: where it is there already, the request has been settled and nothing is done.
    `alert` makes the document of a mark that this settlement takes an account past.
    """

    id: str  # of the reservation
    levels: Sequence[Level]
    lease: Lease
    spent: Spent
    record: Put
    adds: Sequence[Add] = ()
    alert: Callable[[Crossing], Put] | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """`fresh` is False where this request had been settled before."""

    fresh: bool
    crossings: tuple[Crossing, ...] = field(default=())


class Store(Protocol):
    async def get(self, *names: Name, ahead: Sequence[str] = ()) -> list[Document | None]:
        """The documents as they are now, in one call.

        `ahead` names accounts that will be asked for next: a store that would have to look at them first may
        do so in the same call.
        """
        ...

    async def entries(
        self,
        shelf: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        """The documents of a shelf whose entries lie between two, both exclusive, in their order."""
        ...

    async def write(self, *writes: Put | Drop | Add) -> None:
        """All of them or none. Raises Conflict. At most 25 writes, each of another document."""
        ...

    async def accounts(self, *names: str) -> list[Account]:
        """Accounts as they are now; new ones where nobody has used them."""
        ...

    async def admit(self, reservation: Reservation) -> list[Account]:
        """Reserve at every level or at none, in one call; the accounts after it. Raises Refused.

        An id is reserved once: asking again with the same id changes nothing and is granted.
        """
        ...

    async def settle(self, settlement: Settlement) -> Settled:
        """Replace what a request holds by what it used, once, in one call."""
        ...

    async def sweep(self, *accounts: str) -> int:
        """Give back what leases hold whose time is up, without admitting anything; how many there were."""
        ...

    async def aclose(self) -> None: ...
