"""An ASGI application as a Lambda handler that answers in one piece: Mangum, and what it leaves open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from handlers.snapshot import Snapshot, register
from vaultcore.app import create_app
from vaultcore.clock import Clock, SystemClock
from vaultcore.lambda_runtime.asgi import Receive, Scope, Send
from vaultcore.lambda_runtime.event import is_http, mounted
from vaultcore.services import Services

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mangum import Mangum
    from mangum.types import LambdaContext

    from vaultcore.lambda_runtime.asgi import App

TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml")  # the rest leaves as base64


def buffered(services: Services) -> Buffered:
    """The gateway as a handler, with its part in SnapStart."""
    handler = Buffered(create_app(services), services.settings.integration)
    register(Snapshot(services), handler.run)
    return handler


class Buffered:
    """Called by Lambda once per event. One event loop for all of them, so that pooled connections live on.

    The application is told of no more time than whoever called waits: `limit` seconds from when the gateway
    in front took the request, however long the function itself may run.
    """

    def __init__(self, app: App, limit: float, clock: Clock | None = None) -> None:
        self._app, self._limit, self._clock = app, limit, clock or SystemClock()
        self._mangum: Mangum | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """The proxy answer to an HTTP event; `{}` to a ping or whatever else is no request."""
        if not is_http(event):
            return {}
        now = self._clock.now()
        until = began(cast(Mapping[str, Any], event), now, self._limit) + self._limit
        asyncio.set_event_loop(self._made())  # Mangum runs on the thread's current loop and makes none
        return self._adapter()(cast(dict[str, Any], event), cast(Any, Bounded(context, until, self._clock)))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the loop that requests run in."""
        self._made().run_until_complete(work)

    def _made(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    def _adapter(self) -> Mangum:
        if self._mangum is None:
            from mangum import Mangum  # noqa: PLC0415 - where answers are streamed it is never needed

            logging.getLogger("mangum").setLevel(logging.WARNING)  # its lines repeat ours
            app = mounted(plain(self._app))
            self._mangum = Mangum(cast(Any, app), lifespan="off", text_mime_types=[*TEXT])
        return self._mangum


def plain(app: App) -> App:
    """The application, asked for text alone: bytes leave as base64, which a REST API does not decode."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        await app({**scope, "headers": headers}, receive, send)

    return application


class Bounded:
    """Lambda's context, with no more time left than the caller waits."""

    def __init__(self, context: LambdaContext, until: float, clock: Clock) -> None:
        self._context, self._until, self._clock = context, until, clock

    def get_remaining_time_in_millis(self) -> int:
        left = int((self._until - self._clock.now()) * 1_000)
        return max(0, min(left, self._context.get_remaining_time_in_millis()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def began(event: Mapping[str, Any], now: float, limit: float) -> float:
    """When the gateway in front took the request: earlier than now, where the function had to start first.

    A time that is too long ago to matter is an event's from a file, and one to come is another clock's.
    """
    context = event["requestContext"]
    told = context.get("requestTimeEpoch") or context.get("timeEpoch")
    taken = told / 1_000 if isinstance(told, int) else now
    return taken if now - limit / 2 <= taken <= now else now
