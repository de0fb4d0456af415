"""The stores that every guarantee is held against, each new and empty, at noon by a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.workers import Crew, Member, Processes, Threads, member
from tests.store.ministack import dynamo_store, table
from tests.store.traffic import NOON
from vaultcore.clock import Clock
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

PROCESSES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """An open store, and where other processes find it."""

    kind: str
    store: Store
    url: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    def member(self) -> AbstractAsyncContextManager[Member]:
        """One more process on it."""
        return member(self.url, self.environ)


@asynccontextmanager
async def memory(clock: Clock, _: Path) -> AsyncIterator[Place]:
    yield Place("memory", MemoryStore(clock))


@asynccontextmanager
async def sqlite(clock: Clock, folder: Path) -> AsyncIterator[Place]:
    file = folder / "state.db"
    store = SQLiteStore(file, clock)
    try:
        yield Place("sqlite", store, f"sqlite:{file}")
    finally:
        await store.aclose()


@asynccontextmanager
async def dynamo(clock: Clock, _: Path) -> AsyncIterator[Place]:
    shared = table()
    async with dynamo_store(clock, shared) as store:
        yield Place("dynamo", store, shared.url, shared.environ)


MAKERS: Mapping[str, Callable[[Clock, Path], AbstractAsyncContextManager[Place]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "dynamo": dynamo,
}
SHARED = sorted(MAKERS.keys() - {"memory"})  # by processes, and what is kept outlives them


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture(params=MAKERS)
async def place(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Place]:
    async with MAKERS[request.param](clock, tmp_path) as place:
        yield place


@pytest.fixture
def store(place: Place) -> Store:
    return place.store


@pytest.fixture
async def crew(place: Place) -> AsyncIterator[Crew]:
    """Several who use the store at once."""
    if not place.url:
        yield Threads(place.store)
        return
    async with AsyncExitStack() as stack:
        yield Processes([await stack.enter_async_context(place.member()) for _ in range(PROCESSES)])
