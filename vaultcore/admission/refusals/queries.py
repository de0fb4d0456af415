"""Reads what the collector has written: sums by day, key and error code, and the rows of single requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vaultcore.admission.refusals.refusal import ROWS_PER_DAY, CodeSums
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store.base import Document, DocumentKey, Store
from vaultcore.store.refusal_documents import (
    refusal_sums_collection,
    refusal_sums_key,
    refusals_collection,
)

CHUNK = 100  # documents per read


@dataclass(frozen=True, slots=True)
class KeySums:
    """The refusals of one key on one day."""

    day: str
    key: str  # ID of a virtual key, "system", or one of the names in `store.refusal_documents`
    owner: str | None
    codes: Mapping[str, CodeSums]
    rows: Sequence[str]  # IDs of the rows


async def read_key_sums(store: Store, days: Sequence[str], key: str) -> list[KeySums]:
    """Return the sums of one key, for the days that have any, in the order of `days`."""
    names = [refusal_sums_key(day, key) for day in days]
    documents = [each for each in await _get(store, names) if each is not None]
    return [_key_sums(each) for each in documents]


async def read_day_sums(store: Store, day: str) -> list[KeySums]:
    """Return the sums of all keys on a day, by key."""
    sums, after = list[KeySums](), ""
    while True:
        batch = await store.query(refusal_sums_collection(day), after=after, limit=CHUNK)
        sums += map(_key_sums, batch)
        if len(batch) < CHUNK:
            return sums
        after = batch[-1].key.id


async def read_last_rows(store: Store, sums: Iterable[KeySums]) -> list[Mapping[str, Any]]:
    """Return the rows of the last ROWS_PER_DAY refused requests that have one, newest first."""
    names = [DocumentKey(refusals_collection(each.day), row) for each in sums for row in each.rows]
    names.sort(key=lambda name: name.id, reverse=True)
    documents = await _get(store, names[:ROWS_PER_DAY])
    return [each.body for each in documents if each is not None]


async def _get(store: Store, names: Sequence[DocumentKey]) -> list[Document | None]:
    documents = list[Document | None]()
    for start in range(0, len(names), CHUNK):
        documents += await store.get(*names[start : start + CHUNK])
    return documents


def _key_sums(document: Document) -> KeySums:
    body, day = document.body, document.key.collection.removeprefix(refusal_sums_collection(""))
    codes = {code: CodeSums.unpack(packed) for code, packed in body["codes"].items()}
    return KeySums(day, document.key.id, body.get("owner"), codes, body.get("rows", ()))
