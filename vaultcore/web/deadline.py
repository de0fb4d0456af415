"""Time limits of a request: in Lambda the time of its invocation, minus the time to end the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.errors import DeadlineExceeded

ENDING_TIME = 2.0  # seconds of an invocation that are for the end of a response; provider calls stop before
ERROR_TIME = 1.0  # seconds kept for an error response if that was not enough


def remaining_time(scope: Scope) -> float:
    """Return the seconds that this invocation may still take; infinity outside Lambda."""
    remaining = getattr(scope.get("aws.context"), "get_remaining_time_in_millis", None)
    return remaining() / 1_000 if remaining is not None else float("inf")


class DeadlineMiddleware:
    """Raises DeadlineExceeded if the application has not started its response shortly before the time is up.

    A response that has started is not interrupted: a stream ends itself in time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if "aws.context" not in scope or (remaining := remaining_time(scope)) == float("inf"):
            return self._app(scope, receive, send)
        return self._run_within(remaining, scope, receive, send)

    async def _run_within(self, remaining: float, scope: Scope, receive: Receive, send: Send) -> None:
        timeout = asyncio.timeout(remaining - min(ERROR_TIME, remaining / 4))

        async def sending(message: Message) -> None:
            if not timeout.expired():
                timeout.reschedule(None)
            await send(message)

        try:
            async with timeout:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise DeadlineExceeded("the gateway did not answer before the deadline") from None
