"""How long a request may take: under Lambda as long as its invocation, less what ending it properly takes."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.errors import DeadlineExceeded

SPARE = 2.0  # seconds of an invocation kept to end an answer: no provider is waited for in them
LAST = 1.0  # ... and for a refusal, where even that was not enough


def time_left(scope: Scope) -> float:
    """Seconds this invocation may still take: without an end where no Lambda context says so."""
    remaining = getattr(scope.get("aws.context"), "get_remaining_time_in_millis", None)
    return remaining() / 1_000 if remaining is not None else float("inf")


class InTime:
    """Raises DeadlineExceeded where the application has not begun its answer while it can still be told.

    What has begun is left alone: a stream ends itself in time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = time_left(scope)
        if left == float("inf"):
            await self._app(scope, receive, send)
            return
        bound = asyncio.timeout(left - min(LAST, left / 4))

        async def sending(message: Message) -> None:
            if not bound.expired():
                bound.reschedule(None)
            await send(message)

        try:
            async with bound:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not bound.expired():
                raise
            raise DeadlineExceeded("the gateway did not answer in time") from None
