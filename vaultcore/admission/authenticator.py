"""Authenticates callers by their key, with as few store reads as possible.

A string that cannot be a key of this gateway is rejected without a read. A valid key is cached for FRESH
seconds, an unknown one for UNKNOWN_FRESH. If the store is unavailable, cached keys without quota or budget
stay valid for STALE seconds. All rejections have the same text.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import field
from functools import partial

from vaultcore.admission.caller import GATEWAY, Caller, account
from vaultcore.clock import Clock
from vaultcore.control.change_signal import ChangeSignal
from vaultcore.control.snapshot import SnapshotReader
from vaultcore.errors import Forbidden, StoreUnavailable, Unauthorized
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits import virtual_key
from vaultcore.limits.allowlist import allows_address
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.virtual_key import PREFIX
from vaultcore.secrets import Secrets, SecretSource

FRESH = 4.0  # seconds; a revoked key stops working everywhere within five
UNKNOWN_FRESH = 30.0  # seconds
STALE = 60.0  # seconds
REFRESH_INTERVAL = 1.0  # seconds between two refreshes of one key after a rejection by a limit
CAPACITY = 4_096  # cached keys


class AddressRefused(Forbidden):
    """The key may not be used from the client's address."""

    code = "address_not_allowed"

    def __init__(self, caller: Caller) -> None:
        super().__init__("this key may not be used from this address")
        self.caller = caller


@dataclass(frozen=True, slots=True)
class _Cached:
    caller: Caller  # without a key if its digest is unknown
    at: float  # seconds since the epoch
    is_unknown: bool = field(default=False)


class Authenticator:
    """One per process. A change of a key in this process must call `forget`."""

    def __init__(
        self,
        snapshots: SnapshotReader,
        secrets: SecretSource,
        clock: Clock,
        changes: ChangeSignal | None = None,
    ) -> None:
        self._snapshots, self._secrets, self._clock = snapshots, secrets, clock
        self._changes = changes or ChangeSignal()
        self._seen = self._changes.cell[0]
        self._cache: OrderedDict[str, _Cached] = OrderedDict()  # by digest; "" is the system key
        self._latest_policy = LimitPolicy()
        self._reads: dict[str, asyncio.Task[_Cached]] = {}

    async def authenticate(self, token: str, address: str | None) -> Caller:
        """Return the caller that a key belongs to. Raises Unauthorized, Forbidden or StoreUnavailable.

        `address` is the client's IP address, None if unknown.
        """
        if token.startswith(PREFIX) and not virtual_key.is_well_formed(token):
            raise Unauthorized
        secrets = await self._secrets.current()
        if not token.startswith(PREFIX):
            if not secrets.is_system_key(token):
                raise Unauthorized
            return (await self._lookup("", secrets)).caller
        if secrets.pepper is None:
            raise Unauthorized
        digest = virtual_key.digest(token, secrets.pepper)
        caller = (await self._lookup(digest, secrets)).caller
        if caller.key is None or not caller.key.accepts(digest, self._clock.now()):
            raise Unauthorized
        if not allows_address(caller.key, address):
            raise AddressRefused(caller)
        return caller

    async def refresh(self, caller: Caller) -> Caller | None:
        """Return the caller as the store has it now, or None if nothing has changed.

        Called after a rejection by a limit, since credits may have been added. Reads at most once a second.
        """
        secrets, digest = await self._secrets.current(), caller.digest
        cached = self._cache.get(digest)
        if cached is None or self._clock.now() - cached.at < REFRESH_INTERVAL:
            return None
        self._cache.pop(digest, None)
        current = (await self._lookup(digest, secrets)).caller
        if digest and (current.key is None or not current.key.accepts(digest, self._clock.now())):
            raise Unauthorized
        return None if current == caller else current

    def forget(self) -> None:
        """Empty the cache after a change, in all workers: the next request reads the store."""
        self._changes.publish()

    async def _lookup(self, digest: str, secrets: Secrets) -> _Cached:
        """Return a digest's cache entry; requests at the same time share one read."""
        now = self._clock.now()
        if self._changes.cell[0] != self._seen:
            self._seen = self._changes.cell[0]
            self._cache.clear()
            self._reads.clear()  # they may have begun before the change
        cached = self._cache.get(digest)
        if cached is not None and now - cached.at < (UNKNOWN_FRESH if cached.is_unknown else FRESH):
            return cached
        reading = self._reads.get(digest)
        if reading is None:
            reading = asyncio.ensure_future(self._read(digest, secrets.pepper, cached))
            self._reads[digest] = reading
            reading.add_done_callback(partial(self._end_read, digest))
        return await asyncio.shield(reading)

    def _end_read(self, digest: str, reading: asyncio.Task[_Cached]) -> None:
        if self._reads.get(digest) is reading:
            del self._reads[digest]

    async def _read(self, digest: str, pepper: bytes | None, cached: _Cached | None) -> _Cached:
        now, seen = self._clock.now(), self._seen
        try:
            snapshot = await self._snapshots.read(digest, pepper, prefetch=self._accounts(digest))
        except StoreUnavailable:
            # Without a quota and money limits: an old caller then allows no lasting overspending.
            if cached is not None and now - cached.at < STALE and not cached.caller.has_lasting_limit:
                return cached
            raise
        self._latest_policy = snapshot.policy
        caller = Caller(snapshot.key, digest, snapshot.policy)
        entry = _Cached(caller, now, is_unknown=bool(digest) and snapshot.key is None)
        if self._changes.cell[0] != seen:
            return entry  # for the requests that wait for it, not for later ones
        self._cache[digest] = entry
        self._cache.move_to_end(digest)
        while len(self._cache) > CAPACITY:
            self._cache.popitem(last=False)
        return entry

    def _accounts(self, digest: str) -> list[str]:
        """Return the accounts the request will need, as far as they are known before the key is read."""
        accounts = [account(virtual_key.key_id(digest))] if digest else []
        if self._latest_policy.gateway.has_any:
            accounts.append(GATEWAY)
        return accounts
