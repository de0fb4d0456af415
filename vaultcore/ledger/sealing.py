"""Sealing: chains the records that requests have left, off the path of any request.

Where sealing stands is one document, written together with each seal and over its known version only: of two
sealers at once one begins again, and neither forks the chain nor skips a row. A record that appears behind
that place, for its writer was late or its clock wrong, is found by a sweep and listed in the next seal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from vaultcore.clock import Clock
from vaultcore.ledger.chain import GENESIS, Kept, Seal, follow, named
from vaultcore.ledger.signing import Signer
from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, Name, Put, Store

POSITION = Name("ledger")
GRACE = 60.0  # seconds within which a record that is being written appears
SWEEP = 3_600.0  # seconds between two looks behind
BEHIND = 1  # days before the last such look that one goes back, unless asked for more
ROWS = 1_000  # of one seal
SEALS = 10  # read at a time: each names all its rows
PAGE = 1_000
PATIENCE = 20  # times that another sealer may be faster
KEPT = 400  # days that records are kept: nothing is older


@dataclass(frozen=True, slots=True)
class Position:
    """Where sealing stands: everything up to an entry of a day's shelf has been looked at."""

    day: str
    swept: float  # when it was last looked behind
    last: str = ""
    number: int = 0  # of the day's seals
    head: str = GENESIS

    def pack(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Position:
        return cls(**packed)


class Sealer:
    """Any number may run at a time, in any number of processes."""

    def __init__(self, store: Store, signer: Signer, clock: Clock) -> None:
        self._store, self._signer, self._clock = store, signer, clock

    async def run(self, *, sweep_every: float = SWEEP, since: str | None = None) -> int:
        """Seal all there is to seal; the number of rows. `since` is the day from which a sweep looks."""
        sealed = lost = 0
        swept = False
        while lost < PATIENCE:
            now = self._clock.now()
            position, version = await self._position(now)
            sweeping = not swept and now - position.swept >= sweep_every
            back = since or _before(day_of(min(now, position.swept)), BEHIND)
            late = await self._late(position, back) if sweeping else []
            swept = swept or (sweeping and len(late) < ROWS)
            day, rows = await self._next(position, now - GRACE, ROWS - len(late))
            moved = position if day == position.day else replace(position, day=day, last="", number=0)
            moved = replace(moved, swept=now) if swept and sweeping else moved
            kept = self._sealed(moved, late, rows, now) if late or rows else None
            if kept is None and moved == position:
                break
            try:
                await self._write(moved, version, kept)
            except Conflict:
                lost += 1
                swept = False
                continue
            sealed += kept.seal.count if kept else 0
        return sealed

    async def head(self) -> str:
        """The hash that all which has been sealed ends with."""
        return (await self._position(self._clock.now()))[0].head

    async def _position(self, now: float) -> tuple[Position, int]:
        (document,) = await self._store.get(POSITION)
        if document is None:
            return Position(_before(day_of(now), min(KEPT, int(now // 86_400))), swept=now), ABSENT
        return Position.unpack(document.body), document.version

    async def _next(self, position: Position, until: float, most: int) -> tuple[str, list[Document]]:
        """The next rows of one day, and the day that sealing stands at with them."""
        day, last = position.day, position.last
        while True:
            before = document_types.stamp(until)
            rows = await self._store.entries(
                document_types.log(day), after=last, before=before, limit=most or 1
            )
            if rows or day >= day_of(until):
                return day, rows[:most]
            day, last = _before(day, -1), ""

    def _sealed(
        self, position: Position, late: Sequence[Document], rows: Sequence[Document], now: float
    ) -> Kept:
        head, places = position.head, []
        for row in (*late, *rows):
            head = follow(head, row.body)
            places.append((place(row.name), head))
        seal = Seal(
            day=position.day,
            number=position.number + 1,
            first=rows[0].name.entry if rows else "",
            last=rows[-1].name.entry if rows else "",
            count=len(places),
            late=[place(row.name) for row in late],
            previous=position.head,
            head=head,
            price_versions=sorted({str(row.body.get("price_version", "")) for row in (*late, *rows)}),
            sealed_at=round(now, 3),
        )
        return Kept(replace(seal, signature=self._signer.sign(seal.unsigned())), places)

    async def _write(self, position: Position, version: int, kept: Kept | None) -> None:
        if kept is None:
            await self._store.write(Put(POSITION, position.pack(), version=version))
            return
        seal = kept.seal
        last = seal.last or position.last
        position = replace(position, last=last, number=seal.number, head=seal.head)
        await self._store.write(
            Put(POSITION, position.pack(), version=version),
            Put(Name(document_types.SEALS, seal.entry), kept.pack(), version=ABSENT),
        )

    async def _late(self, position: Position, since: str) -> list[Document]:
        """Rows from a day on that lie behind the position and in no seal, no more than one seal takes."""
        found: dict[str, Document] = {}
        reached = ("", "")  # the day and entry up to which rows have been compared
        async for kept in seals(self._store, since):
            seal = kept.seal
            day, after = reached if reached[0] == seal.day else (seal.day, "")
            if day != reached[0]:
                await self._compare(found, reached[0] or since, reached[1], _before(day, 1))
            known = {name for name, _ in kept.rows}
            if seal.last:
                async for row in walk(self._store, document_types.log(day), after=after, before=seal.last):
                    if place(row.name) not in known:
                        found[place(row.name)] = row
            for name in seal.late:
                found.pop(name, None)
            reached = (day, seal.last or after)
        await self._compare(found, reached[0] or since, reached[1], _before(position.day, 1))
        return [found[name] for name in sorted(found)][:ROWS]

    async def _compare(self, found: dict[str, Document], day: str, after: str, until: str) -> None:
        """Find the rows that no seal's range covers: the ends of days, and days without any seal."""
        while day <= until:
            async for row in walk(self._store, document_types.log(day), after=after):
                found[place(row.name)] = row
            day, after = _before(day, -1), ""


async def seals(store: Store, first: str, last: str | None = None) -> AsyncIterator[Kept]:
    """The seals of some days, both inclusive, in their order."""
    before = None if last is None else f"{_before(last, -1)}/"
    async for document in walk(store, document_types.SEALS, after=f"{first}/", before=before, limit=SEALS):
        yield Kept.unpack(document.body)


async def walk(
    store: Store, shelf: str, *, after: str = "", before: str | None = None, limit: int = PAGE
) -> AsyncIterator[Document]:
    """All documents of a shelf between two entries, a page at a time."""
    while True:
        page = await store.entries(shelf, after=after, before=before, limit=limit)
        for document in page:
            yield document
        if len(page) < limit:
            return
        after = page[-1].name.entry


def place(name: Name) -> str:
    """A row's place, of its document's name."""
    return named(name.shelf.removeprefix(document_types.log("")), name.entry)


def _before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days)).isoformat()
