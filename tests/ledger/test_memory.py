"""The memory of a pass of maintenance does not depend on how many records it seals and sums."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import NOON, SIGNER, record, run
from vaultcore.ledger.day_sums import DaySums
from vaultcore.ledger.sealing import Sealer
from vaultcore.store import document_types
from vaultcore.store.base import Put
from vaultcore.store.sqlite.store import SQLiteStore

RECORDS = 3_000
MOST = 1_200_000  # bytes


def test_a_pass_takes_little_memory(tmp_path: Path) -> None:
    """While 3,000 records are sealed and added to the sums of their day, at most 1.2 MB are in use for it."""

    async def scenario() -> tuple[int, int]:
        clock = FakeClock(NOON)
        store = SQLiteStore(tmp_path / "state.db", clock)
        rows = [record(f"{number:024x}", NOON + number / 100) for number in range(RECORDS)]
        puts = [Put(document_types.record_key(row.ended, row.id), row.pack()) for row in rows]
        for start in range(0, RECORDS, 25):
            await store.write(*puts[start : start + 25])
        del rows, puts
        clock.time += 3_600
        tracemalloc.start()
        sealed = await Sealer(store, SIGNER, clock).run()
        await DaySums(store).run()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await store.aclose()
        return sealed, peak

    sealed, peak = run(scenario())

    assert sealed == RECORDS
    assert peak < MOST
