"""Reads credentials: the system key and virtual keys for the data plane, the admin key for the admin API."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.admission.authenticator import AddressRefused
from vaultcore.admission.caller import Caller
from vaultcore.errors import GatewayError, StoreUnavailable, Unauthorized
from vaultcore.secrets import SecretSource
from vaultcore.services import Services
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.request_target import query_key

MAX_LENGTH = 512  # characters; no key of this gateway is longer
KEY_HEADERS = ("x-api-key", "api-key")  # besides `authorization`: of Anthropic's and Azure's clients
GOOGLE_HEADER = "x-goog-api-key"  # of Google's clients; on the data plane only
DATA_HEADERS = (*KEY_HEADERS, GOOGLE_HEADER)


def header_keys(headers: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    """Return the keys that a client sent, as a bearer token and in the headers of these names."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    keys = [bearer.strip()] if scheme.lower() == "bearer" else []
    for name in names:
        if name in headers and headers[name] not in keys:
            keys.append(headers[name])
    for key in tuple(keys):
        if not 0 < len(key) <= MAX_LENGTH:
            keys.remove(key)
    return keys


async def authenticate(request: ClientRequest, services: Services) -> Caller:
    """Return the caller of a data endpoint. Raises Unauthorized, Forbidden or StoreUnavailable.

    A client may send several keys, such as a stale one that it found in its configuration: the first valid
    one counts. RequestMiddleware rejects repeated headers, so that there are at most five. Unauthorized has
    the same text for every cause.
    """
    keys = header_keys(request.headers, DATA_HEADERS)
    if (key := query_key(request.scope)) is not None and key not in keys:
        keys.append(key)
    failure: GatewayError | None = None
    for key in keys:
        try:
            caller = await services.authenticator.authenticate(key, request.address)
        except Unauthorized:
            continue
        except AddressRefused as error:
            request.caller = error.caller
            failure = error
        except StoreUnavailable as error:
            failure = error
        else:
            request.caller = caller
            return caller
    raise failure or Unauthorized()


async def require_admin_key(request: ClientRequest, secrets: SecretSource) -> None:
    """Raise Unauthorized unless the request has the admin key; the system key is not accepted."""
    keys = header_keys(request.headers, KEY_HEADERS)
    if not keys:
        raise Unauthorized
    current = await secrets.current()
    if not any(current.is_admin_key(key) for key in keys):
        raise Unauthorized
