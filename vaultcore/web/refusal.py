"""What the routers refuse, in the envelope of everything else."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from vaultcore.surfaces import Surface, chat, messages
from vaultcore.web.reply import error_reply

BY_PATH: Mapping[str, Surface] = {"messages": messages}


def spoken(path: str) -> Surface:
    """The surface whose envelope a client expects at a path, whatever it finds there."""
    head, _, rest = path.lstrip("/").partition("/")
    first = rest.partition("/")[0] if head == "v1" else head
    return BY_PATH.get(first, chat)


async def refuse(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, GatewayError) else GatewayError("internal error")
    return error_reply(known, spoken(request.url.path))


async def refuse_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses, in the envelope of everything else."""
    headers = {}
    match error:
        case HTTPException(status_code=405):
            allowed = (error.headers or {}).get("Allow", "")
            method = request.method[:20]
            refusal: GatewayError = MethodNotAllowed(f"{method} is not answered here; try {allowed}")
            headers["allow"] = allowed
        case HTTPException(status_code=404):
            refusal = NotFound("nothing answers at this path")
        case _:
            refusal = InvalidRequest("the request cannot be read")
    return error_reply(refusal, spoken(request.url.path), headers)
