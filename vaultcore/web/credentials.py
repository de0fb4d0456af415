"""Reads credentials: the system key and virtual keys for the data plane, the admin key for the admin API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from vaultcore.admission.authenticator import AddressRefused
from vaultcore.admission.caller import Caller
from vaultcore.errors import Unauthorized
from vaultcore.secrets import SecretSource
from vaultcore.services import Services

MAX_LENGTH = 512  # characters; no key of this gateway is longer
_CALLER = "vaultedge.caller"  # in the ASGI scope


def token(request: Request) -> str:
    """Return the key that a client sent, in any of the headers that SDKs use. Raises Unauthorized."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else ""
    key = key or request.headers.get("x-api-key") or request.headers.get("api-key") or ""
    if not key or len(key) > MAX_LENGTH:
        raise Unauthorized
    return key


async def authenticate(request: Request, services: Services) -> Caller:
    """Return the caller of a data endpoint. Raises Unauthorized, Forbidden or StoreUnavailable.

    Unauthorized has the same text for every cause.
    """
    address = request.client.host if request.client else None
    try:
        caller = await services.authenticator.authenticate(token(request), address)
    except AddressRefused as error:
        request.scope[_CALLER] = error.caller
        raise
    request.scope[_CALLER] = caller
    return caller


def caller_of(scope: Scope) -> Caller | None:
    """Return the caller that `authenticate` has identified for this request, if any."""
    caller: Caller | None = scope.get(_CALLER)
    return caller


async def require_admin_key(request: Request, secrets: SecretSource) -> None:
    """Raise Unauthorized unless the request has the admin key; the system key is not accepted."""
    key = token(request)
    if not (await secrets.current()).is_admin_key(key):
        raise Unauthorized
