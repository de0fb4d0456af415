"""What the operator calls virtual keys: names and owners, for tables whose rows have ids.

They are those of now, also of what was used under others before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.ledger.queries import DailyUsage

PAGE = 250  # keys read at once
MOST = 5_000  # keys looked at; those beyond are told by their ids


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whom a key was made for."""

    name: str
    owner: str


async def load_key_owners(keys: VirtualKeys) -> dict[str, KeyOwner]:
    """Who holds the keys, by their ids."""
    found, after = dict[str, KeyOwner](), ""
    while len(found) < MOST:
        page = await keys.page(after, PAGE)
        found |= {key.id: KeyOwner(key.name, key.owner or "") for key in page}
        if len(page) < PAGE:
            break
        after = page[-1].id
    return found


def with_owners(sums: Iterable[DailyUsage], by_key: Mapping[str, KeyOwner]) -> list[DailyUsage]:
    """The sums with the owners of their keys; of a key without one, or that is gone, with none."""
    return [replace(each, owner=by_key[each.key].owner if each.key in by_key else "") for each in sums]
