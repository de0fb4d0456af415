"""The streamed entry point as Lambda runs it: a process of its own beside a Runtime API, for tests."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.handlers.deployment import EVENTS, ROOT, Deployment, deployment
from tests.handlers.gated_provider import GatedProvider, gated_provider
from tests.lambda_runtime.runtime_api import Report, RuntimeApiServer, runtime_api


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def running(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


@dataclass
class Running:
    """The streamed entry point in a process of its own, and what stands around it."""

    api: RuntimeApiServer
    provider: GatedProvider
    deployed: Deployment
    process: asyncio.subprocess.Process
    environ: dict[str, str]

    async def crash(self) -> None:
        """Kill the process as it is."""
        self.process.kill()
        await self.process.wait()

    async def retire(self) -> None:
        """Kill the process once it waits for an invocation."""
        waiting = await self.api.idle()
        await self.crash()
        waiting.cancel()

    async def restart(self) -> None:
        """Another process in its place, as Lambda starts one."""
        self.process = await started(self.environ)


async def started(environ: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(ROOT / "handlers" / "run_stream"),
        sys.executable,
        "bootstrap.py",
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@asynccontextmanager
async def function(folder: Path, **changes: str) -> AsyncIterator[Running]:
    async with runtime_api() as api, gated_provider() as provider:
        with deployment(folder, provider.base_url) as deployed:
            environ = {**deployed.environ, "AWS_LAMBDA_RUNTIME_API": api.address, **changes}
            running = Running(api, provider, deployed, await started(environ), environ)
            try:
                yield running
            finally:
                if running.process.returncode is None:
                    running.process.kill()
                await running.process.wait()


async def arrived(report: Report, text: bytes) -> None:
    """Wait until the text has come in."""
    while text not in report.body:
        assert await report.pieces.get() is not None, report.body
