"""What a process has last seen of accounts, so that it rarely has to look before it writes.

What is here may be out of date: DynamoDB is asked whether it still holds. Only a refusal is repeated without
asking, for a second: whoever floods a key that is at its limit would pay for nothing and cost a write each.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Refused

MOST = 2_000  # accounts
REMEMBERED = 1.0  # seconds that a refusal is repeated unasked


@dataclass(frozen=True, slots=True)
class Seen:
    """An account as an item showed it, or as it must be since. `fresh`: read for the request at hand."""

    account: Account
    exists: bool = True
    fresh: bool = False


class Sight:
    """The accounts that were seen last, and who is just looking at one."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._refused: dict[str, float] = {}
        self._looking: dict[str, asyncio.Event] = {}

    def known(self, name: str) -> Seen | None:
        if (seen := self._seen.get(name)) is not None:
            self._seen.move_to_end(name)
        return seen

    def keep(self, name: str, account: Account) -> None:
        """An account as this process has changed it."""
        self._keep(name, Seen(account))

    def show(self, name: str, account: Account, *, exists: bool) -> Seen:
        """An account as it was just read."""
        self._keep(name, Seen(account, exists))
        return Seen(account, exists, fresh=True)

    def refuse(self, refused: Refused, now: float) -> None:
        """Remember a refusal, unless it may be over at any moment."""
        if refused.denial.limit != "parallel":
            self._refused[refused.level.account] = now

    def refuses(self, refused: Refused, now: float) -> bool:
        """Whether a refusal by what was last seen may be repeated."""
        at = self._refused.get(refused.level.account)
        return at is not None and at <= now < at + REMEMBERED and refused.denial.limit != "parallel"

    async def others(self, names: Sequence[str]) -> bool:
        """Wait for those who look at one of these accounts, once. Whether there were any."""
        events = {self._looking[name] for name in names if name in self._looking}
        for event in events:
            await event.wait()
        return bool(events)

    @contextmanager
    def look(self, names: Sequence[str]) -> Iterator[None]:
        """Have others wait who would look at the same accounts, as far as nobody has them wait already."""
        event = asyncio.Event()
        mine = [name for name in names if name not in self._looking]
        self._looking |= dict.fromkeys(mine, event)
        try:
            yield
        finally:
            for name in mine:
                del self._looking[name]
            event.set()

    def _keep(self, name: str, seen: Seen) -> None:
        self._seen[name] = seen
        self._seen.move_to_end(name)
        if len(self._seen) > MOST:
            gone, _ = self._seen.popitem(last=False)
            self._refused.pop(gone, None)
