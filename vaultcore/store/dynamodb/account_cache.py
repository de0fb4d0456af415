"""Accounts as this process has last read or written them, so that it rarely reads before a write.

A cached account may be out of date. DynamoDB checks it with the conditions of each write. Only a refusal is
repeated from the cache, for one second: a client that floods a key at its limit would cost a write each time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vaultcore.limits.account import Account
from vaultcore.limits.reservation import LimitRefused

MAX_ACCOUNTS = 2_000
REFUSAL_SECONDS = 1.0  # for which a refusal is repeated without a read


@dataclass(frozen=True, slots=True)
class CachedAccount:
    """An account as DynamoDB returned it, or as this process has changed it since.

    `is_current` is True only for an account that was read for the request at hand.
    """

    account: Account
    exists: bool = True
    is_current: bool = False


class AccountCache:
    """The most recently used accounts, recent refusals, and which accounts are being read now."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, CachedAccount] = OrderedDict()
        self._refusals: dict[str, float] = {}  # times, seconds since the epoch
        self._reads: dict[str, asyncio.Event] = {}  # set when the read ends

    def get(self, name: str) -> CachedAccount | None:
        """Return an account, or None if it is not cached."""
        if (cached := self._accounts.get(name)) is not None:
            self._accounts.move_to_end(name)
        return cached

    def put(self, name: str, account: Account) -> None:
        """Store an account as this process has changed it."""
        self._put(name, CachedAccount(account))

    def put_read(self, name: str, account: Account, *, exists: bool) -> CachedAccount:
        """Store an account as DynamoDB has just returned it. Return it as current."""
        self._put(name, CachedAccount(account, exists))
        return CachedAccount(account, exists, is_current=True)

    def remember_refusal(self, refused: LimitRefused, now: float) -> None:
        """Remember a refusal, unless its cause may end at any moment."""
        if refused.denial.limit != "parallel":
            self._refusals[refused.level.account] = now

    def repeats_refusal(self, refused: LimitRefused, now: float) -> bool:
        """Return True if a refusal by a cached account may be raised without a read."""
        at = self._refusals.get(refused.level.account)
        return at is not None and at <= now < at + REFUSAL_SECONDS and refused.denial.limit != "parallel"

    async def wait_for_reads(self, names: Sequence[str]) -> bool:
        """Wait until other tasks have read these accounts. Return False if none reads them."""
        events = {self._reads[name] for name in names if name in self._reads}
        for event in events:
            await event.wait()
        return bool(events)

    @contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[None]:
        """Mark accounts as being read, so that other tasks wait. Those marked already stay as they are."""
        event = asyncio.Event()
        marked = [name for name in names if name not in self._reads]
        self._reads |= dict.fromkeys(marked, event)
        try:
            yield
        finally:
            for name in marked:
                del self._reads[name]
            event.set()

    def _put(self, name: str, cached: CachedAccount) -> None:
        self._accounts[name] = cached
        self._accounts.move_to_end(name)
        if len(self._accounts) > MAX_ACCOUNTS:
            evicted, _ = self._accounts.popitem(last=False)
            self._refusals.pop(evicted, None)
