"""Several who use one store at once: processes, or for a store in memory, threads with loops of their own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.store.worker import ORDERS, Order
from vaultcore.store.base import Store

ROOT = Path(__file__).parent.parent.parent


class Crew(Protocol):
    size: int

    async def obey(self, orders: Sequence[Order]) -> list[list[str]]:
        """The answers to as many orders as there are members, carried out at once."""
        ...


class Threads:
    """Members that share a store in memory."""

    size = 4

    def __init__(self, store: Store) -> None:
        self._store = store

    async def obey(self, orders: Sequence[Order]) -> list[list[str]]:
        turn = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # so that threads meet in the middle of things
        try:
            return await asyncio.gather(*(asyncio.to_thread(self._one, order) for order in orders))
        finally:
            sys.setswitchinterval(turn)

    def _one(self, order: Order) -> list[str]:
        async def obeyed() -> list[str]:
            return await ORDERS[order["do"]](self._store, order)

        return asyncio.run(obeyed())


class Member:
    """A process that has opened the store at a URL."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def order(self, order: Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> Any:
        """The next that it tells; None where it tells nothing any more."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    async def kill(self) -> None:
        """End it without a warning."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def member(url: str, environ: Mapping[str, str]) -> AsyncIterator[Member]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.worker", url),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    started = Member(process)
    try:
        yield started
    finally:
        await started.kill()
        await process.communicate()  # which closes its pipes


class Processes:
    """Members that share a file or a table."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members, self.size = members, len(members)

    async def obey(self, orders: Sequence[Order]) -> list[list[str]]:
        pairs = list(zip(self._members, orders, strict=True))
        await asyncio.gather(*(each.order(order) for each, order in pairs))
        return await asyncio.gather(*(each.hear() for each, _ in pairs))
