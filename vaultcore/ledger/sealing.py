"""Seals the records that requests have written: chains and signs them, outside of any request.

The sealing position is one document. It is written together with each seal, and only over the version that
was read. If two sealers run at once, one of them starts over; neither forks the chain or skips a row. A
record may appear behind the position, because its writer was late or its clock wrong. A look back finds such
records and lists them in the next seal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vaultcore.clock import Clock
from vaultcore.ledger.chain import Seal, StoredSeal, chain_hash, row_key
from vaultcore.ledger.positions import POSITION, SealingPosition, begin_sums, days_before
from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, DocumentKey, Put, Store

if TYPE_CHECKING:
    from vaultcore.ledger.signing import LedgerSigner  # imports cryptography

GRACE = 60.0  # seconds after its end within which a record appears in the store
SWEEP = 3_600.0  # seconds between two looks back
LOOK_BACK_DAYS = 1  # before the last look back, unless the caller asks for more
ROWS = 100  # per seal; each takes 11 kB of memory while it is sealed
SEALS_PER_READ = 8  # each contains the keys of all its rows
PAGE = 100  # documents per query
MAX_CONFLICTS = 20  # with other sealers, after which a run ends
RETENTION_DAYS = 400  # of records; no older ones exist


class Sealer:
    """Seals records. Any number of sealers may run at once, in any number of processes.

    Without a signer, seals have no signature: they only order the rows for the sums of usage.
    """

    def __init__(self, store: Store, signer: LedgerSigner | None, clock: Clock) -> None:
        self._store, self._signer, self._clock = store, signer, clock

    async def run(self, *, sweep_every: float = SWEEP, since: str | None = None) -> int:
        """Seal every record that is due. Return the number of sealed rows.

        Look back for late rows if the last look is `sweep_every` seconds ago: from the day `since`, or from
        the day before that last look.
        """
        await begin_sums(self._store)
        rows_sealed = conflicts = 0
        is_swept = False
        while conflicts < MAX_CONFLICTS:
            now = self._clock.now()
            position, version = await self._read_position(now)
            sweeps = not is_swept and now - position.swept >= sweep_every
            first_day = since or days_before(day_of(min(now, position.swept)), LOOK_BACK_DAYS)
            late = await self._find_late(position, first_day) if sweeps else []
            is_swept = is_swept or (sweeps and len(late) < ROWS)
            day, rows = await self._next_rows(position, now - GRACE, ROWS - len(late))
            moved = position if day == position.day else replace(position, day=day, last="", number=0)
            moved = replace(moved, swept=now) if is_swept and sweeps else moved
            stored = self._seal(moved, late, rows, now) if late or rows else None
            del late, rows  # before the next ones are read
            if stored is None and moved == position:
                break
            try:
                await self._write(moved, version, stored)
            except Conflict:
                conflicts += 1
                is_swept = False
                continue
            rows_sealed += stored.seal.count if stored else 0
        return rows_sealed

    async def head(self) -> str:
        """Return the hash of the last sealed row."""
        return (await self._read_position(self._clock.now()))[0].head

    async def _read_position(self, now: float) -> tuple[SealingPosition, int]:
        """Return the position and the version of its document."""
        (document,) = await self._store.get(POSITION)
        if document is None:
            first_day = days_before(day_of(now), min(RETENTION_DAYS, int(now // 86_400)))
            return SealingPosition(first_day, swept=now), ABSENT
        return SealingPosition.unpack(document.body), document.version

    async def _next_rows(
        self, position: SealingPosition, until: float, most: int
    ) -> tuple[str, list[Document]]:
        """Return the next rows, all of one day, and that day."""
        day, last = position.day, position.last
        before = document_types.timestamp(until)
        while True:
            collection = document_types.records_collection(day)
            rows = await self._store.query(collection, after=last, before=before, limit=most or 1)
            if rows or day >= day_of(until):
                return day, rows[:most]
            day, last = days_before(day, -1), ""

    def _seal(
        self, position: SealingPosition, late: Sequence[Document], rows: Sequence[Document], now: float
    ) -> StoredSeal:
        """Return the seal of late rows and rows of the position's day."""
        head, hashes = position.head, []
        for row in (*late, *rows):
            head = chain_hash(head, row.body)
            hashes.append((key_of_row(row.key), head))
        seal = Seal(
            day=position.day,
            number=position.number + 1,
            first=rows[0].key.id if rows else "",
            last=rows[-1].key.id if rows else "",
            count=len(hashes),
            late=[key_of_row(row.key) for row in late],
            previous=position.head,
            head=head,
            price_versions=sorted({str(row.body.get("price_version", "")) for row in (*late, *rows)}),
            sealed_at=round(now, 3),
        )
        signature = self._signer.sign(seal.unsigned()) if self._signer else ""
        return StoredSeal(replace(seal, signature=signature), hashes)

    async def _write(self, position: SealingPosition, version: int, stored: StoredSeal | None) -> None:
        """Write the position and the seal, if there is one. Raise Conflict."""
        if stored is None:
            await self._store.write(Put(POSITION, position.pack(), version=version))
            return
        seal = stored.seal
        last = seal.last or position.last
        position = replace(position, last=last, number=seal.number, head=seal.head)
        await self._store.write(
            Put(POSITION, position.pack(), version=version),
            Put(DocumentKey(document_types.SEALS, seal.id), stored.pack(), version=ABSENT),
        )

    async def _find_late(self, position: SealingPosition, since: str) -> list[Document]:
        """Return rows from day `since` that are behind the position and in no seal, at most ROWS."""
        late: dict[str, Document] = {}
        checked = ("", "")  # the day and ID up to which rows have been compared
        async for stored in iterate_seals(self._store, since):
            seal = stored.seal
            day, after = checked if checked[0] == seal.day else (seal.day, "")
            if day != checked[0]:
                await self._add_unsealed(late, checked[0] or since, checked[1], days_before(day, 1))
            sealed_keys = {key for key, _ in stored.rows}
            if seal.last:
                collection = document_types.records_collection(day)
                async for row in iterate_documents(self._store, collection, after=after, before=seal.last):
                    if key_of_row(row.key) not in sealed_keys:
                        late[key_of_row(row.key)] = row
            for key in seal.late:
                late.pop(key, None)
            checked = (day, seal.last or after)
        await self._add_unsealed(late, checked[0] or since, checked[1], days_before(position.day, 1))
        return [late[key] for key in sorted(late)][:ROWS]

    async def _add_unsealed(self, late: dict[str, Document], day: str, after: str, until: str) -> None:
        """Add the rows that no seal's range covers: the ends of days, and days without a seal."""
        while day <= until:
            collection = document_types.records_collection(day)
            async for row in iterate_documents(self._store, collection, after=after):
                late[key_of_row(row.key)] = row
            day, after = days_before(day, -1), ""


