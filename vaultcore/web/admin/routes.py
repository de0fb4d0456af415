"""`/admin/routes`: the operator's routes, those of the file and those that are set here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field
from starlette.responses import Response

from vaultcore.control.routes import RouteStore, StoredRoutes, route_json
from vaultcore.errors import InvalidRequest
from vaultcore.web.admin.validation import ServicesDep, RequestId, RequestBody, body, parse_body
from vaultcore.web.admin.fields import Text

api = APIRouter(tags=["routes"])

EXAMPLE = {"fast-llm": {"primary": "openai/gpt-4o-mini", "fallbacks": ["anthropic/claude-haiku-4-5"]}}


class RoutesBody(RequestBody):
    """The routes to have, in place of all that were set before. Each is as in `models:` of providers.yaml."""

    models: dict[str, Any] = Field(examples=[EXAMPLE])
    version: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        None, description="only in place of that version; `If-Match` does the same"
    )
    reason: Text | None = Field(None, description="for the audit")


class RoutesView(BaseModel):
    """Routes by the names that clients ask for."""

    version: int = Field(description="of what is set here; 0: nothing has been")
    models: dict[str, Any] = Field(description="as they were set here; they go before the file's")
    broken: dict[str, str] = Field(description="why some of them lead nowhere any more")
    file: dict[str, Any] = Field(description="those of the providers file")


@api.get("/routes", response_model=RoutesView)
async def show(here: ServicesDep, response: Response) -> Any:
    """The routes in force. The `etag` is the version, for `If-Match`."""
    return _shown(await here.routes.stored(), here.routes, response)


@api.put("/routes", response_model=RoutesView, openapi_extra=body(RoutesBody))
async def update(
    wanted: Annotated[RoutesBody, Depends(parse_body(RoutesBody))],
    here: ServicesDep,
    response: Response,
    request: RequestId,
    if_match: Annotated[str | None, Header(max_length=40)] = None,
) -> Any:
    """Set all routes at once. In force everywhere after five seconds; checked as the file's are."""
    version = wanted.version if if_match is None else _version(if_match)
    stored = await here.routes.replace(wanted.models, version, request, reason=wanted.reason)
    return _shown(stored, here.routes, response)


def _version(tag: str) -> int | None:
    if tag.strip() == "*":
        return None
    text = tag.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal()):
        raise InvalidRequest("if-match: must be the etag of an answer", param="if-match")
    return int(text)


def _shown(stored: StoredRoutes, routes: RouteStore, response: Response) -> dict[str, Any]:
    response.headers["etag"] = f'"{stored.version}"'
    return {
        "version": stored.version,
        "models": dict(stored.models),
        "broken": dict(stored.broken),
        "file": {name: route_json(route) for name, route in routes.file.items()},
    }
