"""A request as it leaves: its address, its headers, its body, and the proof of who asks."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from vaultcore.errors import Fault, InvalidRequest
from vaultcore.routing.plan import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.auth import SCHEMES, Hidden, Unsendable, address, headers
from vaultcore.upstream.signing import Signer, Unsigned
from vaultcore.wire import Json


async def outgoing(
    candidate: Candidate,
    path: str,
    body: Json | None,
    more: Mapping[str, str],
    *,
    accept: str,
    signer: Signer,
) -> httpx.Request:
    """The request for a path below the provider's base, a GET where there is no body.

    Raises `UpstreamError` where there can be none.
    """
    provider, content = candidate.target.provider, None if body is None else _encode(body)
    signs = SCHEMES[provider.auth.scheme](candidate.credential.key)
    try:
        fields = headers(provider, candidate.credential, accept=accept, more=more)
    except Unsendable as error:
        reason, fault = str(error), Fault.KEY
    else:
        try:
            url = address(provider.base_url, path, plain=provider.local)
            request = httpx.Request("GET" if body is None else "POST", url, headers=fields, content=content)
            request.headers = Hidden(request.headers)  # httpx copies them into headers that show
            if not signs:
                return request
            return await signer.signed(request, provider.auth, candidate.credential.key)
        except Unsigned as error:
            reason, fault = str(error), Fault.KEY
        except (Unsendable, httpx.InvalidURL) as error:
            reason, fault = str(error), Fault.HOST
    raise errors.unsendable(candidate, reason, fault)


def _encode(body: Json) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        reason = "holds a lone surrogate, which no encoding can carry"
    except (ValueError, RecursionError):
        reason = "holds a value that JSON has no word for"
    raise InvalidRequest(f"the request {reason}")
