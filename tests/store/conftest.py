"""The stores that every guarantee is tested on: each new and empty, at noon by a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.store.ministack import dynamo_store, table
from tests.store.store_request import NOON
from tests.store.workers import ProcessWorkers, ThreadWorkers, WorkerProcess, Workers, start_worker
from vaultcore.clock import Clock
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore

PROCESSES = 3


@dataclass(frozen=True, slots=True)
class OpenStore:
    """An open store, and its address for other processes."""

    kind: str
    store: Store
    url: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    def start_worker(self) -> AbstractAsyncContextManager[WorkerProcess]:
        """Start another process on this store."""
        return start_worker(self.url, self.environ)


@asynccontextmanager
async def memory(clock: Clock, _: Path) -> AsyncIterator[OpenStore]:
    yield OpenStore("memory", MemoryStore(clock))


@asynccontextmanager
async def sqlite(clock: Clock, folder: Path) -> AsyncIterator[OpenStore]:
    file = folder / "state.db"
    store = SQLiteStore(file, clock)
    try:
        yield OpenStore("sqlite", store, f"sqlite:{file}")
    finally:
        await store.aclose()


@asynccontextmanager
async def dynamo(clock: Clock, _: Path) -> AsyncIterator[OpenStore]:
    shared = table()
    async with dynamo_store(clock, shared) as store:
        yield OpenStore("dynamo", store, shared.url, shared.environ)


MAKERS: Mapping[str, Callable[[Clock, Path], AbstractAsyncContextManager[OpenStore]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "dynamo": dynamo,
}
SHARED_KINDS = sorted(MAKERS.keys() - {"memory"})  # shared by processes and persistent


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture(params=MAKERS)
async def backend(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[OpenStore]:
    async with MAKERS[request.param](clock, tmp_path) as backend:
        yield backend


@pytest.fixture
def store(backend: OpenStore) -> Store:
    return backend.store


@pytest.fixture
async def workers(backend: OpenStore) -> AsyncIterator[Workers]:
    """Return several users of the store at once."""
    if not backend.url:
        yield ThreadWorkers(backend.store)
        return
    async with AsyncExitStack() as stack:
        yield ProcessWorkers(
            [await stack.enter_async_context(backend.start_worker()) for _ in range(PROCESSES)]
        )
