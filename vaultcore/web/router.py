"""The routes of the gateway, in Starlette's router; `app.py` serves most data requests without it.

Only the first request to another path imports this module: the router and its endpoints take 30 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.endpoints import GOOGLE_METHODS, VERSIONED
from vaultcore.errors import NotFound
from vaultcore.services import Services
from vaultcore.web.body import LargeBodies
from vaultcore.web.client_request import ClientDisconnected, ClientRequest
from vaultcore.web.data_endpoint import Handler, HandlerApp
from vaultcore.web.explain import explain_endpoint
from vaultcore.web.key import key_endpoint
from vaultcore.web.lazy_apps import LazyAdmin, LazyConsole
from vaultcore.web.models import model_endpoint, models_endpoint
from vaultcore.web.reply import ClientResponse, json_response
from vaultcore.web.starlette_errors import gateway_error
from vaultcore.web.usage import usage_endpoint


class GatewayRouter:
    """Every route of the gateway. It raises the gateway's errors in place of Starlette's."""

    def __init__(self, services: Services, calls: Mapping[str, ASGIApp], large_bodies: LargeBodies) -> None:
        """`calls` are the data endpoints by path."""
        routes = [
            *(Route(url, app, methods=["POST"]) for url, app in calls.items()),
            *_other_routes(services, large_bodies),
        ]
        # The bare router: Starlette's own middleware would handle errors a second time.
        self._router = Router(routes=routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            raise gateway_error(error, scope["method"]) from error
        except ClientDisconnect as error:
            raise ClientDisconnected from error


def _other_routes(services: Services, large_bodies: LargeBodies) -> list[BaseRoute]:
    models, model = models_endpoint(services), model_endpoint(services)
    data: dict[str, tuple[Handler, str]] = {
        "/explain": (explain_endpoint(services, large_bodies), "POST"),
        "/key": (key_endpoint(services), "GET"),
        "/usage": (usage_endpoint(services), "GET"),
        "/models": (models, "GET"),
        "/models/{model:path}": (model, "GET"),
    }
    return [
        _route("/health", _health),
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
