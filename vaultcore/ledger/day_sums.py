"""Adds the usage of sealed rows to the sums of their days, outside of any request.

Seals contain every row exactly once, late ones included, so this pass follows the seals. Its position is one
document. It is written together with the sums, and only over the version that was read: two passes at once
add nothing twice, and one that was killed is continued by the next. Rows whose settlement has added their
usage itself, in a version before this pass existed, are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.chain import StoredSeal
from vaultcore.ledger.positions import SUMS, SumsPosition, read_sums_position, sum_name
from vaultcore.ledger.sealing import (
    MAX_CONFLICTS,
    RETENTION_DAYS,
    SEALS_PER_READ,
    document_of_row,
    iterate_documents,
    key_of_row,
)
from vaultcore.ledger.totals import Sums, is_added_by_ledger
from vaultcore.store import document_types
from vaultcore.store.base import Add, Conflict, Document, DocumentKey, Put, Store

BATCH = 300  # seals: one write for a sum then covers up to 30,000 rows
ADDS = 24  # sums per write, beside the position
RETENTION = RETENTION_DAYS * 86_400.0  # seconds that sums are stored
ROWS_PER_READ = 100  # late rows, read by key


@dataclass(frozen=True, slots=True)
class Batch:
    """The seals after a position, and what their rows add to each sum, ordered by the sums' names."""

    seal: str  # ID of the last seal
    row: str  # key of the last row in order
    sums: tuple[tuple[DocumentKey, dict[str, int]], ...]
    expires: float  # seconds since the epoch


class DaySums:
    """Adds usage to the sums of days. Any number may run at once, in any number of processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> int:
        """Add the usage of all sealed rows. Return the number of sums that were written."""
        written = conflicts = 0
        while conflicts < MAX_CONFLICTS:
            position, version = await read_sums_position(self._store)
            batch = await self._read_batch(position)
            if batch is None:
                break
            try:
                written += await self._add(batch, position, version)
            except Conflict:
                conflicts += 1
        return written

    async def _add(self, batch: Batch, position: SumsPosition, version: int) -> int:
        """Add a batch to the sums that do not contain it yet. Return their number. Raise Conflict."""
        sums = [each for each in batch.sums if sum_name(each[0]) > position.added]
        for start in range(0, max(len(sums), 1), ADDS):
            part, is_last = sums[start : start + ADDS], start + ADDS >= len(sums)
            if is_last:
                position = SumsPosition(batch.seal, batch.row)
            else:
                added = sum_name(part[-1][0])
                position = replace(position, batch_seal=batch.seal, batch_row=batch.row, added=added)
            adds = [Add(key, amounts, expires=batch.expires) for key, amounts in part]
            await self._store.write(Put(SUMS, position.pack(), version=version), *adds)
            version += 1
        return len(sums)

    async def _read_batch(self, position: SumsPosition) -> Batch | None:
        """Return the batch that another pass has begun, or else the next one; None if there is none."""
        sums, expires, seal, row, count = Sums(), 0.0, "", position.row, 0
        before = f"{position.batch_seal} " if position.batch_seal else None
        seals = iterate_documents(
            self._store, document_types.SEALS, after=position.seal, before=before, limit=SEALS_PER_READ
        )
        async for document in seals:
            stored = StoredSeal.unpack(document.body)
            async for each in self._rows(stored):
                if is_added_by_ledger(each.body):
                    sums.add(each.key.collection, each.body)
                    expires = max(expires, each.body["ended"] + RETENTION)
            seal, row, count = stored.seal.id, max(row, f"{stored.seal.day}/{stored.seal.last}"), count + 1
            if count == BATCH and before is None:
                break
        ordered = sorted(sums.items(), key=lambda item: sum_name(item[0]))
        return Batch(seal, row, tuple(ordered), expires) if seal else None

    async def _rows(self, stored: StoredSeal) -> AsyncIterator[Document]:
        """Yield the rows of a seal that have not expired."""
        seal, remaining = stored.seal, dict.fromkeys(key for key, _ in stored.rows)
        if seal.first:
            collection = document_types.records_collection(seal.day)
            start, end = seal.first[:16], f"{seal.last} "  # the bounds are exclusive; 16 digits are the time
            async for row in iterate_documents(self._store, collection, after=start, before=end):
                if (key := key_of_row(row.key)) in remaining:
                    del remaining[key]
                    yield row
        others = list(remaining)
        for begin in range(0, len(others), ROWS_PER_READ):
            keys = map(document_of_row, others[begin : begin + ROWS_PER_READ])
            for document in await self._store.get(*keys):
                if document is not None:
                    yield document
