"""The admin API, a FastAPI app. The middleware in front of it admits only requests with the admin key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.store.base import Conflict
from vaultcore.web.admin import (
    alerts_and_audit,
    check,
    docs_page,
    gateway_state,
    keys,
    limits,
    logs,
    refusals,
    routes,
    usage,
)
from vaultcore.web.admin.validation import handle_crash, handle_error, handle_validation_error
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.web.starlette_errors import fastapi_error

DESCRIPTION = (
    "Send the admin key with every request: `Authorization: Bearer va-…`. Money is in US dollars. Times are "
    "ISO 8601 in UTC. Send `next_cursor` as `cursor` to get the next page. An error is "
    "{error: {message, type, param, code}}. Status 400: the request is invalid; `param` names the field. "
    "Status 409: another request changed the resource first. Status 503: the store is unavailable."
)


class NoStoreJSONResponse(JSONResponse):
    """A JSON response that no cache may store."""

    def __init__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(content, status_code, {**SAFE_HEADERS, **(headers or {})}, **more)


def create_admin(services: Services) -> ASGIApp:
    """Return the admin API as an ASGI app. The caller mounts it behind the check of the admin key."""
    app = FastAPI(
        title="VaultEdge admin API",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=NoStoreJSONResponse,
        # For the OpenAPI description only: the middleware checks the key.
        dependencies=[Security(HTTPBearer(auto_error=False, description="the admin key"))],
    )
    app.state.services = services
    app.state.checks = check.CheckThrottle(services.clock)
    app.add_exception_handler(HTTPException, fastapi_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(GatewayError, handle_error)
    app.add_exception_handler(Conflict, handle_error)
    app.add_exception_handler(Exception, handle_crash)
    for module in (keys, limits, usage, logs, refusals, alerts_and_audit, check, routes, gateway_state):
        app.include_router(module.api)
    _add_documentation(app)
    return app


def _add_documentation(app: FastAPI) -> None:
    """Add `/openapi.json` and `/docs`. FastAPI's own pages load scripts from a CDN."""

    async def openapi(request: Request) -> Response:
        servers = [{"url": request.scope.get("root_path") or "/"}]
        return NoStoreJSONResponse({**app.openapi(), "servers": servers})

    async def docs(request: Request) -> Response:
        return docs_page.docs_response(app.openapi(), request.scope.get("root_path", ""))

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
