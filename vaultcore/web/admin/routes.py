"""`/admin/routes`: the routes of the providers file and those that administrators set through this API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field
from starlette.responses import Response

from vaultcore.control.routes import RouteStore, StoredRoutes, route_json
from vaultcore.errors import InvalidRequest
from vaultcore.web.admin.fields import Text
from vaultcore.web.admin.validation import RequestBody, RequestId, ServicesDep, body_schema, parse_body

api = APIRouter(tags=["routes"])

EXAMPLE = {"fast-llm": {"primary": "openai/gpt-4o-mini", "fallbacks": ["anthropic/claude-haiku-4-5"]}}


class RoutesBody(RequestBody):
    """The new routes. They replace all routes set before. The format is `models:` of providers.yaml."""

    models: dict[str, Any] = Field(examples=[EXAMPLE])
    version: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        None, description="replace only this version; `If-Match` has the same effect"
    )
    reason: Text | None = Field(None, description="for the audit log")


class RoutesView(BaseModel):
    """Routes by the model name that clients request."""

    version: int = Field(description="version of the routes set through this API; 0 if none were set")
    models: dict[str, Any] = Field(description="routes set through this API; they override the file's")
    broken: dict[str, str] = Field(description="routes that no longer work, each with the reason")
    file: dict[str, Any] = Field(description="routes of the providers file")


@api.get("/routes", response_model=RoutesView)
async def show(services: ServicesDep, response: Response) -> Any:
    """Show the current routes. The `etag` header is the version, for `If-Match`."""
    return _routes_json(await services.routes.stored(), services.routes, response)


@api.put("/routes", response_model=RoutesView, openapi_extra=body_schema(RoutesBody))
async def update(
    new: Annotated[RoutesBody, Depends(parse_body(RoutesBody))],
    services: ServicesDep,
    response: Response,
    request_id: RequestId,
    if_match: Annotated[str | None, Header(max_length=40)] = None,
) -> Any:
    """Replace all routes. They take effect on every server within five seconds.

    They are validated like the routes of the providers file.
    """
    version = new.version if if_match is None else _parse_etag(if_match)
    stored = await services.routes.replace(new.models, version, request_id, reason=new.reason)
    return _routes_json(stored, services.routes, response)


def _parse_etag(tag: str) -> int | None:
    """Return the version of an `If-Match` header, None for `*`. Raises InvalidRequest for other values."""
    if tag.strip() == "*":
        return None
    text = tag.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal()):
        raise InvalidRequest("if-match: must be the etag of a response", param="if-match")
    return int(text)


def _routes_json(stored: StoredRoutes, routes: RouteStore, response: Response) -> dict[str, Any]:
    response.headers["etag"] = f'"{stored.version}"'
    return {
        "version": stored.version,
        "models": dict(stored.models),
        "broken": dict(stored.broken),
        "file": {name: route_json(route) for name, route in routes.file.items()},
    }
