"""An ASGI application as a Lambda handler that answers in one piece: Mangum, and what it leaves open."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from vaultcore.runtime.event import is_http, mounted

if TYPE_CHECKING:
    from mangum import Mangum
    from mangum.types import LambdaContext

    from vaultcore.runtime.asgi import App

TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml")  # the rest leaves as base64


class Buffered:
    """Called by Lambda once per event. One event loop for all of them, so that pooled connections live on."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._mangum: Mangum | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, event: object, context: LambdaContext) -> dict[str, Any]:
        """The proxy answer to an HTTP event; `{}` to a ping or whatever else is no request."""
        if not is_http(event):
            return {}
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)  # Mangum runs on the thread's current loop and makes none
        return self._adapter()(cast(dict[str, Any], event), context)

    def _adapter(self) -> Mangum:
        if self._mangum is None:
            from mangum import Mangum  # noqa: PLC0415 - where answers are streamed it is never needed

            logging.getLogger("mangum").setLevel(logging.WARNING)  # its lines repeat ours
            self._mangum = Mangum(cast(Any, mounted(self._app)), lifespan="off", text_mime_types=[*TEXT])
        return self._mangum