async def iterate_seals(store: Store, first: str, last: str | None = None) -> AsyncIterator[StoredSeal]:
    """Yield the seals from day `first` to day `last`, both inclusive, in order."""
    before = None if last is None else f"{days_before(last, -1)}/"
    documents = iterate_documents(
        store, document_types.SEALS, after=f"{first}/", before=before, limit=SEALS_PER_READ
    )
    async for document in documents:
        yield StoredSeal.unpack(document.body)


async def iterate_documents(
    store: Store, collection: str, *, after: str = "", before: str | None = None, limit: int = PAGE
) -> AsyncIterator[Document]:
    """Yield all documents of a collection between two IDs, reading `limit` at a time."""
    while True:
        page = await store.query(collection, after=after, before=before, limit=limit)
        is_last = len(page) < limit
        page.reverse()
        while page:  # none is referenced here while the next page is read
            after = page[-1].key.id
            yield page.pop()
        if is_last:
            return


def key_of_row(key: DocumentKey) -> str:
    """Return the row key of a record's document."""
    return row_key(key.collection.removeprefix(document_types.records_collection("")), key.id)


def document_of_row(key: str) -> DocumentKey:
    """Return the key of the document of a row."""
    day, _, record_id = key.partition("/")
    return DocumentKey(document_types.records_collection(day), record_id)
