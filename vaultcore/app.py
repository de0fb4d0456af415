"""The ASGI application: the same under Lambda, under `vaultedge serve` and under test."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from vaultcore.client_apis import chat, messages, responses
from vaultcore.media import embeddings, images
from vaultcore.services import Services
from vaultcore.web import count_tokens, explain, inference, key, media, models, usage
from vaultcore.web.deadline import InTime
from vaultcore.web.lazy_apps import LazyAdmin, LazyConsole
from vaultcore.web.middleware import RequestMiddleware
from vaultcore.web.reply import json_reply


def create_app(services: Services) -> ASGIApp:
    """Everything this gateway serves. Data routes answer with and without `/v1`: a stage may be named so."""
    data = [
        Route("/chat/completions", inference.endpoint(chat, services), methods=["POST"]),
        Route("/messages", inference.endpoint(messages, services, messages.native_request), methods=["POST"]),
        Route("/messages/count_tokens", count_tokens.endpoint(services), methods=["POST"]),
        Route("/embeddings", media.endpoint(embeddings, services), methods=["POST"]),
        Route("/images/generations", media.endpoint(images, services), methods=["POST"]),
        Route("/responses", inference.endpoint(responses, services, responses.verbatim), methods=["POST"]),
        Route("/explain", explain.endpoint(services), methods=["POST"]),
        Route("/key", key.endpoint(services), methods=["GET"]),
        Route("/usage", usage.endpoint(services), methods=["GET"]),
        Route("/models", models.index(services), methods=["GET"]),
        Route("/models/{id:path}", models.one(services), methods=["GET"]),
    ]
    routes: list[BaseRoute] = [
        Route("/health", health, methods=["GET"]),
        *(Route(f"/v1{route.path}", route.endpoint, methods=list(route.methods or ())) for route in data),
        *data,
        Route("/", _to_console, methods=["GET"]),
        Route("/console", _to_console, methods=["GET"]),
        Mount("/console", LazyConsole()),
        Mount("/admin", LazyAdmin(services)),
    ]
    # The router alone: Starlette's own wrappers would catch and answer once more what Admission does.
    app = Router(routes=routes, redirect_slashes=False)
    return RequestMiddleware(InTime(app), services.log, services.observer, services.gateway.upstream.aclose)


async def health(_: Request) -> Response:
    return json_reply({"status": "ok"})


async def _to_console(request: Request) -> Response:
    """Relative, so that a stage's path stays in front of it."""
    return RedirectResponse("console/" if request.url.path.rstrip("/") == "" else "./console/", 307)
