"""What the routers refuse, in the envelope of everything else."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.client_apis import ClientApi, chat, messages
from vaultcore.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from vaultcore.web.reply import error_reply

BY_PATH: Mapping[str, ClientApi] = {"messages": messages}


def spoken(path: str) -> ClientApi:
    """The surface whose envelope a client expects at a path, whatever it finds there."""
    head, _, rest = path.lstrip("/").partition("/")
    first = rest.partition("/")[0] if head == "v1" else head
    return BY_PATH.get(first, chat)


def refused(request: Request, error: GatewayError | HTTPException) -> Response:
    """What an endpoint or the router itself refuses, in the envelope of its path."""
    headers: dict[str, str] = {}
    match error:
        case GatewayError():
            refusal = error
        case HTTPException(status_code=405):
            allowed = (error.headers or {}).get("Allow", "")
            refusal = MethodNotAllowed(f"{request.method[:20]} is not answered here; try {allowed}")
            headers["allow"] = allowed
        case HTTPException(status_code=404):
            refusal = NotFound("nothing answers at this path")
        case _:
            refusal = InvalidRequest("the request cannot be read")
    return error_reply(refusal, spoken(request.url.path), headers)


async def refuse_http(request: Request, error: Exception) -> Response:
    """The same for FastAPI, which asks for a handler."""
    known = error if isinstance(error, HTTPException) else HTTPException(400)
    return refused(request, known)
