"""Reads credentials: the system key and virtual keys for the data plane, the admin key for the admin API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from vaultcore.admission.authenticator import AddressRefused
from vaultcore.admission.caller import Caller
from vaultcore.errors import GatewayError, StoreUnavailable, Unauthorized
from vaultcore.secrets import SecretSource
from vaultcore.services import Services
from vaultcore.web.request_target import query_key

MAX_LENGTH = 512  # characters; no key of this gateway is longer
KEY_HEADERS = ("x-api-key", "api-key")  # besides `authorization`: of Anthropic's and Azure's clients
GOOGLE_HEADER = "x-goog-api-key"  # of Google's clients; on the data plane only
_CALLER = "vaultedge.caller"  # in the ASGI scope


def header_keys(request: Request, *names: str) -> list[str]:
    """Return the keys that a client sent, as a bearer token and in the headers of these names."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    keys = [
        bearer.strip() if scheme.lower() == "bearer" else "",
        *(request.headers.get(name) for name in names),
    ]
    return [key for key in dict.fromkeys(keys) if key and len(key) <= MAX_LENGTH]


async def authenticate(request: Request, services: Services) -> Caller:
    """Return the caller of a data endpoint. Raises Unauthorized, Forbidden or StoreUnavailable.

    A client may send several keys, such as a stale one that it found in its configuration: the first valid
    one counts. RequestMiddleware rejects repeated headers, so that there are at most five. Unauthorized has
    the same text for every cause.
    """
    address = request.client.host if request.client else None
    keys = header_keys(request, *KEY_HEADERS, GOOGLE_HEADER)
    if (key := query_key(request.scope)) is not None and key not in keys:
        keys.append(key)
    failure: GatewayError = Unauthorized()
    for key in keys:
        try:
            caller = await services.authenticator.authenticate(key, address)
        except Unauthorized:
            continue
        except AddressRefused as error:
            request.scope[_CALLER] = error.caller
            failure = error
        except StoreUnavailable as error:
            failure = error
        else:
            request.scope[_CALLER] = caller
            return caller
    raise failure


def caller_of(scope: Scope) -> Caller | None:
    """Return the caller that `authenticate` has identified for this request, if any."""
    caller: Caller | None = scope.get(_CALLER)
    return caller


async def require_admin_key(request: Request, secrets: SecretSource) -> None:
    """Raise Unauthorized unless the request has the admin key; the system key is not accepted."""
    keys = header_keys(request, *KEY_HEADERS)
    if not keys:
        raise Unauthorized
    current = await secrets.current()
    if not any(current.is_admin_key(key) for key in keys):
        raise Unauthorized
