"""The partitions of documents: a day's records are spread, so that no partition takes all their writes."""

from __future__ import annotations

from collections import Counter
from secrets import token_hex

import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.store.ministack import dynamo_store
from vaultcore.store.base import DocumentKey, Put
from vaultcore.store.document_types import timed_key
from vaultcore.store.dynamodb.items import SHARDS, partition_of, partitions_of

LOG = "log/2026-11-22"


def test_records_of_a_day_are_spread() -> None:
    """Of 16,000 records, every one of 16 partitions has between 800 and 1,200."""
    counts = Counter(partition_of(timed_key(LOG, NOON + n / 100, token_hex(12))) for n in range(16_000))

    assert len(counts) == SHARDS == 16
    assert counts.keys() <= set(partitions_of(LOG))
    assert all(800 < count < 1_200 for count in counts.values())


@pytest.mark.parametrize("collection", ["keys", "seals", "sums/2026-11-22"])
def test_other_collections_are_one_partition(collection: str) -> None:
    """Only records are spread: everything else is queried far more often than written."""
    assert partition_of(DocumentKey(collection, "one")) == collection
    assert partitions_of(collection) == [collection]


@pytest.mark.anyio
async def test_a_query_merges_the_partitions(clock: FakeClock) -> None:
    """Records are returned in the order of their time, page by page, whatever their partitions."""
    keys = [timed_key(LOG, NOON + n, f"{n:024x}") for n in range(60)]
    async with dynamo_store(clock) as store:
        for start in range(0, len(keys), 20):
            await store.write(*(Put(key, {}) for key in keys[start : start + 20]))
        first = await store.query(LOG, limit=25)
        second = await store.query(LOG, after=first[-1].key.id, limit=100)
        newest = await store.query(LOG, limit=5, newest_first=True)

    assert [each.key for each in first + second] == keys
    assert [each.key for each in newest] == keys[:-6:-1]
