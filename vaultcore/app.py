"""The ASGI application: the same in Lambda, under `vaultedge serve` and in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.endpoints import ENDPOINTS
from vaultcore.services import Services
from vaultcore.web.body import LargeBodies
from vaultcore.web.cors import CrossOrigin
from vaultcore.web.data_endpoint import DataEndpoint
from vaultcore.web.deadline import DeadlineMiddleware
from vaultcore.web.middleware import RequestMiddleware


def create_app(services: Services) -> ASGIApp:
    """Return the application."""
    large_bodies = LargeBodies()
    calls: dict[str, ASGIApp] = {}
    for row in ENDPOINTS:
        calls |= dict.fromkeys(row.urls, DataEndpoint(row, services, large_bodies))
    app = DirectPaths(calls, partial(_create_router, services, calls, large_bodies))
    close = services.gateway.upstream.aclose
    gateway = RequestMiddleware(DeadlineMiddleware(app), services, close)
    origins = services.settings.cors_origins
    return CrossOrigin(gateway, origins) if origins else gateway


def _create_router(services: Services, calls: Mapping[str, ASGIApp], large_bodies: LargeBodies) -> ASGIApp:
    from vaultcore.web.router import GatewayRouter  # takes 30 ms

    return GatewayRouter(services, calls, large_bodies)


class DirectPaths:
    """Finds the data endpoints by their path; the router tries one pattern after another."""

    def __init__(self, calls: Mapping[str, ASGIApp], create_router: Callable[[], ASGIApp]) -> None:
        """The first request to another path creates the router."""
        self._calls = {path: app for path, app in calls.items() if "{" not in path}
        self._create_router = create_router
        self._router: ASGIApp | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_call = scope["method"] == "POST" and not scope.get("root_path")
        app = self._calls.get(scope["path"]) if is_call else None
        return (app or self._other())(scope, receive, send)

    def _other(self) -> ASGIApp:
        if self._router is None:
            self._router = self._create_router()
        return self._router
