"""A Lambda handler with buffered responses for an ASGI application: Mangum plus paths and deadlines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from handlers.snapshot import SnapStartHooks, register_hooks
from vaultcore.app import create_app
from vaultcore.clock import Clock, SystemClock
from vaultcore.lambda_runtime.asgi import Receive, Scope, Send
from vaultcore.lambda_runtime.event import is_http, with_root_path
from vaultcore.services import Services

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mangum import Mangum
    from mangum.types import LambdaContext

    from vaultcore.lambda_runtime.asgi import App

TEXT = (
    "text/",
    "application/json",
    "application/javascript",
    "image/svg+xml",
)  # others leave as base64


def build_handler(services: Services) -> BufferedHandler:
    """Return a handler for the gateway and register its SnapStart hooks."""
    handler = BufferedHandler(create_app(services), services.settings.integration)
    register_hooks(SnapStartHooks(services), handler.run)
    return handler


class BufferedHandler:
    """A Lambda handler. One event loop serves all events, so that pooled connections survive between them.

    The application's deadline is when the caller stops waiting: `limit` seconds after API Gateway received
    the request, even if the function itself may run longer.
    """

    def __init__(self, app: App, limit: float, clock: Clock | None = None) -> None:
        self._app, self._limit, self._clock = app, limit, clock or SystemClock()
        self._mangum: Mangum | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """Return the proxy response to an HTTP event, or `{}` for a ping and any other event."""
        if not is_http(event):
            return {}
        now = self._clock.now()
        deadline = request_start(cast(Mapping[str, Any], event), now, self._limit) + self._limit
        asyncio.set_event_loop(self._event_loop())  # Mangum uses the thread's current loop and creates none
        return self._adapter()(
            cast(dict[str, Any], event), cast(Any, CappedContext(context, deadline, self._clock))
        )

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the loop that serves requests."""
        self._event_loop().run_until_complete(work)

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    def _adapter(self) -> Mangum:
        if self._mangum is None:
            from mangum import Mangum  # noqa: PLC0415 - the streaming entry point never needs it

            logging.getLogger("mangum").setLevel(logging.WARNING)  # its log lines repeat ours
            app = with_root_path(without_compression(self._app))
            self._mangum = Mangum(cast(Any, app), lifespan="off", text_mime_types=[*TEXT])
        return self._mangum


def without_compression(app: App) -> App:
    """Return the application without `accept-encoding`: a REST API does not decode base64 bodies."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        await app({**scope, "headers": headers}, receive, send)

    return application


class CappedContext:
    """Lambda's context, with the remaining time capped by the caller's deadline."""

    def __init__(self, context: LambdaContext, deadline: float, clock: Clock) -> None:
        self._context, self._deadline, self._clock = context, deadline, clock

    def get_remaining_time_in_millis(self) -> int:
        remaining = int((self._deadline - self._clock.now()) * 1_000)  # milliseconds
        return max(0, min(remaining, self._context.get_remaining_time_in_millis()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def request_start(event: Mapping[str, Any], now: float, limit: float) -> float:
    """Return when API Gateway received the request, seconds since the epoch; before `now` on a cold start.

    Returns `now` if the event's time is over `limit / 2` seconds old (an event from a file) or in the future
    (another clock).
    """
    context = event["requestContext"]
    epoch_ms = context.get("requestTimeEpoch") or context.get("timeEpoch")
    received = epoch_ms / 1_000 if isinstance(epoch_ms, int) else now
    return received if now - limit / 2 <= received <= now else now
