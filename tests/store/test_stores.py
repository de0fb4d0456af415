"""Guarantees of every store about documents: versions, expiry, sums and ordered queries."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.store.store_request import NOON
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, Document, DocumentKey, Put, Store
from vaultcore.wire import Json

pytestmark = pytest.mark.anyio
ONE, TWO, THREE = DocumentKey("items", "one"), DocumentKey("items", "two"), DocumentKey("other", "one")
BODIES: list[Json] = [
    {},
    {"a": None, "b": [True, 1.5, -7, {"c": "✓ \U0001f600 \x00 \ud800"}], "": ""},
    {"nanos": 2**63, "less": -(2**70), "tiny": 5e-324},
    {"long": "x" * 100_000},
]


async def body(store: Store, name: DocumentKey) -> Json | None:
    (document,) = await store.get(name)
    return None if document is None else document.body


@pytest.mark.parametrize("content", BODIES)
async def test_a_document_is_read_as_written(store: Store, content: Json) -> None:
    """A document is read as it was written: any JSON, any character, numbers of any size."""
    await store.write(Put(ONE, content, expires=NOON + 1.25))

    assert await store.get(ONE) == [Document(ONE, content, 1, NOON + 1.25)]


async def test_missing_documents_are_none(store: Store) -> None:
    """Documents are returned by their full key in the requested order, with None for missing ones."""
    await store.write(Put(ONE, {"n": 1}), Put(THREE, {"n": 3}))

    assert await store.get(THREE, TWO, DocumentKey("items"), ONE, THREE) == [
        Document(THREE, {"n": 3}),
        None,
        None,
        Document(ONE, {"n": 1}),
        Document(THREE, {"n": 3}),
    ]
    assert await store.get() == []


async def test_a_hundred_documents_in_one_call(store: Store) -> None:
    """A hundred documents are read in one call."""
    names = [DocumentKey(f"items {n % 7}", f"{n}") for n in range(100)]
    for start in range(0, 100, 20):
        await store.write(*(Put(name, {"at": name.id}) for name in names[start : start + 20]))

    assert [each and each.body["at"] for each in await store.get(*names)] == [name.id for name in names]


async def test_an_empty_id_is_an_id(store: Store) -> None:
    """An empty ID is an ID, and no other ID is mistaken for it."""
    names = [DocumentKey("items", entry) for entry in ("", "-", " ", "\x00", "∅", "#", "null")]
    await store.write(*(Put(name, {"entry": name.id}) for name in names))

    assert [each and each.body["entry"] for each in await store.get(*names)] == [name.id for name in names]
    assert {each.key for each in await store.query("items")} == set(names)


async def test_versions_count_writes(store: Store) -> None:
    """A version is 1 at first and grows with every write; a deleted document begins again."""
    versions = []
    for write in (Put(ONE, {"n": 1}), Add(ONE, {"n": 1}), Put(ONE, {}), Delete(ONE), Add(ONE, {"n": 1})):
        await store.write(write)
        (document,) = await store.get(ONE)
        versions.append(document.version if document else ABSENT)

    assert versions == [1, 2, 3, ABSENT, 1]


@pytest.mark.parametrize(
    "refused",
    [
        Put(ONE, {"n": 9}, version=ABSENT),
        Put(ONE, {"n": 9}, version=1),
        Put(ONE, {"n": 9}, version=3),
        Put(TWO, {"n": 9}, version=1),
        Delete(ONE, version=1),
        Delete(ONE, version=ABSENT),
        Delete(TWO, version=1),
    ],
    ids=repr,
)
async def test_a_conflict_writes_nothing(store: Store, refused: Put | Delete) -> None:
    """If one document has another version, no write of the call is applied, in any order."""
    await store.write(Put(ONE, {"n": 1}))
    await store.write(Put(ONE, {"n": 2}), Put(THREE, {"n": 3}))
    beside = (
        Add(DocumentKey("items", "sums"), {"n": 1}),
        Delete(THREE),
        Put(DocumentKey("items", "new"), {}),
    )
    before = await store.query("items")

    for writes in ((refused,), (refused, *beside), (*beside, refused)):
        with pytest.raises(Conflict) as conflict:
            await store.write(*writes)
        assert conflict.value.key == refused.key
        assert await store.query("items") == before
        assert await body(store, THREE) == {"n": 3}


async def test_the_expected_version_is_written(store: Store) -> None:
    """With the current version, or ABSENT for none, a document is written and deleted."""
    await store.write(Put(ONE, {"n": 1}, version=ABSENT), Delete(TWO, version=ABSENT), Delete(THREE))
    await store.write(Put(ONE, {"n": 2}, version=1))
    assert await store.get(ONE) == [Document(ONE, {"n": 2}, 2)]

    await store.write(Delete(ONE, version=2))
    assert await store.get(ONE) == [None]


async def test_twenty_five_writes_are_one(store: Store) -> None:
    """Up to 25 documents are written together, or none of them."""
    names = [DocumentKey("items", f"{n:02}") for n in range(25)]
    await store.write(Put(names[24], {}))

    with pytest.raises(Conflict):
        await store.write(*(Put(name, {}, version=ABSENT) for name in names))
    assert [each.key for each in await store.query("items")] == [names[24]]
    await store.write(*(Put(name, {}, version=ABSENT) for name in names[:24]), Delete(names[24]))
    assert [each.key for each in await store.query("items")] == names[:24]


async def test_an_expired_document_does_not_exist(store: Store, clock: FakeClock) -> None:
    """From the second it expires, a document is the same as one that never existed."""
    await store.write(*(Put(name, {"n": 5}, expires=NOON + 10) for name in (ONE, TWO, THREE)))
    clock.time = NOON + 9.999
    assert len(await store.query("items")) == 2
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {}, version=ABSENT))

    clock.time = NOON + 10
    assert await store.get(ONE, TWO) == [None, None]
    assert await store.query("items") == []
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {}, version=1))
    await store.write(Put(ONE, {"n": 1}, version=ABSENT), Add(TWO, {"n": 1}), Delete(THREE, version=ABSENT))
    assert await store.get(ONE, TWO, THREE) == [Document(ONE, {"n": 1}), Document(TWO, {"n": 1}), None]


async def test_the_last_write_sets_the_expiry(store: Store, clock: FakeClock) -> None:
    """Every later write, also an Add, sets another expiry or none."""
    await store.write(Put(ONE, {}, expires=NOON + 10), Add(TWO, {"n": 1}, expires=NOON + 10))
    await store.write(Put(ONE, {}, expires=NOON + 20), Add(TWO, {"n": 1}, expires=NOON + 20))
    clock.time = NOON + 15
    assert [each and each.expires for each in await store.get(ONE, TWO)] == [NOON + 20, NOON + 20]

    await store.write(Put(ONE, {}), Add(TWO, {"n": 1}))
    clock.time = NOON + 1_000
    assert [each and each.expires for each in await store.get(ONE, TWO)] == [None, None]
    assert await body(store, TWO) == {"n": 3}


async def test_sums(store: Store) -> None:
    """Added fields begin at 0 and may be negative or exceed 64 bits."""
    await store.write(Add(ONE, {"requests": 1, "nanos": 2**62}))
    await store.write(Add(ONE, {"nanos": 2**63, "failed": 0, "refunds": -3}))

    assert await body(store, ONE) == {"requests": 1, "nanos": 2**62 + 2**63, "failed": 0, "refunds": -3}


async def test_sums_on_a_put_document(store: Store) -> None:
    """Add leaves the other fields of a document, and Put replaces its sums."""
    await store.write(Put(ONE, {"name": "x", "n": 5}))
    await store.write(Add(ONE, {"n": 2, "more": 1}))
    assert await body(store, ONE) == {"name": "x", "n": 7, "more": 1}

    await store.write(Put(ONE, {"name": "y"}))
    assert await body(store, ONE) == {"name": "y"}


async def test_concurrent_sums(store: Store) -> None:
    """Forty concurrent additions are all counted."""
    await asyncio.gather(*(store.write(Add(ONE, {"n": n, f"of {n % 3}": 1})) for n in range(40)))

    assert await body(store, ONE) == {"n": 780, "of 0": 14, "of 1": 13, "of 2": 13}


async def test_one_concurrent_creation_succeeds(store: Store) -> None:
    """Of twenty concurrent writes of a new document, one succeeds and the others raise Conflict."""
    writes = (store.write(Put(ONE, {"by": n}, version=ABSENT)) for n in range(20))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    (winner,) = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert await body(store, ONE) == {"by": winner}
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19


async def test_no_change_is_lost(store: Store) -> None:
    """Ten tasks that read, change and write over the version they read lose no change."""

    async def count() -> None:
        while True:
            (document,) = await store.get(ONE)
            n, version = (document.body["n"], document.version) if document else (0, ABSENT)
            try:
                return await store.write(Put(ONE, {"n": n + 1}, version=version))
            except Conflict:
                continue

    await asyncio.gather(*(count() for _ in range(10)))

    assert await store.get(ONE) == [Document(ONE, {"n": 10}, 10)]


ENTRIES = sorted(
    ["", "!", "-", "0", "1", "10", "2", "A", "a", "aa", "ä", "z", "\u20ac", "\uffff", "\U0001f600"]
)


async def listed(store: Store, **between: object) -> list[str]:
    return [each.key.id for each in await store.query("items", **between)]  # type: ignore[arg-type]


@pytest.fixture
async def filled(store: Store) -> Store:
    """Fill a collection in another order than its IDs', between collections with similar names."""
    await store.write(*(Put(DocumentKey("items", entry), {"is": entry}) for entry in reversed(ENTRIES)))
    await store.write(
        *(Put(DocumentKey(collection, "m"), {}) for collection in ("item", "items2", "items/x", "ITEMS"))
    )
    return store


