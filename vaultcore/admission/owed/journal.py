"""The protocol of journals: where owed settlements outlive the process that owes them."""

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
        """Keep a settlement until it is settled. Raises JournalFailed."""
        ...

    async def mark_all_settled(self) -> None:
        """Drop what this process has appended: the store has taken all of it."""
        ...

    async def hand_over(self) -> None:
        """Leave what this process has appended to the next `settle_entries`, of any process."""
        ...

    async def settle_entries(self, settle: Settle) -> int:
        """Call `settle` for entries that no running process settles itself, and drop them.

        Stops at the first for which `settle` returns False, and keeps it. Returns how many entries remain.
        Raises JournalFailed.
        """
        ...

    async def aclose(self) -> None:
        """Release what this process has opened. Its entries stay for the next process."""
        ...


class NoJournal:
    """For processes without one: what is owed is lost if the process dies."""

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
