"""The store's writes in virtual time: a divided account takes what a whole gateway sends."""

from __future__ import annotations

import pytest

from tests.bench.store_simulation import Simulation


@pytest.mark.parametrize(("rate", "shards", "seconds"), [(100, 1, 30), (500, 16, 20), (5_000, 16, 4)])
def test_nothing_is_refused_and_nothing_stays_owed(rate: float, shards: int, seconds: float) -> None:
    """One item takes 100 requests a second; 16 take 500 and 5,000, with answers of eight seconds."""
    done = Simulation(rate, shards, seconds).run()

    assert done.sent > rate * seconds * 0.9
    assert (done.unavailable, done.owed) == (0, 0)
    assert done.units / done.sent <= 5


def test_one_item_is_not_enough() -> None:
    """At 2,000 requests a second, one item throttles so long that requests are refused."""
    assert Simulation(2_000, 1, 8).run().unavailable > 0
