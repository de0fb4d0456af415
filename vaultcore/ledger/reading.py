"""Reads back what settled requests left behind: records and other entries newest first, and the days' sums.

A page ends where it has looked at enough, whether or not it found all it was to hold: its `next` goes on from
there. What is written meanwhile is newer than any page's end, so pages hold everything once.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import reduce
from itertools import islice
from typing import Any, Literal

from vaultcore.limits.account import day_of
from vaultcore.store import document_types
from vaultcore.store.base import Document, Store

DAY = 86_400.0
CHUNK = 250  # documents asked for at once
LOOKED = 2_000  # documents that one page looks at, at most a chunk more
SHELVES = 40  # days that one page looks through
AT_ONCE = 8  # days whose sums are read at a time
MICROS = 1_000_000
DAY_MICROS = 86_400 * MICROS

By = Literal["day", "key", "model", "provider", "owner"]
Keep = Callable[[Mapping[str, Any]], bool]

_POSITION = re.compile(r"\d{16}(?:-[\x21-\x7e]{1,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, seconds since 1970: its beginning belongs to it, its end does not."""

    since: float
    until: float

    @property
    def days(self) -> list[str]:
        """The calendar days that it touches, in order."""
        first, last = _day_at(_micros(self.since)), _day_at(_micros(self.until) - 1)
        return [day_of(day * DAY) for day in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `next` is where the following page begins; None: there is none."""

    found: tuple[Document, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """A shelf, and the position behind which it is looked through."""

    shelf: str
    floor: str


def position(text: str) -> bool:
    """Whether a text can be the `next` of a page."""
    return _POSITION.fullmatch(text) is not None


async def records(store: Store, span: Span, keep: Keep, *, limit: int, before: str | None = None) -> Page:
    """The records of requests that ended in a span of time. `before` is the `next` of the page before."""
    start = min(before or _end(span), _end(span))
    places = islice(_days(span, start), SHELVES)
    return await _page(store, places, start, keep, limit=limit, oldest=document_types.stamp(span.since))


async def entries(
    store: Store, shelf: str, span: Span, keep: Keep, *, limit: int, before: str | None = None
) -> Page:
    """The entries of a shelf that is ordered by time: alerts, audits."""
    start = min(before or _end(span), _end(span))
    oldest = document_types.stamp(span.since)
    return await _page(store, (Place(shelf, oldest),), start, keep, limit=limit, oldest=oldest)


async def every_record(
    store: Store, span: Span, keep: Keep, *, limit: int | None = None, before: str | None = None
) -> AsyncGenerator[Mapping[str, Any], None]:
    """All the records of a span, page after page; with `limit` no more than that."""
    left = limit
    while left is None or left > 0:
        page = await records(store, span, keep, limit=min(CHUNK, left or CHUNK), before=before)
        for document in page.found:
            yield document.body
        if page.next is None:
            return
        before, left = page.next, None if left is None else left - len(page.found)


@dataclass(frozen=True, slots=True)
class Sums:
    """What requests came to, together."""

    requests: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nanos: int = 0
    unpriced: int = 0  # requests of which nobody knows the price
    ms: int = 0

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Sums:
        return cls(**{each.name: amounts.get(each.name, 0) for each in fields(cls)})

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class Summed:
    """One sum of a day, and what it is of."""

    day: str
    key: str
    provider: str
    model: str
    sums: Sums
    owner: str = ""  # of the key; sums are kept without it


async def usage(store: Store, span: Span, key: str | None = None) -> list[Summed]:
    """The sums of whole days (UTC), of all that a span touches; with `key` nothing else is looked at."""
    days, found = span.days, list[Summed]()
    for start in range(0, len(days), AT_ONCE):
        read = await asyncio.gather(*(_day(store, day, key) for day in days[start : start + AT_ONCE]))
        found += (each for several in read for each in several)
    return found


def grouped(found: Iterable[Summed], by: By) -> dict[str, Sums]:
    """Sums by day in order, or by something else, dearest first."""
    groups: defaultdict[str, list[Sums]] = defaultdict(list)
    for each in found:
        groups[str(getattr(each, by))].append(each.sums)
    added = {name: total(several) for name, several in groups.items()}
    if by == "day":
        return dict(sorted(added.items()))
    return dict(sorted(added.items(), key=lambda one: (-one[1].cost_nanos, -one[1].requests, one[0])))


def total(sums: Iterable[Sums]) -> Sums:
    return reduce(Sums.__add__, sums, Sums())


def _end(span: Span) -> str:
    return document_types.stamp(span.until)


def _micros(at: float) -> int:
    return int(document_types.stamp(at))


def _day_at(micros: int) -> int:
    return micros // DAY_MICROS


def _days(span: Span, start: str) -> Iterator[Place]:
    """The shelves of records from a position back to the beginning of a span."""
    last = int(start[:16]) - (0 if "-" in start else 1)  # a bare time is past the last of what is before it
    for day in range(_day_at(last), _day_at(_micros(span.since)) - 1, -1):
        yield Place(document_types.log(day_of(day * DAY)), document_types.stamp(max(day * DAY, span.since)))


async def _page(
    store: Store, places: Iterable[Place], start: str, keep: Keep, *, limit: int, oldest: str
) -> Page:
    found: list[Document] = []
    looked, reached = 0, start
    for place in places:
        while True:
            batch = await store.entries(
                place.shelf, after=place.floor, before=reached, limit=CHUNK, newest_first=True
            )
            for document in batch:
                if keep(document.body):
                    found.append(document)
                if len(found) > limit:
                    return Page(tuple(found[:limit]), found[limit - 1].name.entry)
                reached = document.name.entry
            looked += len(batch)
            if len(batch) < CHUNK:
                break
            if looked >= LOOKED:
                return Page(tuple(found), reached)
        reached = place.floor
        if looked >= LOOKED:
            break
    return Page(tuple(found), reached if reached > oldest else None)


async def _day(store: Store, day: str, of: str | None) -> list[Summed]:
    shelf, found = document_types.usage(day), list[Summed]()
    after, before = ("", None) if of is None else document_types.sums_of(of)
    while True:
        batch = await store.entries(shelf, after=after, before=before, limit=CHUNK)
        for document in batch:
            key, provider, model = document_types.summed(document.name.entry)
            found.append(Summed(day, key, provider, model, Sums.of(document.body)))
        if len(batch) < CHUNK:
            return found
        after = batch[-1].name.entry
