"""What every store promises of documents: versions, ends of their time, sums, and lists in order."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.store.traffic import NOON
from vaultcore.store.base import ABSENT, Add, Conflict, Document, Delete, DocumentKey, Put, Store
from vaultcore.wire import Json

pytestmark = pytest.mark.anyio
ONE, TWO, THREE = DocumentKey("shelf", "one"), DocumentKey("shelf", "two"), DocumentKey("other", "one")
BODIES: list[Json] = [
    {},
    {"a": None, "b": [True, 1.5, -7, {"c": "✓ \U0001f600 \x00 \ud800"}], "": ""},
    {"nanos": 2**63, "less": -(2**70), "tiny": 5e-324},
    {"long": "x" * 100_000},
]


async def body(store: Store, name: DocumentKey) -> Json | None:
    (found,) = await store.get(name)
    return None if found is None else found.body


@pytest.mark.parametrize("written", BODIES)
async def test_what_is_put_is_there(store: Store, written: Json) -> None:
    """A document is read as it was written: every kind of JSON, every character, numbers of any size."""
    await store.write(Put(ONE, written, expires=NOON + 1.25))

    assert await store.get(ONE) == [Document(ONE, written, 1, NOON + 1.25)]


async def test_what_is_not_there(store: Store) -> None:
    """Documents are found by their whole name, in the order asked for, and None stands for the others."""
    await store.write(Put(ONE, {"n": 1}), Put(THREE, {"n": 3}))

    assert await store.get(THREE, TWO, DocumentKey("shelf"), ONE, THREE) == [
        Document(THREE, {"n": 3}),
        None,
        None,
        Document(ONE, {"n": 1}),
        Document(THREE, {"n": 3}),
    ]
    assert await store.get() == []


async def test_many_at_once(store: Store) -> None:
    """A hundred documents are read in one call."""
    names = [DocumentKey(f"shelf {n % 7}", f"{n}") for n in range(100)]
    for start in range(0, 100, 20):
        await store.write(*(Put(name, {"at": name.id}) for name in names[start : start + 20]))

    assert [each and each.body["at"] for each in await store.get(*names)] == [name.id for name in names]


async def test_an_empty_entry_is_an_entry(store: Store) -> None:
    """A shelf of one document needs no entry, and no entry that has a name is mistaken for it."""
    names = [DocumentKey("shelf", entry) for entry in ("", "-", " ", "\x00", "∅", "#", "null")]
    await store.write(*(Put(name, {"entry": name.id}) for name in names))

    assert [each and each.body["entry"] for each in await store.get(*names)] == [name.id for name in names]
    assert {each.key for each in await store.query("shelf")} == set(names)


async def test_versions_count_writings(store: Store) -> None:
    """A version is 1 at first and grows with every writing of any kind; a removed document begins anew."""
    versions = []
    for write in (Put(ONE, {"n": 1}), Add(ONE, {"n": 1}), Put(ONE, {}), Delete(ONE), Add(ONE, {"n": 1})):
        await store.write(write)
        (found,) = await store.get(ONE)
        versions.append(found.version if found else ABSENT)

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
async def test_a_conflict_leaves_nothing_written(store: Store, refused: Put | Delete) -> None:
    """Where one document has another version, none of the writes beside it is made, wherever it stands."""
    await store.write(Put(ONE, {"n": 1}))
    await store.write(Put(ONE, {"n": 2}), Put(THREE, {"n": 3}))
    beside = (Add(DocumentKey("shelf", "sums"), {"n": 1}), Delete(THREE), Put(DocumentKey("shelf", "new"), {}))
    before = await store.query("shelf")

    for writes in ((refused,), (refused, *beside), (*beside, refused)):
        with pytest.raises(Conflict) as conflict:
            await store.write(*writes)
        assert conflict.value.key == refused.key
        assert await store.query("shelf") == before
        assert await body(store, THREE) == {"n": 3}


async def test_a_version_that_is_right(store: Store) -> None:
    """With the version that is there, or ABSENT where nothing is, a document is written and removed."""
    await store.write(Put(ONE, {"n": 1}, version=ABSENT), Delete(TWO, version=ABSENT), Delete(THREE))
    await store.write(Put(ONE, {"n": 2}, version=1))
    assert await store.get(ONE) == [Document(ONE, {"n": 2}, 2)]

    await store.write(Delete(ONE, version=2))
    assert await store.get(ONE) == [None]


async def test_twenty_five_writes_are_one(store: Store) -> None:
    """As many as 25 documents are written together, or none of them."""
    names = [DocumentKey("shelf", f"{n:02}") for n in range(25)]
    await store.write(Put(names[24], {}))

    with pytest.raises(Conflict):
        await store.write(*(Put(name, {}, version=ABSENT) for name in names))
    assert [each.key for each in await store.query("shelf")] == [names[24]]
    await store.write(*(Put(name, {}, version=ABSENT) for name in names[:24]), Delete(names[24]))
    assert [each.key for each in await store.query("shelf")] == names[:24]


async def test_what_is_over_is_not_there(store: Store, clock: FakeClock) -> None:
    """From the second it expires a document cannot be told from one that never was."""
    await store.write(*(Put(name, {"n": 5}, expires=NOON + 10) for name in (ONE, TWO, THREE)))
    clock.time = NOON + 9.999
    assert len(await store.query("shelf")) == 2
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {}, version=ABSENT))

    clock.time = NOON + 10
    assert await store.get(ONE, TWO) == [None, None]
    assert await store.query("shelf") == []
    with pytest.raises(Conflict):
        await store.write(Put(ONE, {}, version=1))
    await store.write(Put(ONE, {"n": 1}, version=ABSENT), Add(TWO, {"n": 1}), Delete(THREE, version=ABSENT))
    assert await store.get(ONE, TWO, THREE) == [Document(ONE, {"n": 1}), Document(TWO, {"n": 1}), None]


async def test_the_last_writing_says_when_it_is_over(store: Store, clock: FakeClock) -> None:
    """A later writing, a sum's too, sets another end, or none."""
    await store.write(Put(ONE, {}, expires=NOON + 10), Add(TWO, {"n": 1}, expires=NOON + 10))
    await store.write(Put(ONE, {}, expires=NOON + 20), Add(TWO, {"n": 1}, expires=NOON + 20))
    clock.time = NOON + 15
    assert [each and each.expires for each in await store.get(ONE, TWO)] == [NOON + 20, NOON + 20]

    await store.write(Put(ONE, {}), Add(TWO, {"n": 1}))
    clock.time = NOON + 1_000
    assert [each and each.expires for each in await store.get(ONE, TWO)] == [None, None]
    assert await body(store, TWO) == {"n": 3}


