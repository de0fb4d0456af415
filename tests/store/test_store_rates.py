"""Guarantees of every store about rates: a client that keeps its rate passes, and the clock may be set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count, pairwise
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.conftest import OpenStore
from tests.store.store_request import StoreRequest, level
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import DocumentKey, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio
DAY = 86_400.0
WINDOW = 60.0
MINUTES = {
    "memory": 10,
    "sqlite": 10,
    "dynamo": 2,
}  # of the highest rate: an emulated call takes long
numbers = count()


async def is_admitted(store: Store, limits: Limits) -> bool:
    request = StoreRequest(f"{next(numbers)}", (level("key:one", limits),), store.now(), minute=1)
    try:
        await store.reserve(request.reservation)
    except LimitRefused:
        return False
    return True


@pytest.mark.parametrize("phase", [0.0, 0.37])
@pytest.mark.parametrize("rpm", [1, 2, 5, 60])
async def test_a_client_that_keeps_its_rate(
    backend: OpenStore, clock: FakeClock, rpm: int, phase: float
) -> None:
    """A client that sends requests at exactly its rate is never refused."""
    start, minutes = clock.time + phase, MINUTES[backend.kind] if rpm == 60 else 10
    for n in range(minutes * rpm + 1):
        clock.time = start + n * WINDOW / rpm
        assert await is_admitted(backend.store, Limits(rpm=rpm)), f"after {n} requests"


class Stores:
    """Stores that share their accounts. `add` opens one more, as a process that starts later does.

    It reads a document first, as the gateway does to authenticate a request: that opens the file.
    """

    def __init__(self, clock: FakeClock, file: Path | None) -> None:
        self._clock, self._file = clock, file
        self.open: list[Store] = []

    async def add(self) -> None:
        if self._file is not None:
            store = SQLiteStore(self._file, self._clock)
            await store.get(DocumentKey("keys", "one"))
            self.open.append(store)
        elif not self.open:
            self.open.append(MemoryStore(self._clock))


@pytest.fixture(params=["memory", "sqlite"])
async def stores(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(clock, tmp_path / "state.db" if request.param == "sqlite" else None)
    await stores.add()
    yield stores
    for store in stores.open:
        await store.aclose()


def limits_of(name: str, amount: int) -> Limits:
    return Limits(**{name: amount})


@pytest.mark.parametrize("step", [DAY, -DAY, 30.0, -30.0], ids="{:+.0f}s".format)
@pytest.mark.parametrize(("name", "amount"), [("rpm", 5), ("rpm", 90), ("tpm", 5)])
async def test_the_clock_is_set(
    stores: Stores, clock: FakeClock, name: str, amount: int, step: float
) -> None:
    """A clock that is set neither admits more than the limit in any minute, nor refuses longer than one."""
    limits, admitted = limits_of(name, amount), list[float]()
    steps = {30: step, 150: -step}
    for second in range(300):
        clock.time += 1.0
        if second in steps:
            clock.step(steps[second])
            await stores.add()
        for n in range(2):
            if await is_admitted(stores.open[(second + n) % len(stores.open)], limits):
                admitted.append(clock.monotonic())

    for n, at in enumerate(admitted):
        assert sum(at <= other < at + WINDOW for other in admitted[n:]) <= amount
    pauses = [later - at for at, later in pairwise(admitted)]
    assert max(pauses) <= WINDOW + 1
    assert len(admitted) >= amount * 4
