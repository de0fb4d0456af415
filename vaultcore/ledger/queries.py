"""Queries of what settled requests have written: records and other documents by time, and daily usage.

A page ends when it has enough documents or has read its maximum, even if it is not full. `next` continues
there. Documents written in the meantime are newer than any page's end, so no document appears twice.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import Any, Literal

from vaultcore.errors import StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.day_cache import DayCache
from vaultcore.ledger.positions import read_sums_position
from vaultcore.ledger.tail import Tail, TailCache, read_tail
from vaultcore.ledger.totals import AMOUNTS, UsageTotals, accumulate
from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import Document, DocumentKey, Store
from vaultcore.store.refusal_documents import refusals_collection
from vaultcore.store.scan import Scan, ScanNewest

DAY = 86_400.0  # seconds
CHUNK = 250  # documents per query
SUMS_CHUNK = 1_000  # sums of a day per query
MAX_READ = 2_000  # documents read for one page, plus up to one chunk
MAX_DAYS = 40  # days read for one page
CONCURRENT_DAYS = 8  # days whose usage is read at a time
MAX_SUM_READS = 8  # reads of all sums, until none of them has changed meanwhile
MICROS = 1_000_000  # microseconds per second
DAY_MICROS = 86_400 * MICROS

By = Literal["day", "key", "model", "provider", "owner"]
Filter = Callable[[Mapping[str, Any]], bool]
TextFilter = Callable[[str], bool]

_CURSOR = re.compile(r"\d{16}(?:-[\x21-\x7e]{1,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A time range in seconds since the epoch. `since` is inclusive, `until` exclusive."""

    since: float
    until: float

    @property
    def days(self) -> list[str]:
        """Return the calendar days (UTC) that the range touches, in order."""
        first, last = _day_at(_micros(self.since)), _day_at(_micros(self.until) - 1)
        return [day_of(day * DAY) for day in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Documents, newest first. `next` is the cursor of the next page, None after the last one."""

    documents: tuple[Document, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class CollectionRange:
    """The documents of collections with a common order whose IDs are greater than `after`."""

    collections: tuple[str, ...]
    after: str


def is_cursor(text: str) -> bool:
    """Return True if a text can be the `next` of a page."""
    return _CURSOR.fullmatch(text) is not None


async def list_records(
    store: Store,
    span: TimeRange,
    matches: Filter,
    *,
    limit: int,
    before: str | None = None,
    may_match: TextFilter | None = None,
) -> DocumentPage:
    """Return a page of the records of requests that ended in a time range. `before` is the cursor.

    `may_match` returns False for the JSON text of records that do not match; it saves parsing these.

    It includes the rows of refused requests: their body has the field `refusal`.
    """
    start = min(before or _end(span), _end(span))
    ranges = islice(_day_ranges(span, start), MAX_DAYS)
    oldest = document_types.timestamp(span.since)
    return await _read_page(store, ranges, start, matches, limit=limit, oldest=oldest, may_match=may_match)


async def list_entries(
    store: Store, collection: str, span: TimeRange, matches: Filter, *, limit: int, before: str | None = None
) -> DocumentPage:
    """Return a page of a collection that is ordered by time: alerts or audit entries."""
    start = min(before or _end(span), _end(span))
    oldest = document_types.timestamp(span.since)
    ranges = (CollectionRange((collection,), oldest),)
    return await _read_page(store, ranges, start, matches, limit=limit, oldest=oldest)


async def iterate_records(
    store: Store, span: TimeRange, matches: Filter, *, limit: int | None = None, before: str | None = None
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield all records of a time range, or the first `limit` of them."""
    remaining = limit
    while remaining is None or remaining > 0:
        page_size = min(CHUNK, remaining or CHUNK)
        page = await list_records(store, span, matches, limit=page_size, before=before)
        for document in page.documents:
            yield document.body
        if page.next is None:
            return
        before = page.next
        remaining = None if remaining is None else remaining - len(page.documents)


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """The totals of one day, virtual key, provider and model."""

    day: str
    key: str
    provider: str
    model: str
    totals: UsageTotals
    owner: str = ""  # of the key; the store does not contain it


@dataclass(frozen=True, slots=True)
class StoredUsage:
    """Usage of whole days. `complete_until` is None unless there were too many recent records to read."""

    rows: tuple[DailyUsage, ...]
    complete_until: float | None = None  # seconds since the epoch: usage until then is included

    def __iter__(self) -> Iterator[DailyUsage]:
        return iter(self.rows)


async def read_usage(
    store: Store, span: TimeRange, key: str | None = None, tails: TailCache | None = None
) -> StoredUsage:
    """Return the usage of every whole day (UTC) that a time range touches, of all keys or of one.

    It is the sums of days and the tail of records behind them. Raises StoreUnavailable, also if the sums
    change during each of several reads: then a record could count twice or not at all.
    """
    days = span.days
    cache = tails.days if tails is not None and key is None else None
    for _ in range(MAX_SUM_READS):
        position, version = await read_sums_position(store)
        sums = await read_sums(store, days, key, cache, version)
        if (await read_sums_position(store))[1] == version:
            break
    else:
        raise StoreUnavailable("the sums of usage are being updated; try again", retry_after=1)
    if tails is None:
        tail = await read_tail(store, position, days)
    else:
        tail = await tails.read(position, version, days)
    return StoredUsage(tuple(_with_tail(sums, tail, key)), tail.complete_until)


def group_usage(usage: Iterable[DailyUsage], by: By) -> dict[str, UsageTotals]:
    """Return totals by day in order, or by another attribute with the highest cost first."""
    groups: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(AMOUNTS))
    for each in usage:
        accumulate(groups[getattr(each, by)], each.totals)
    totals = {name: UsageTotals(*sums) for name, sums in groups.items()}
    if by == "day":
        return dict(sorted(totals.items()))
    return dict(sorted(totals.items(), key=lambda item: (-item[1].cost_nanos, -item[1].requests, item[0])))


