"""The days' sums of one key, which are found without a look at anybody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.ledger.book import DAY, NOON, run
from tests.store.conftest import MAKERS
from vaultcore.ledger.reading import CHUNK, Span, usage
from vaultcore.store import document_types
from vaultcore.store.base import Add

KEYS = ("key_1", "key_10", "key_1,", "key_1-", 'key_1"', "key_2", "system", "s", "\u00e4", "~", "")
MODELS = ("", "gpt", 'a","b', "[", "\u20ac", "~~~")
SPAN = Span(NOON - 2 * DAY, NOON)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_key_has_its_own_sums_and_no_others(kind: str, tmp_path: Path) -> None:
    """However names begin, what is read of a key is what all the sums have of it, on every day."""

    async def story() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            names = [
                document_types.sums(NOON - day * DAY, key, "one", model)
                for day in range(4)
                for key in KEYS
                for model in MODELS
            ]
            adds = [Add(name, {"requests": number}) for number, name in enumerate(names)]
            for start in range(0, len(adds), 25):
                await place.store.write(*adds[start : start + 25])
            everything = await usage(place.store, SPAN)
            found = {key: await usage(place.store, SPAN, key) for key in KEYS}
        assert len(everything) == 3 * len(KEYS) * len(MODELS)
        assert found == {key: [each for each in everything if each.key == key] for key in KEYS}

    run(story())


def test_a_key_with_very_many_models_is_read_whole(tmp_path: Path) -> None:
    """More sums than are asked for at once are all there, and the reading ends where the key's end."""

    async def story() -> None:
        clock = FakeClock(NOON)
        async with MAKERS["sqlite"](clock, tmp_path) as place:
            names = [
                document_types.sums(NOON, "key_1", "one", f"model-{number}") for number in range(2 * CHUNK)
            ]
            names += [document_types.sums(NOON, "key_2", "one", "gpt")]
            for start in range(0, len(names), 25):
                await place.store.write(*(Add(each, {"requests": 1}) for each in names[start : start + 25]))
            found = await usage(place.store, Span(NOON, NOON + 1), "key_1")
        assert len({each.model for each in found}) == len(found) == 2 * CHUNK

    run(story())
