"""Queries of a collection, merged from its partitions in the order of IDs."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from vaultcore.aws.dynamodb import DynamoDBTable
from vaultcore.store.base import Document, DocumentKey
from vaultcore.store.dynamodb.documents import MIN_NEXT_PAGE, QueryRange
from vaultcore.store.dynamodb.items import id_of, parse_document, partitions_of
from vaultcore.wire import Json

MIN_PAGE = 8  # items per partition and query


async def query_merged(
    table: DynamoDBTable, query_range: QueryRange, limit: int, now: float
) -> list[Document]:
    """Return the first `limit` documents of all partitions that have not expired."""
    names = partitions_of(query_range.collection)
    page = limit if len(names) == 1 else max(MIN_PAGE, 2 * limit // len(names))
    sources = [_Partition(table, replace(query_range, partition=name), page, now) for name in names]
    await asyncio.gather(*(source.fill() for source in sources))
    first = max if query_range.newest_first else min
    documents: list[Document] = []
    while len(documents) < limit and (filled := [source for source in sources if source.items]):
        source = first(filled, key=lambda each: id_of(each.items[0]))
        item = source.items.popleft()
        key = DocumentKey(query_range.collection, id_of(item))
        if (document := parse_document(key, item, now)) is not None:
            documents.append(document)
        if not source.items:
            await source.fill()
    return documents


class _Partition:
    """The items of one partition that have been read and not used yet."""

    def __init__(self, table: DynamoDBTable, query_range: QueryRange, page: int, now: float) -> None:
        self._table, self._range = table, query_range
        self._request: Json | None = None
        if not query_range.is_empty:
            self._request = {**query_range.request(now), "Limit": page + 2}  # both bounds may be among them
        self.items: deque[Json] = deque()

    async def fill(self) -> None:
        """Read until there is an item or the partition ends."""
        while self._request is not None and not self.items:
            items, last = await self._table.query(self._request)
            self.items += (item for item in items if self._range.contains(item))
            more = {"ExclusiveStartKey": last, "Limit": max(self._request["Limit"], MIN_NEXT_PAGE)}
            self._request = {**self._request, **more} if last is not None else None
