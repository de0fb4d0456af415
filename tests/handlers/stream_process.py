"""The streamed entry point in a subprocess, as Lambda runs it, with a fake Runtime API."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.handlers.deployment import EVENTS, ROOT, Deployment, serve_deployment
from tests.handlers.stepped_provider import SteppedProvider, serve_stepped_provider
from tests.lambda_runtime.runtime_api import Report, RuntimeApiServer, runtime_api


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def run_scenario(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


@dataclass
class StreamProcess:
    """The streamed entry point in a subprocess, with its Runtime API, provider and Secrets Manager."""

    api: RuntimeApiServer
    provider: SteppedProvider
    deployed: Deployment
    process: asyncio.subprocess.Process
    environ: dict[str, str]

    async def crash(self) -> None:
        """Kill the process."""
        self.process.kill()
        await self.process.wait()

    async def retire(self) -> None:
        """Kill the process once it waits for an invocation."""
        waiting = await self.api.idle()
        await self.crash()
        waiting.cancel()

    async def restart(self) -> None:
        """Start another process, as Lambda does."""
        self.process = await start_process(self.environ)


async def start_process(environ: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(ROOT / "handlers" / "run_stream"),
        sys.executable,
        "bootstrap.py",
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@asynccontextmanager
async def run_stream_process(folder: Path, **changes: str) -> AsyncIterator[StreamProcess]:
    """Run the streamed entry point with a Runtime API, a provider and Secrets Manager."""
    async with runtime_api() as api, serve_stepped_provider() as provider:
        with serve_deployment(folder, provider.base_url) as deployed:
            environ = {**deployed.environ, "AWS_LAMBDA_RUNTIME_API": api.address, **changes}
            stream = StreamProcess(api, provider, deployed, await start_process(environ), environ)
            try:
                yield stream
            finally:
                if stream.process.returncode is None:
                    stream.process.kill()
                await stream.process.wait()


async def wait_for_text(report: Report, text: bytes) -> None:
    """Wait until the text has arrived."""
    while text not in report.body:
        assert await report.chunks.get() is not None, report.body
