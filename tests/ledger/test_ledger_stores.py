"""The ledger over every store that a gateway can have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.ledger.book import DAY, NOON, SIGNER, Book, record, run, verdict
from tests.store.conftest import MAKERS
from vaultcore.ledger.sealing import ROWS, Sealer
from vaultcore.store import document_types
from vaultcore.store.base import Put


@pytest.mark.parametrize("kind", MAKERS)
def test_every_store_keeps_a_ledger(kind: str, tmp_path: Path) -> None:
    """Sealed by several at once, with late rows and over days, an export verifies and has every cost."""

    async def story() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            book = Book(place.store, clock)
            made = []
            await book.sealer.run()  # which passes over all the days before today, once
            for turn in range(2):
                made += [await book.spend(ended=clock.time - (200 if each == 3 else 0)) for each in range(4)]
                clock.time += 70
                await asyncio.gather(
                    *(Sealer(place.store, SIGNER, clock).run(sweep_every=0.0) for _ in range(3))
                )
                clock.time += DAY * (1 - turn)
            told = verdict(await book.lines())
            (used,) = await place.store.accounts("key:key_a")
        assert (told.problem, told.rows, told.whole) == (None, 8, True)
        assert told.cost == sum(each.cost or 0 for each in made) == used.nanos

    run(story())


@pytest.mark.parametrize("kind", MAKERS)
def test_a_full_seal_fits_every_store(kind: str, tmp_path: Path) -> None:
    """A seal of as many rows as one may have is kept and exported again."""

    async def story() -> None:
        clock = FakeClock()
        async with MAKERS[kind](clock, tmp_path) as place:
            book = Book(place.store, clock)
            rows = [record(f"{number:024x}", NOON + number / 1_000) for number in range(ROWS)]
            puts = [Put(document_types.record(row.ended, row.id), row.pack()) for row in rows]
            for start in range(0, ROWS, 25):
                await place.store.write(*puts[start : start + 25])
            assert await book.seal() == ROWS
            told = verdict(await book.lines())
        assert (told.problem, told.rows, told.seals) == (None, ROWS, 1)

    run(story())