async def test_a_query_is_ordered(filled: Store) -> None:
    """A collection is returned completely, alone, ordered by code points; newest first is the reverse."""
    assert await listed(filled) == ENTRIES
    assert await listed(filled, newest_first=True) == ENTRIES[::-1]
    assert await filled.query("nothing here") == []
    assert (await filled.query("items"))[3] == Document(DocumentKey("items", "0"), {"is": "0"})


@pytest.mark.parametrize("newest_first", [False, True])
async def test_query_bounds_are_exclusive(filled: Store, newest_first: bool) -> None:
    """Both bounds are exclusive, whether they exist or not, and the limit counts from the first result."""
    ends = ["-", "1", "15", "a", "\U0001f600", "zzz"]
    for after in ["", *ends]:
        for before in [None, *ends]:
            for limit in (1, 3, 100):
                between = [e for e in ENTRIES if (not after or e > after) and (before is None or e < before)]
                expected = (between[::-1] if newest_first else between)[:limit]
                arguments = {"after": after, "before": before, "limit": limit, "newest_first": newest_first}

                assert await listed(filled, **arguments) == expected


async def test_a_long_collection_in_pages(store: Store, clock: FakeClock) -> None:
    """Page by page, every document appears once, also with many expired ones and long bodies."""
    names = [DocumentKey("items", f"{n:04}") for n in range(120)]
    for start in range(0, 120, 20):
        writes = [
            Put(name, {"long": "x" * 30_000}, expires=NOON + 1 if 20 <= n < 90 else None)
            for n, name in enumerate(names[start : start + 20], start)
        ]
        await store.write(*writes)
    assert len(await listed(store)) == 100

    clock.time = NOON + 2
    ids, last = [], ""
    while page := await listed(store, after=last, limit=7):
        assert len(page) == 7 or page[-1] == "0119"
        ids += page
        last = page[-1]

    assert ids == [name.id for n, name in enumerate(names) if not 20 <= n < 90]
    assert await listed(store, limit=31, newest_first=True) == ids[:-32:-1]
