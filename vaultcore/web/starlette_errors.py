"""Errors of Starlette and FastAPI as the gateway's own, and the gateway's errors as responses for FastAPI."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.endpoints import api_at
from vaultcore.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.reply import error_response


def gateway_error(error: HTTPException, method: str) -> GatewayError:
    """Return an error of the router or of FastAPI as one of the gateway."""
    match error.status_code:
        case 405:
            allowed = (error.headers or {}).get("Allow", "")
            refused = MethodNotAllowed(f"method {method[:20]} is not allowed here; use {allowed}")
            refused.headers["allow"] = allowed
            return refused
        case 404:
            return NotFound("no such path")
        case _:
            return InvalidRequest("the request cannot be parsed")


def fastapi_response(request: Request, error: GatewayError | HTTPException) -> Response:
    """Return the response to an error for FastAPI."""
    own = gateway_error(error, request.method) if isinstance(error, HTTPException) else error
    received = ClientRequest.of(request.scope, request.receive)
    reply = error_response(own, api_at(received.path, received.headers))
    return Response(reply.body, reply.status, reply.headers)


async def fastapi_error(request: Request, error: Exception) -> Response:
    """Handle errors that FastAPI raises itself."""
    return fastapi_response(request, error if isinstance(error, HTTPException) else HTTPException(400))
