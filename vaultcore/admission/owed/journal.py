"""The protocol of journals: storage of owed settlements that outlives the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from vaultcore.store.base import Settlement

Settle = Callable[[Settlement], Awaitable[bool]]


class JournalFailed(Exception):
    """The journal cannot be written or read now. The message names it and the reason."""


class OwedJournal(Protocol):
    """Entries may be settled more than once: the store charges each settlement once, by its record."""

    async def append(self, due: Settlement) -> None:
        """Store a settlement until it is settled. Raises JournalFailed."""
        ...

    async def mark_all_settled(self) -> None:
        """Drop the entries of this process: the store has accepted all of them."""
        ...

    async def hand_over(self) -> None:
        """Release the entries of this process: any process may settle them with `settle_entries`."""
        ...

    async def settle_entries(self, settle: Settle) -> int:
        """Call `settle` for entries that no running process settles itself, and drop them.

        Stops at the first for which `settle` returns False, and keeps it. Returns how many entries remain.
        Raises JournalFailed.
        """
        ...

    async def aclose(self) -> None:
        """Release files and connections. The entries stay for the next process."""
        ...


class NoJournal:
    """For processes without a journal: owed settlements are lost if the process dies."""

    async def append(self, due: Settlement) -> None:  # noqa: ARG002
        """Raise JournalFailed."""
        raise JournalFailed("no journal")

    async def mark_all_settled(self) -> None:
        return

    async def hand_over(self) -> None:
        return

    async def settle_entries(self, settle: Settle) -> int:  # noqa: ARG002
        """Return 0: there are no entries."""
        return 0

    async def aclose(self) -> None:
        return
