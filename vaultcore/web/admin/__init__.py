"""The admin API, on FastAPI: small, strict, documented. Whoever gets here has shown the admin key."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from vaultcore.services import Services
from vaultcore.web.admin import state
from vaultcore.web.refusal import refuse_http


def create_admin(services: Services) -> ASGIApp:
    app = FastAPI(title="VaultEdge admin", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.add_exception_handler(HTTPException, refuse_http)
    app.add_exception_handler(RequestValidationError, refuse_http)
    app.include_router(state.router(services))
    return app
