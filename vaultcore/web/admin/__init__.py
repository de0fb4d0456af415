"""The admin API, on FastAPI: small, strict, documented. Whoever gets here has shown the admin key."""

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
from vaultcore.web.admin import check, keys, limits, logs, docs_page, routes, gateway_state, alerts_and_audit, usage
from vaultcore.web.admin.validation import handle_crash, handle_error, handle_validation_error
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.web.router_errors import fastapi_error

DESCRIPTION = (
    "Every request bears the admin key: `Authorization: Bearer va-…`. Money is in US dollars, times are "
    "ISO 8601 in UTC, pages go on by `next_cursor`. A refusal is {error: {message, type, param, code}}: "
    "400 names the field, 409 says that somebody else was first, 503 that the store is away."
)


class NoStoreJSONResponse(JSONResponse):
    """JSON that nobody keeps."""

    def __init__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(content, status_code, {**SAFE_HEADERS, **(headers or {})}, **more)


def create_admin(services: Services) -> ASGIApp:
    app = FastAPI(
        title="VaultEdge admin API",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=NoStoreJSONResponse,
        dependencies=[Security(HTTPBearer(auto_error=False, description="the admin key"))],  # for the page
    )
    app.state.services = services
    app.state.checks = check.CheckThrottle(services.clock)
    app.add_exception_handler(HTTPException, fastapi_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(GatewayError, handle_error)
    app.add_exception_handler(Conflict, handle_error)
    app.add_exception_handler(Exception, handle_crash)
    for each in (keys, limits, usage, logs, alerts_and_audit, check, routes, gateway_state):
        app.include_router(each.api)
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    """The documentation, for programs and for people; FastAPI's own pages load scripts from elsewhere."""

    async def openapi(request: Request) -> Response:
        servers = [{"url": request.scope.get("root_path") or "/"}]
        return NoStoreJSONResponse({**app.openapi(), "servers": servers})

    async def docs(request: Request) -> Response:
        return docs_page.respond(app.openapi(), request.scope.get("root_path", ""))

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
