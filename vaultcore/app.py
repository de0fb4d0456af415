"""The ASGI application: the same in Lambda, under `vaultedge serve` and in tests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from vaultcore.endpoints import ENDPOINTS
from vaultcore.services import Services
from vaultcore.web.body import LargeBodies
from vaultcore.web.cors import CrossOrigin
from vaultcore.web.data_endpoint import data_endpoint
from vaultcore.web.deadline import DeadlineMiddleware
from vaultcore.web.explain import explain_endpoint
from vaultcore.web.key import key_endpoint
from vaultcore.web.lazy_apps import LazyAdmin, LazyConsole
from vaultcore.web.middleware import RequestMiddleware
from vaultcore.web.models import model_endpoint, models_endpoint
from vaultcore.web.reply import json_response
from vaultcore.web.usage import usage_endpoint


def create_app(services: Services) -> ASGIApp:
    """Return the application. Data routes exist with and without `/v1`, since a stage may be named `v1`."""
    large_bodies = LargeBodies()
    data = [
        *(Route(row.path, data_endpoint(row, services, large_bodies), methods=["POST"]) for row in ENDPOINTS),
        Route("/explain", explain_endpoint(services, large_bodies), methods=["POST"]),
        Route("/key", key_endpoint(services), methods=["GET"]),
        Route("/usage", usage_endpoint(services), methods=["GET"]),
        Route("/models", models_endpoint(services), methods=["GET"]),
        Route("/models/{id:path}", model_endpoint(services), methods=["GET"]),
    ]
    routes: list[BaseRoute] = [
        Route("/health", _health, methods=["GET"]),
        *(Route(f"/v1{route.path}", route.endpoint, methods=list(route.methods or ())) for route in data),
        *data,
        Route("/", _to_console, methods=["GET"]),
        Route("/console", _to_console, methods=["GET"]),
        Mount("/console", LazyConsole()),
        Mount("/admin", LazyAdmin(services)),
    ]
    # The bare router: Starlette's own middleware would handle errors a second time.
    app = Router(routes=routes, redirect_slashes=False)
    close = services.gateway.upstream.aclose
    gateway = RequestMiddleware(DeadlineMiddleware(app), services, close)
    origins = services.settings.cors_origins
    return CrossOrigin(gateway, origins) if origins else gateway


async def _health(_: Request) -> Response:
    return json_response({"status": "ok"})


async def _to_console(request: Request) -> Response:
    """Redirect with a relative URL, so that a stage's path stays in front of it."""
    return RedirectResponse("console/" if request.url.path.rstrip("/") == "" else "./console/", 307)
