"""Names and owners of virtual keys, for tables whose rows have only key ids.

These are the current names and owners, also for usage from before a change of name or owner. They decide
nothing: a store that has them apart from the keys returns them without a check of the keys' signatures.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store import document_types
from vaultcore.store.base import Store
from vaultcore.store.key_names import ReadKeyNames

PAGE_SIZE = 500  # keys per read
MAX_KEYS = 20_000  # keys read at most; further keys have no name in the tables
LIFETIME = (
    60.0  # seconds; two processes whose clocks differ may change keys in another order than their audits
)


@dataclass(frozen=True, slots=True)
class KeyDirectory:
    """Names and owners ("" without one) by key ID. Two mappings: an object per key takes 10 ms of 10,000."""

    names: Mapping[str, str]
    owners: Mapping[str, str]

    def search(self, text: str) -> frozenset[str]:
        """Return the IDs of the keys whose name contains a text, regardless of case."""
        folded = text.casefold()
        return frozenset(key for key, name in self.names.items() if folded in name.casefold())


NO_KEYS = KeyDirectory({}, {})


class KeyOwners:
    """Reads all keys only after a change: each change of a key has an audit entry. One per process."""

    def __init__(self, store: Store, keys: VirtualKeys, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock
        self._version: tuple[int, str] | None = None
        self._read_at = 0.0
        self._directory = NO_KEYS

    async def load(self) -> KeyDirectory:
        """Return the names and owners of the first MAX_KEYS keys. Raises StoreUnavailable."""
        changes = self._keys.changes
        newest = await self._store.query(document_types.AUDITS, limit=1, newest_first=True)
        version = (changes, newest[0].key.id if newest else "")
        if version == self._version and 0 <= self._clock.now() - self._read_at < LIFETIME:
            return self._directory
        now, directory = self._clock.now(), await self._read()
        if newest:  # without an entry, keys may have been written by other means
            self._version, self._read_at, self._directory = version, now, directory
        return directory

    async def _read(self) -> KeyDirectory:
        read_key_names: ReadKeyNames | None = getattr(self._store, "read_key_names", None)
        if read_key_names is not None:
            rows = await read_key_names(MAX_KEYS)
            return KeyDirectory({row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})
        names, owners, after = dict[str, str](), dict[str, str](), ""
        while len(names) < MAX_KEYS:
            page = await self._keys.page(after, PAGE_SIZE)
            names |= {key.id: key.name for key in page}
            owners |= {key.id: key.owner or "" for key in page}
            if len(page) < PAGE_SIZE:
                break
            after = page[-1].id
        return KeyDirectory(names, owners)
