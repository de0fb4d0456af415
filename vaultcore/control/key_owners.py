"""Names and owners of virtual keys, for tables whose rows have only key ids.

These are the current names and owners, also for usage from before a change of name or owner.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store import document_types
from vaultcore.store.base import Store

PAGE_SIZE = 500  # keys per read
MAX_KEYS = 20_000  # keys read at most; further keys have no name in the tables
LIFETIME = (
    60.0  # seconds; two processes whose clocks differ may change keys in another order than their audits
)


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A virtual key's name and its owner, "" if it has none."""

    name: str
    owner: str
    folded: str  # the name for a search that ignores case


class KeyOwners:
    """Reads all keys only after a change: each change of a key has an audit entry. One per process."""

    def __init__(self, store: Store, keys: VirtualKeys, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock
        self._version: tuple[int, str] | None = None
        self._read_at = 0.0
        self._owners: Mapping[str, KeyOwner] = {}

    async def load(self) -> Mapping[str, KeyOwner]:
        """Return the names and owners of the first MAX_KEYS keys, by key id. Raises StoreUnavailable."""
        changes = self._keys.changes
        newest = await self._store.query(document_types.AUDITS, limit=1, newest_first=True)
        version = (changes, newest[0].key.id if newest else "")
        if version == self._version and 0 <= self._clock.now() - self._read_at < LIFETIME:
            return self._owners
        now, owners, after = self._clock.now(), dict[str, KeyOwner](), ""
        while len(owners) < MAX_KEYS:
            page = await self._keys.page(after, PAGE_SIZE)
            owners |= {key.id: KeyOwner(key.name, key.owner or "", key.name.casefold()) for key in page}
            if len(page) < PAGE_SIZE:
                break
            after = page[-1].id
        if newest:  # without an entry, keys may have been written by other means
            self._version, self._read_at, self._owners = version, now, owners
        return owners
