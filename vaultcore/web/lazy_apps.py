"""The admin API and the console, imported at their first request, so that no cold start pays for them.

Importing FastAPI takes half a second, the console's bundler ten milliseconds.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.services import Services
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.credentials import require_admin_key


class LazyAdmin:
    """The admin API. It requires the admin key before anything is imported."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await require_admin_key(ClientRequest.of(scope, receive), self._services.secrets)
        if self._app is None:
            from vaultcore.web.admin import create_admin

            self._app = create_admin(self._services)
        await self._app(scope, receive, send)


class LazyConsole:
    """The console's files; they need no key."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from vaultcore.web.console import Console

            self._app = Console()
        await self._app(scope, receive, send)
