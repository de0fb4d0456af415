"""The stores that every guarantee is held against, each new and empty, at noon by a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.traffic import NOON
from vaultcore.clock import Clock
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite import SqliteStore

Opened = AbstractAsyncContextManager[Store]


@asynccontextmanager
async def memory(clock: Clock, _: Path) -> AsyncIterator[Store]:
    yield MemoryStore(clock)


@asynccontextmanager
async def sqlite(clock: Clock, folder: Path) -> AsyncIterator[Store]:
    store = SqliteStore(folder / "state.db", clock)
    try:
        yield store
    finally:
        await store.aclose()


MAKERS: dict[str, Callable[[Clock, Path], Opened]] = {"memory": memory, "sqlite": sqlite}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    clock = FakeClock()
    clock.time = NOON
    return clock


@pytest.fixture(params=MAKERS)
async def store(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Store]:
    async with MAKERS[request.param](clock, tmp_path) as store:
        yield store
