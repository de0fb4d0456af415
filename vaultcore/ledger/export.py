"""The ledger as a file that can be handed on: JSON Lines, told in docs/ledger.md."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vaultcore.clock import Clock
from vaultcore.ledger.chain import FORMAT, GENESIS, VERSION, Kept, Seal, canonical
from vaultcore.ledger.sealing import KEPT, seals
from vaultcore.ledger.signing import Signer
from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import Name, Store

TOGETHER = 100  # rows read in one call
MARGIN = 4  # days: a seal may hold rows of the days before it, and none of them may have run out


@dataclass(frozen=True, slots=True)
class Header:
    """The first line, signed: what must follow, so that a file cut short is found out."""

    public_key: str
    price_versions: Sequence[str]
    seals: int
    rows: int
    previous: str  # what the first row follows
    head: str  # the hash of the last row
    signature: str = ""
    format: str = FORMAT
    version: int = VERSION

    def pack(self) -> dict[str, Any]:
        return {**asdict(self), "price_versions": list(self.price_versions)}

    def unsigned(self) -> dict[str, Any]:
        return {name: value for name, value in self.pack().items() if name != "signature"}


async def export(
    store: Store, signer: Signer, clock: Clock, first: str | None = None, last: str | None = None
) -> AsyncIterator[str]:
    """The lines of what has been sealed of some days, both inclusive, each with its end.

    A row whose record has been taken out of the store is left out: who verifies the file finds the gap.
    """
    oldest = day_of(max(0.0, clock.now() - (KEPT - MARGIN) * 86_400))
    first = max(first or oldest, oldest)
    names, sealed = [], []
    async for kept in seals(store, first, last):
        names.append(Name(document_types.SEALS, kept.seal.entry))
        sealed.append(kept.seal)
    yield _line(_header(sealed, signer))
    for name in names:
        (document,) = await store.get(name)
        if document is not None:
            kept = Kept.unpack(document.body)
            async for row in _rows(store, kept):
                yield row
            yield _line(kept.seal.pack())


def _header(sealed: Sequence[Seal], signer: Signer) -> dict[str, Any]:
    header = Header(
        public_key=signer.public,
        price_versions=sorted({version for seal in sealed for version in seal.price_versions}),
        seals=len(sealed),
        rows=sum(seal.count for seal in sealed),
        previous=sealed[0].previous if sealed else GENESIS,
        head=sealed[-1].head if sealed else GENESIS,
    )
    return {**header.pack(), "signature": signer.sign(header.unsigned())}


async def _rows(store: Store, kept: Kept) -> AsyncIterator[str]:
    for start in range(0, len(kept.rows), TOGETHER):
        some = kept.rows[start : start + TOGETHER]
        found = await store.get(*(_name(place) for place, _ in some))
        for document, (_, digest) in zip(found, some, strict=True):
            if document is not None:
                yield _line({**document.body, "hash": digest})


def _name(place: str) -> Name:
    day, _, entry = place.partition("/")
    return Name(document_types.log(day), entry)


def _line(told: dict[str, Any]) -> str:
    return canonical(told) + "\n"