async def test_sums(store: Store) -> None:
    """Numbers begin at 0, each of its own, and take what is added, below zero and beyond 64 bits too."""
    await store.write(Add(ONE, {"requests": 1, "nanos": 2**62}))
    await store.write(Add(ONE, {"nanos": 2**63, "failed": 0, "refunds": -3}))

    assert await body(store, ONE) == {"requests": 1, "nanos": 2**62 + 2**63, "failed": 0, "refunds": -3}


async def test_sums_onto_what_was_put(store: Store) -> None:
    """Adding to a document leaves the rest of it, and putting one forgets its sums."""
    await store.write(Put(ONE, {"name": "x", "n": 5}))
    await store.write(Add(ONE, {"n": 2, "more": 1}))
    assert await body(store, ONE) == {"name": "x", "n": 7, "more": 1}

    await store.write(Put(ONE, {"name": "y"}))
    assert await body(store, ONE) == {"name": "y"}


async def test_sums_of_many(store: Store) -> None:
    """Forty who add at once are all counted."""
    await asyncio.gather(*(store.write(Add(ONE, {"n": n, f"of {n % 3}": 1})) for n in range(40)))

    assert await body(store, ONE) == {"n": 780, "of 0": 14, "of 1": 13, "of 2": 13}


async def test_one_of_many_makes_it(store: Store) -> None:
    """Of twenty who write a new document at once one succeeds, and the others are told."""
    writes = (store.write(Put(ONE, {"by": n}, version=ABSENT)) for n in range(20))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    (winner,) = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert await body(store, ONE) == {"by": winner}
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19


async def test_no_change_is_lost(store: Store) -> None:
    """Ten who read, change and write over the version they read lose none of each other's changes."""

    async def count() -> None:
        while True:
            (found,) = await store.get(ONE)
            n, version = (found.body["n"], found.version) if found else (0, ABSENT)
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
    return [each.key.id for each in await store.query("shelf", **between)]  # type: ignore[arg-type]


@pytest.fixture
async def filled(store: Store) -> Store:
    """A store with a shelf of entries written in another order, between two other shelves."""
    await store.write(*(Put(DocumentKey("shelf", entry), {"is": entry}) for entry in reversed(ENTRIES)))
    await store.write(*(Put(DocumentKey(shelf, "m"), {}) for shelf in ("shel", "shelf2", "shelf/x", "SHELF")))
    return store


async def test_entries_are_in_order(filled: Store) -> None:
    """A shelf is listed whole, alone, by its entries' code points; newest first is the same backwards."""
    assert await listed(filled) == ENTRIES
    assert await listed(filled, newest_first=True) == ENTRIES[::-1]
    assert await filled.query("nothing here") == []
    assert (await filled.query("shelf"))[3] == Document(DocumentKey("shelf", "0"), {"is": "0"})


@pytest.mark.parametrize("newest_first", [False, True])
async def test_entries_between_two(filled: Store, newest_first: bool) -> None:
    """Both ends are left out, be they there or not, and a limit counts from where the list begins."""
    ends = ["-", "1", "15", "a", "\U0001f600", "zzz"]
    for after in ["", *ends]:
        for before in [None, *ends]:
            for limit in (1, 3, 100):
                between = [e for e in ENTRIES if (not after or e > after) and (before is None or e < before)]
                expected = (between[::-1] if newest_first else between)[:limit]
                arguments = {"after": after, "before": before, "limit": limit, "newest_first": newest_first}

                assert await listed(filled, **arguments) == expected


async def test_a_long_shelf_in_pages(store: Store, clock: FakeClock) -> None:
    """Page after page brings every entry once, also where much of the shelf is over and bodies are long."""
    names = [DocumentKey("shelf", f"{n:04}") for n in range(120)]
    for start in range(0, 120, 20):
        writes = [
            Put(name, {"long": "x" * 30_000}, expires=NOON + 1 if 20 <= n < 90 else None)
            for n, name in enumerate(names[start : start + 20], start)
        ]
        await store.write(*writes)
    assert len(await listed(store)) == 100

    clock.time = NOON + 2
    found, last = [], ""
    while page := await listed(store, after=last, limit=7):
        assert len(page) == 7 or page[-1] == "0119"
        found += page
        last = page[-1]

    assert found == [name.id for n, name in enumerate(names) if not 20 <= n < 90]
    assert await listed(store, limit=31, newest_first=True) == found[:-32:-1]
