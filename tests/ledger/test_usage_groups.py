"""Usage in groups is the same from every store: the sums of days and the tail, by any attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import DAY, NOON, record, run
from tests.store.conftest import MAKERS
from vaultcore.ledger.queries import TimeRange, read_usage
from vaultcore.ledger.tail import TailCache
from vaultcore.ledger.usage_groups import Groups, UsageSource, add_rows, read_usage_source
from vaultcore.store import document_types
from vaultcore.store.base import Add, Put
from vaultcore.store.usage_selection import Attribute

SPAN = TimeRange(NOON - 2 * DAY, NOON)
SELECTIONS: tuple[tuple[tuple[Attribute, ...], Mapping[Attribute, tuple[str, ...]]], ...] = (
    (("day",), {}),
    (("key",), {}),
    (("model",), {"key": ("key_1", "key_3")}),
    (("key", "day"), {"provider": ("openai",)}),
    (("day",), {"key": ("key_1",)}),
    (("provider",), {"key": ()}),
)


@pytest.mark.parametrize("kind", MAKERS)
def test_groups_are_those_of_all_usage(kind: str, tmp_path: Path) -> None:
    """Each selection has the totals of documents and unsealed records that fit, also when cached."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            store = place.store
            for number in range(24):
                name = document_types.usage_key(
                    NOON - number % 4 * DAY, f"key_{number % 5}", "openai", f"m{number % 3}"
                )
                await store.write(Add(name, {"requests": number, "cost_nanos": 10 * number}))
            for number in range(5):
                row = record(f"req_{number}", NOON - number, f"key_{number}", sums="sealed")
                await store.write(Put(document_types.record_key(row.ended, row.id), row.pack()))
            usage = (await read_usage(store, SPAN)).rows
            tails = TailCache(store, clock)

            async def read_all(source: UsageSource) -> list[Groups]:
                return [await source.read(by, where) for by, where in SELECTIONS]

            results = [(await read_usage_source(store, SPAN, tails, read_all))[0] for _ in range(2)]
        for number, (by, where) in enumerate(SELECTIONS):
            rows = [
                (*(getattr(each, name) for name in by), *each.totals.amounts())
                for each in usage
                if all(getattr(each, name) in accepted for name, accepted in where.items())
            ]
            assert [dict(each[number]) for each in results] == [add_rows(rows, len(by))] * 2, (by, where)

    run(scenario())