def _end(span: TimeRange) -> str:
    return document_types.timestamp(span.until)


def _micros(at: float) -> int:
    return int(document_types.timestamp(at))


def _day_at(micros: int) -> int:
    """Return the number of a day since the epoch."""
    return micros // DAY_MICROS


def _day_ranges(span: TimeRange, start: str) -> Iterator[CollectionRange]:
    """Yield the collections of records from the cursor `start` back to the beginning of a time range."""
    last = int(start[:16]) - (0 if "-" in start else 1)  # a time without an ID is an exclusive bound
    for day in range(_day_at(last), _day_at(_micros(span.since)) - 1, -1):
        name = day_of(day * DAY)
        collections = (document_types.records_collection(name), refusals_collection(name))
        yield CollectionRange(collections, document_types.timestamp(max(day * DAY, span.since)))


async def _read_page(
    store: Store,
    ranges: Iterable[CollectionRange],
    start: str,
    matches: Filter,
    *,
    limit: int,
    oldest: str,
    may_match: TextFilter | None = None,
) -> DocumentPage:
    documents: list[Document] = []
    count, position = 0, start
    for each in ranges:
        while True:
            scan = await _scan_newest(store, each, position, may_match)
            for document in scan.documents:
                if matches(document.body):
                    documents.append(document)
                if len(documents) > limit:
                    return DocumentPage(tuple(documents[:limit]), documents[limit - 1].key.id)
            position, count = scan.last, count + scan.count
            if scan.count < CHUNK:
                break
            if count >= MAX_READ:
                return DocumentPage(tuple(documents), position)
        position = each.after
        if count >= MAX_READ:
            break
    return DocumentPage(tuple(documents), position if position > oldest else None)


def _with_tail(sums: list[DailyUsage], tail: Tail, key: str | None) -> Iterator[DailyUsage]:
    """Yield usage with that of the tail, of all keys or of one."""
    added = {name: totals for name, totals in tail.sums.totals() if key in {None, name[1]}}
    for each in sums:
        more = added.pop((each.day, each.key, each.provider, each.model), None) if added else None
        yield each if more is None else replace(each, totals=more + each.totals)
    for name, totals in added.items():
        yield DailyUsage(*name, totals)


async def read_sums(
    store: Store, days: Sequence[str], key: str | None, cache: DayCache | None, version: int
) -> list[DailyUsage]:
    """Return the sums of days, of all keys or of one, at a version of their position."""
    usage = list[DailyUsage]()
    for start in range(0, len(days), CONCURRENT_DAYS):
        batch = days[start : start + CONCURRENT_DAYS]
        results = await asyncio.gather(*(_read_day(store, day, key, cache, version) for day in batch))
        usage += (each for result in results for each in result)
    return usage


async def _scan_newest(
    store: Store, each: CollectionRange, before: str, may_match: TextFilter | None
) -> Scan:
    """Return the newest documents of all collections of a range, CHUNK at most, that may match."""
    scan: ScanNewest | None = getattr(store, "scan_newest", None)
    if scan is not None:
        accepts = may_match or _is_any
        return await scan(each.collections, accepts, after=each.after, before=before, limit=CHUNK)
    queries = (
        store.query(name, after=each.after, before=before, limit=CHUNK, newest_first=True)
        for name in each.collections
    )
    merged = merge(*await asyncio.gather(*queries), key=lambda document: document.key.id, reverse=True)
    documents = list(islice(merged, CHUNK))
    return Scan(documents, len(documents), documents[-1].key.id if documents else before)


def _is_any(_text: str) -> bool:
    return True


async def _read_day(
    store: Store, day: str, only_key: str | None, cache: DayCache | None, version: int
) -> Sequence[DailyUsage]:
    """Return a day's sums, as the cache has them for this version of the position if there is one."""
    rows: Sequence[DailyUsage] | None = cache.get(day, version) if cache is not None else None
    if rows is None:
        rows = await _read_day_sums(store, day, only_key)
        if cache is not None:
            cache.put(day, version, rows)
    return rows


async def _read_day_sums(store: Store, day: str, only_key: str | None) -> list[DailyUsage]:
    collection, usage = document_types.usage_collection(day), list[DailyUsage]()
    after, before = ("", None) if only_key is None else document_types.usage_range(only_key)
    while True:
        batch = await store.query(collection, after=after, before=before, limit=SUMS_CHUNK)
        usage += (_daily_usage(document.key, document.body) for document in batch)
        if len(batch) < SUMS_CHUNK:
            return usage
        after = batch[-1].key.id


def _daily_usage(name: DocumentKey, amounts: Mapping[str, int]) -> DailyUsage:
    day = name.collection.removeprefix(document_types.usage_collection(""))
    return DailyUsage(day, *document_types.parse_usage_id(name.id), UsageTotals.of(amounts))
