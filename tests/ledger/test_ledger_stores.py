"""The ledger on every kind of store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import DAY, NOON, SIGNER, SampleLedger, record, run, verify
from tests.store.conftest import MAKERS
from vaultcore.ledger.sealing import ROWS, Sealer
from vaultcore.store import document_types
from vaultcore.store.base import Put


@pytest.mark.parametrize("kind", MAKERS)
def test_every_store_keeps_a_ledger(kind: str, tmp_path: Path) -> None:
    """Sealed by several sealers at once, with late rows and over days, an export is valid and complete."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            ledger = SampleLedger(place.store, clock)
            records = []
            await ledger.sealer.run()  # skips all days before today, once
            for turn in range(2):
                records += [
                    await ledger.add_record(ended=clock.time - (200 if each == 3 else 0)) for each in range(4)
                ]
                clock.time += 70
                await asyncio.gather(
                    *(Sealer(place.store, SIGNER, clock).run(sweep_every=0.0) for _ in range(3))
                )
                clock.time += DAY * (1 - turn)
            report = verify(await ledger.lines())
            (account,) = await place.store.accounts("key:key_a")
        assert (report.problem, report.rows, report.whole) == (None, 8, True)
        assert report.cost == sum(each.cost or 0 for each in records) == account.nanos

    run(scenario())


@pytest.mark.parametrize("kind", MAKERS)
def test_a_full_seal_fits_every_store(kind: str, tmp_path: Path) -> None:
    """A seal with the maximum number of rows is stored and exported."""

    async def scenario() -> None:
        clock = FakeClock()
        async with MAKERS[kind](clock, tmp_path) as place:
            ledger = SampleLedger(place.store, clock)
            rows = [record(f"{number:024x}", NOON + number / 1_000) for number in range(ROWS)]
            puts = [Put(document_types.record_key(row.ended, row.id), row.pack()) for row in rows]
            for start in range(0, ROWS, 25):
                await place.store.write(*puts[start : start + 25])
            assert await ledger.seal() == ROWS
            report = verify(await ledger.lines())
        assert (report.problem, report.rows, report.seals) == (None, ROWS, 1)

    run(scenario())
