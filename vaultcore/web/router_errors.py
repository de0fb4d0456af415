"""Errors raised by endpoints and routers, as responses in the format that the path's clients expect."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.endpoints import api_at
from vaultcore.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.reply import ClientResponse, error_response


def router_error(request: ClientRequest, error: GatewayError | HTTPException) -> ClientResponse:
    """Return the response to an error of an endpoint or of the router itself."""
    headers: dict[str, str] = {}
    match error:
        case GatewayError():
            reply = error
        case HTTPException(status_code=405):
            allowed = (error.headers or {}).get("Allow", "")
            reply = MethodNotAllowed(f"method {request.method[:20]} is not allowed here; use {allowed}")
            headers["allow"] = allowed
        case HTTPException(status_code=404):
            reply = NotFound("no such path")
        case _:
            reply = InvalidRequest("the request cannot be parsed")
    return error_response(reply, api_at(request.path, request.headers), headers)


def fastapi_response(request: Request, error: GatewayError | HTTPException) -> Response:
    """Return the same as a response for FastAPI."""
    reply = router_error(ClientRequest.of(request.scope, request.receive), error)
    return Response(reply.body, reply.status, reply.headers)


async def fastapi_error(request: Request, error: Exception) -> Response:
    """Handle errors that FastAPI raises itself."""
    return fastapi_response(request, error if isinstance(error, HTTPException) else HTTPException(400))
