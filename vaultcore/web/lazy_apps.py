"""What few requests ask for, imported by the first that does: it would cost every cold start.

FastAPI takes half a second, and what packs the console ten milliseconds.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.services import Services
from vaultcore.web.credentials import require_admin_key


class LazyAdmin:
    """Lets nobody in without the admin key, not even to build it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await require_admin_key(Request(scope), self._services.secrets)
        if self._app is None:
            from vaultcore.web.admin import create_admin

            self._app = create_admin(self._services)
        await self._app(scope, receive, send)


class LazyConsole:
    """The console, which is anybody's."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from vaultcore.web.console import Console

            self._app = Console()
        await self._app(scope, receive, send)
