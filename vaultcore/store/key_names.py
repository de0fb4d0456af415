"""Names and owners of virtual keys, read in one call by stores that have them apart from the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

# ID, name, owner ("" without one), and the times of revocation and expiry in seconds since the epoch.
KeyName = tuple[str, str, str, float | None, float | None]


class ReadKeyNames(Protocol):
    """A method that only some stores have. It does not check the signatures of keys: it is for lists."""

    async def __call__(self, limit: int) -> Sequence[KeyName]:
        """Return the names of the first `limit` keys by ID."""
        ...
