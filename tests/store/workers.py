"""Several users of one store at once: processes, or threads for a store in memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.store.worker import COMMANDS, Command
from vaultcore.store.base import Store

ROOT = Path(__file__).parent.parent.parent


class Workers(Protocol):
    size: int

    async def run_all(self, commands: Sequence[Command]) -> list[list[str]]:
        """Run as many commands as there are workers, at once. Return their results."""
        ...


class ThreadWorkers:
    """Workers that share a store in memory."""

    size = 4

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run_all(self, commands: Sequence[Command]) -> list[list[str]]:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # so that threads interrupt each other often
        try:
            return await asyncio.gather(*(asyncio.to_thread(self._one, command) for command in commands))
        finally:
            sys.setswitchinterval(interval)

    def _one(self, command: Command) -> list[str]:
        async def run() -> list[str]:
            return await COMMANDS[command["do"]](self._store, command)

        return asyncio.run(run())


class WorkerProcess:
    """A process that has opened the store at a URL."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, command: Command) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def receive(self) -> Any:
        """Return the next line that the process writes; None after the last one."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    async def kill(self) -> None:
        """End the process without a warning."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def start_worker(url: str, environ: Mapping[str, str]) -> AsyncIterator[WorkerProcess]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.worker", url),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    worker = WorkerProcess(process)
    try:
        yield worker
    finally:
        await worker.kill()
        await process.communicate()  # which closes its pipes


class ProcessWorkers:
    """Workers that share a file or a table."""

    def __init__(self, processes: Sequence[WorkerProcess]) -> None:
        self._members, self.size = processes, len(processes)

    async def run_all(self, commands: Sequence[Command]) -> list[list[str]]:
        pairs = list(zip(self._members, commands, strict=True))
        await asyncio.gather(*(each.send(command) for each, command in pairs))
        return await asyncio.gather(*(each.receive() for each, _ in pairs))
