"""A scan of collections that are ordered by time, newest first, without documents that cannot match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from vaultcore.lazy_dataclass import dataclass
from vaultcore.store.base import Document


@dataclass(frozen=True, slots=True)
class Scan:
    """The documents that may match. `count` were read, `last` is the ID of the last one of them."""

    documents: Sequence[Document]
    count: int
    last: str


class ScanNewest(Protocol):
    """A method that only some stores have: it looks at the JSON text of documents before it parses them."""

    async def __call__(
        self,
        collections: Sequence[str],
        may_match: Callable[[str], bool],
        *,
        after: str,
        before: str,
        limit: int,
    ) -> Scan:
        """Read up to `limit` documents between two IDs, both exclusive, of all collections together.

        `may_match` runs in another thread.
        """
        ...
