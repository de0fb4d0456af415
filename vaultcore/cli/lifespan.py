"""What a served gateway does beside answering: upkeep every minute, and the last things at its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.services import Services

EVERY = 60.0  # seconds between two passes
ENDING = 3.0  # seconds that a pass under way is given at the end, and paying what is owed as well


class Tended:
    """An application whose lifespan is the upkeep's too. At its end what is owed is paid, and alerts sent."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._task = asyncio.create_task(self._tend())
            elif message["type"] == "lifespan.shutdown":
                await self._end()
            return message

        await self._app(scope, received, send)
        await self._services.store.aclose()

    async def _tend(self) -> None:
        while not self._ending.is_set():
            await self._services.maintenance.run()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), EVERY)

    async def _end(self) -> None:
        self._ending.set()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=ENDING)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._services.limiter.pay(), ENDING)
        await self._services.alerts.aclose()
