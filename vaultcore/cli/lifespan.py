"""Background work of `vaultedge serve`: maintenance every minute, settlement and alerts at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.maintenance import PER_PROCESS
from vaultcore.services import Services

INTERVAL = 60.0  # seconds between two maintenance runs
REFUSALS_INTERVAL = 2.0  # seconds between two looks at refusals that are to be written
FLUSH_TIMEOUT = 8.0  # seconds for settlements that are being written: more than a store waits for others
SHUTDOWN_TIMEOUT = 3.0  # seconds for a running maintenance, and again for pending settlements


class MaintainedApp:
    """An ASGI application that runs maintenance during its lifespan.

    At shutdown it settles pending accounts, sends alerts and closes the store.
    """

    def __init__(self, app: ASGIApp, services: Services, *, is_maintainer: bool = True) -> None:
        """Without `is_maintainer`, another process runs the steps that one process can run for all."""
        self._app, self._services = app, services
        self._steps = None if is_maintainer else PER_PROCESS
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def end_maintenance(self) -> None:
        """Leave the steps that one process can run for all to another process from now on."""
        self._steps = PER_PROCESS

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        app = self._live if scope["type"] == "lifespan" else self._app
        return app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:

        async def receive_lifespan() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._services.refusals.has_timer = True
                self._services.admission.limiter.settles_behind = True
                runs = (self._run_maintenance(), self._write_refusals())
                self._tasks = {asyncio.create_task(each) for each in runs}
            elif message["type"] == "lifespan.shutdown":
                await self._shut_down()
            return message

        async def send_lifespan(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                # Before this message is sent: uvicorn then ends the event loop and cancels what still runs.
                await self._services.store.aclose()
            await send(message)

        await self._app(scope, receive_lifespan, send_lifespan)

    async def _run_maintenance(self) -> None:
        while not self._stopping.is_set():
            await self._services.maintenance.run(self._steps)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), INTERVAL)

    async def _write_refusals(self) -> None:
        while not self._stopping.is_set():
            await self._services.refusals.flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), REFUSALS_INTERVAL)

    async def _shut_down(self) -> None:
        self._stopping.set()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=SHUTDOWN_TIMEOUT)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        limiter = self._services.admission.limiter
        limiter.settles_behind = False
        with suppress(TimeoutError):
            await asyncio.wait_for(limiter.owed.flush(), FLUSH_TIMEOUT)
        with suppress(TimeoutError):
            await asyncio.wait_for(limiter.settle_owed(), SHUTDOWN_TIMEOUT)
        await limiter.owed.aclose()
        await self._services.alerts.aclose()
