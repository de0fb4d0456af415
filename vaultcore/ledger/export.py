"""Exports the ledger as JSON Lines: a header, then the rows of each seal and the seal. See docs/ledger.md."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.chain import FORMAT, GENESIS, VERSION, Seal, StoredSeal, canonical_json
from vaultcore.ledger.sealing import RETENTION_DAYS, document_of_row, iterate_seals
from vaultcore.ledger.signing import LedgerSigner
from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import DocumentKey, Store

ROWS_PER_READ = 100
MARGIN_DAYS = 4  # a seal may contain rows of earlier days, and none of them may have expired


@dataclass(frozen=True, slots=True)
class LedgerHeader:
    """The signed first line. It states what follows, so that a truncated file is detected.

    The field names are part of the ledger's format.
    """

    public_key: str
    price_versions: Sequence[str]
    seals: int
    rows: int
    previous: str  # the hash that the first row follows
    head: str  # the hash of the last row
    signature: str = ""
    format: str = FORMAT
    version: int = VERSION

    def pack(self) -> dict[str, Any]:
        """Return the header as a JSON object."""
        return {**asdict(self), "price_versions": list(self.price_versions)}

    def unsigned(self) -> dict[str, Any]:
        """Return the object that the signature is made over."""
        return {name: value for name, value in self.pack().items() if name != "signature"}


async def export_ledger(
    store: Store, signer: LedgerSigner, clock: Clock, first: str | None = None, last: str | None = None
) -> AsyncIterator[str]:
    """Yield the lines of everything that was sealed from day `first` to day `last`, both inclusive.

    A row whose record is no longer in the store is omitted; verification then reports the gap.
    """
    oldest = day_of(max(0.0, clock.now() - (RETENTION_DAYS - MARGIN_DAYS) * 86_400))
    first = max(first or oldest, oldest)
    keys, seals = [], []
    async for stored in iterate_seals(store, first, last):
        keys.append(DocumentKey(document_types.SEALS, stored.seal.id))
        seals.append(stored.seal)
    yield _render_line(_render_header(seals, signer))
    for key in keys:
        (document,) = await store.get(key)
        if document is not None:
            stored = StoredSeal.unpack(document.body)
            async for row in _render_rows(store, stored):
                yield row
            yield _render_line(stored.seal.pack())


def _render_header(seals: Sequence[Seal], signer: LedgerSigner) -> dict[str, Any]:
    header = LedgerHeader(
        public_key=signer.public_key,
        price_versions=sorted({version for seal in seals for version in seal.price_versions}),
        seals=len(seals),
        rows=sum(seal.count for seal in seals),
        previous=seals[0].previous if seals else GENESIS,
        head=seals[-1].head if seals else GENESIS,
    )
    return {**header.pack(), "signature": signer.sign(header.unsigned())}


async def _render_rows(store: Store, stored: StoredSeal) -> AsyncIterator[str]:
    for start in range(0, len(stored.rows), ROWS_PER_READ):
        rows = stored.rows[start : start + ROWS_PER_READ]
        documents = await store.get(*(document_of_row(key) for key, _ in rows))
        for document, (_, digest) in zip(documents, rows, strict=True):
            if document is not None:
                yield _render_line({**document.body, "hash": digest})


def _render_line(value: dict[str, Any]) -> str:
    return canonical_json(value) + "\n"
