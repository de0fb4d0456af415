"""Builds the HTTP request to a provider: URL, headers, body, and authentication."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from vaultcore.errors import Fault, InvalidRequest
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.auth import (
    SCHEMES,
    HiddenHeaders,
    InvalidProviderRequest,
    build_headers,
    provider_url,
)
from vaultcore.upstream.signing import NoCredentials, RequestSigner
from vaultcore.wire import Json


async def build_request(
    candidate: Candidate,
    path: str,
    body: Json | None,
    client_headers: Mapping[str, str],
    *,
    accept: str,
    signer: RequestSigner,
) -> httpx.Request:
    """Return the request for a path below the provider's base URL; a GET if there is no body.

    Raises UpstreamError if key or catalog row do not make a valid request.
    """
    provider, content = candidate.target.provider, None if body is None else _encode(body)
    is_signed = SCHEMES[provider.auth.scheme](candidate.credential.key)
    try:
        fields = build_headers(provider, candidate.credential, accept=accept, client_headers=client_headers)
    except InvalidProviderRequest as error:
        reason, fault = str(error), Fault.KEY
    else:
        try:
            url = provider_url(provider.base_url, path, allow_http=provider.local)
            request = httpx.Request("GET" if body is None else "POST", url, headers=fields, content=content)
            request.headers = HiddenHeaders(request.headers)  # httpx copies them into headers with a repr
            if not is_signed:
                return request
            return await signer.sign(request, provider.auth, candidate.credential.key)
        except NoCredentials as error:
            reason, fault = str(error), Fault.KEY
        except (InvalidProviderRequest, httpx.InvalidURL) as error:
            reason, fault = str(error), Fault.HOST
    raise errors.unsendable_error(candidate, reason, fault)


def _encode(body: Json) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        reason = "contains a lone surrogate, which UTF-8 cannot encode"
    except (ValueError, RecursionError):
        reason = "contains a value that JSON cannot express"
    raise InvalidRequest(f"the request {reason}")
