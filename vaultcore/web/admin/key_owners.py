"""Names and owners of virtual keys, for tables whose rows have only key ids.

These are the current names and owners, also for usage from before a change of name or owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.ledger.queries import DailyUsage

PAGE_SIZE = 250  # keys per read
MAX_KEYS = 5_000  # keys read at most; further keys have no name in the tables


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A virtual key's name and its owner, "" if it has none."""

    name: str
    owner: str


async def load_key_owners(keys: VirtualKeys) -> dict[str, KeyOwner]:
    """Return the names and owners of the first MAX_KEYS keys, by key id."""
    owners, after = dict[str, KeyOwner](), ""
    while len(owners) < MAX_KEYS:
        page = await keys.page(after, PAGE_SIZE)
        owners |= {key.id: KeyOwner(key.name, key.owner or "") for key in page}
        if len(page) < PAGE_SIZE:
            break
        after = page[-1].id
    return owners


def with_owners(usage: Iterable[DailyUsage], by_key: Mapping[str, KeyOwner]) -> list[DailyUsage]:
    """Return usage with the owners of its keys; "" for a key that has no owner or no longer exists."""
    return [replace(each, owner=by_key[each.key].owner if each.key in by_key else "") for each in usage]
