"""Ends the requests that still run when the server's grace period is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from vaultcore.casts import cast
from vaultcore.errors import ShuttingDown


class Shutdown:
    """The running requests of this process. `end_requests` cancels them; each then answers with an error.

    Code that must end a response of its own catches CancelledError and calls `error_for`.
    """

    def __init__(self) -> None:
        self._is_over = False
        self._running: set[asyncio.Task[object]] = set()

    async def run(self, request: Awaitable[None]) -> None:
        """Await a request as one of those that run. Raises ShuttingDown in place of its cancellation."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running.add(task)
        try:
            await request
        except asyncio.CancelledError as cancelled:
            if (error := self.error_for(cancelled)) is None:
                raise
            raise error from None
        finally:
            self._running.discard(task)

    def end_requests(self) -> None:
        """End all running requests, and those that start later."""
        self._is_over = True
        for task in tuple(self._running):
            task.cancel()

    def error_for(self, raised: BaseException) -> ShuttingDown | None:
        """Return the client's error if `raised` is the cancellation of `end_requests`; None otherwise."""
        if not (self._is_over and isinstance(raised, asyncio.CancelledError)):
            return None
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return ShuttingDown("the gateway is shutting down; send the request again", retry_after=1)
