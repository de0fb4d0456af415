"""The ASGI application: the same in Lambda, under `vaultedge serve` and in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.endpoints import ENDPOINTS, GOOGLE_METHODS, VERSIONED
from vaultcore.errors import NotFound
from vaultcore.services import Services
from vaultcore.web.body import LargeBodies
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.cors import CrossOrigin
from vaultcore.web.data_endpoint import DataEndpoint, Handler, HandlerApp
from vaultcore.web.deadline import DeadlineMiddleware
from vaultcore.web.explain import explain_endpoint
from vaultcore.web.key import key_endpoint
from vaultcore.web.lazy_apps import LazyAdmin, LazyConsole
from vaultcore.web.middleware import RequestMiddleware
from vaultcore.web.models import model_endpoint, models_endpoint
from vaultcore.web.reply import ClientResponse, json_response
from vaultcore.web.usage import usage_endpoint


def create_app(services: Services) -> ASGIApp:
    """Return the application."""
    large_bodies = LargeBodies()
    models, model = models_endpoint(services), model_endpoint(services)
    data: dict[str, tuple[Handler, str]] = {
        "/explain": (explain_endpoint(services, large_bodies), "POST"),
        "/key": (key_endpoint(services), "GET"),
        "/usage": (usage_endpoint(services), "GET"),
        "/models": (models, "GET"),
        "/models/{model:path}": (model, "GET"),
    }
    calls: dict[str, ASGIApp] = {}
    for row in ENDPOINTS:
        calls |= dict.fromkeys(row.urls, DataEndpoint(row, services, large_bodies))
    routes: list[BaseRoute] = [
        _route("/health", _health),
        *(Route(url, app, methods=["POST"]) for url, app in calls.items()),
        *(
            _route(base + path, handler, method)
            for base in VERSIONED
            for path, (handler, method) in data.items()
        ),
        _route("/v1beta/models", models),
        _route("/v1beta/models/{model:path}", model),
        _route("/v1beta/models/{model:path}", _unknown_method, "POST"),
        _route("/api/hello", _hello),
        _route("/", _to_console),
        _route("/console", _to_console),
        Mount("/console", LazyConsole()),
        Mount("/admin", LazyAdmin(services)),
    ]
    # The bare router: Starlette's own middleware would handle errors a second time.
    app = DirectPaths(calls, Router(routes=routes, redirect_slashes=False))
    close = services.gateway.upstream.aclose
    gateway = RequestMiddleware(DeadlineMiddleware(app), services, close)
    origins = services.settings.cors_origins
    return CrossOrigin(gateway, origins) if origins else gateway


class DirectPaths:
    """Finds the data endpoints by their path; the router tries one pattern after another."""

    def __init__(self, calls: Mapping[str, ASGIApp], router: Router) -> None:
        self._calls = {path: app for path, app in calls.items() if "{" not in path}
        self._router = router

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_call = scope["method"] == "POST" and not scope.get("root_path")
        app = self._calls.get(scope["path"], self._router) if is_call else self._router
        return app(scope, receive, send)


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    return Route(path, HandlerApp(handler), methods=[method])


async def _health(_: ClientRequest) -> ClientResponse:
    return json_response({"status": "ok"})


async def _hello(_: ClientRequest) -> ClientResponse:
    """Answer the request with which Claude Code opens a connection ahead of its first message."""
    return ClientResponse()


async def _unknown_method(_: ClientRequest) -> ClientResponse:
    """Raise NotFound for a method of Google's that the gateway does not have."""
    raise NotFound(f"no such method; the methods of models are {', '.join(GOOGLE_METHODS)}")


async def _to_console(request: ClientRequest) -> ClientResponse:
    """Redirect with a relative URL, so that a stage's path stays in front of it."""
    address = "console/" if request.path.rstrip("/") == "" else "./console/"
    return ClientResponse(status=307, headers={"location": address})
