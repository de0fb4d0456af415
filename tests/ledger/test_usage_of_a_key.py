"""The daily usage of one virtual key, which is read without that of other keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.ledger.sample_ledger import DAY, NOON, run
from tests.store.conftest import MAKERS
from vaultcore.ledger.queries import CHUNK, TimeRange, read_usage
from vaultcore.store import document_types
from vaultcore.store.base import Add

KEYS = ("key_1", "key_10", "key_1,", "key_1-", 'key_1"', "key_2", "system", "s", "\u00e4", "~", "")
MODELS = ("", "gpt", 'a","b', "[", "\u20ac", "~~~")
SPAN = TimeRange(NOON - 2 * DAY, NOON)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_key_has_its_own_usage_and_no_others(kind: str, tmp_path: Path) -> None:
    """For any key IDs, reading one key returns exactly its part of all usage, on every day."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        async with MAKERS[kind](clock, tmp_path) as place:
            names = [
                document_types.usage_key(NOON - day * DAY, key, "one", model)
                for day in range(4)
                for key in KEYS
                for model in MODELS
            ]
            adds = [Add(name, {"requests": number}) for number, name in enumerate(names)]
            for start in range(0, len(adds), 25):
                await place.store.write(*adds[start : start + 25])
            everything = await read_usage(place.store, SPAN)
            usage = {key: await read_usage(place.store, SPAN, key) for key in KEYS}
        assert len(everything.rows) == 3 * len(KEYS) * len(MODELS)
        assert {key: list(each) for key, each in usage.items()} == {
            key: [each for each in everything if each.key == key] for key in KEYS
        }

    run(scenario())


def test_a_key_with_many_models_is_read_completely(tmp_path: Path) -> None:
    """More totals than one query returns are all read, and reading stops at the end of the key."""

    async def scenario() -> None:
        clock = FakeClock(NOON)
        async with MAKERS["sqlite"](clock, tmp_path) as place:
            names = [
                document_types.usage_key(NOON, "key_1", "one", f"model-{number}")
                for number in range(2 * CHUNK)
            ]
            names += [document_types.usage_key(NOON, "key_2", "one", "gpt")]
            for start in range(0, len(names), 25):
                await place.store.write(*(Add(each, {"requests": 1}) for each in names[start : start + 25]))
            usage = (await read_usage(place.store, TimeRange(NOON, NOON + 1), "key_1")).rows
        assert len({each.model for each in usage}) == len(usage) == 2 * CHUNK

    run(scenario())
