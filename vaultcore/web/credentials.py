"""Who may come in: the system key and virtual keys to the data plane, the admin key to everything else."""

from __future__ import annotations

from starlette.requests import Request

from vaultcore.admission.caller import Caller
from vaultcore.errors import Unauthorized
from vaultcore.secrets import SecretSource
from vaultcore.services import Services

LONGEST = 512  # characters; no key of ours is longer


def token(request: Request) -> str:
    """The key a client sent, however its SDK sends it. Raises Unauthorized."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    found = bearer.strip() if scheme.lower() == "bearer" else ""
    found = found or request.headers.get("x-api-key") or request.headers.get("api-key") or ""
    if not found or len(found) > LONGEST:
        raise Unauthorized
    return found


async def recognised(request: Request, services: Services) -> Caller:
    """Who calls a model. Raises Unauthorized, in the same words whatever was wrong; Forbidden; 503."""
    address = request.client.host if request.client else None
    return await services.authenticator.recognise(token(request), address)


async def require_admin_key(request: Request, secrets: SecretSource) -> None:
    """Raises Unauthorized. The system key does not open this door."""
    sent = token(request)
    if not (await secrets.current()).opens_admin(sent):
        raise Unauthorized
