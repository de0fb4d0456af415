"""The ASGI application: the same in Lambda, under `vaultedge serve` and in tests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from vaultcore.endpoints import ENDPOINTS, GOOGLE_METHODS, VERSIONED
from vaultcore.errors import NotFound
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
    """Return the application."""
    large_bodies = LargeBodies()
    models, model = models_endpoint(services), model_endpoint(services)
    data = {
        "/explain": (explain_endpoint(services, large_bodies), "POST"),
        "/key": (key_endpoint(services), "GET"),
        "/usage": (usage_endpoint(services), "GET"),
        "/models": (models, "GET"),
        "/models/{model:path}": (model, "GET"),
    }
    routes: list[BaseRoute] = [
        Route("/health", _health, methods=["GET"]),
        *(
            Route(url, data_endpoint(row, services, large_bodies), methods=["POST"])
            for row in ENDPOINTS
            for url in row.urls
        ),
        *(
            Route(base + path, handler, methods=[method])
            for base in VERSIONED
            for path, (handler, method) in data.items()
        ),
        Route("/v1beta/models", models, methods=["GET"]),
        Route("/v1beta/models/{model:path}", model, methods=["GET"]),
        Route("/v1beta/models/{model:path}", _unknown_method, methods=["POST"]),
        Route("/api/hello", _hello, methods=["GET"]),
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


async def _hello(_: Request) -> Response:
    """Answer the request with which Claude Code opens a connection ahead of its first message."""
    return Response()


async def _unknown_method(_: Request) -> Response:
    """Raise NotFound for a method of Google's that the gateway does not have."""
    raise NotFound(f"no such method; the methods of models are {', '.join(GOOGLE_METHODS)}")


async def _to_console(request: Request) -> Response:
    """Redirect with a relative URL, so that a stage's path stays in front of it."""
    return RedirectResponse("console/" if request.url.path.rstrip("/") == "" else "./console/", 307)
