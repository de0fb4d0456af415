"""Builds the HTTP request to a provider: URL, headers, body, and authentication."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from vaultcore.errors import Fault
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


async def build_request(
    candidate: Candidate,
    path: str,
    content: bytes | None,
    client_headers: Mapping[str, str],
    *,
    accept: str,
    content_type: str = "application/json",
    signer: RequestSigner,
) -> httpx.Request:
    """Return the request for a path below the provider's base URL; a GET if there is no content.

    Raises UpstreamError if key or catalog row do not make a valid request.
    """
    provider = candidate.target.provider
    is_signed = SCHEMES[provider.auth.scheme](candidate.credential.key)
    try:
        fields = build_headers(
            provider,
            candidate.credential,
            accept=accept,
            content_type=content_type,
            client_headers=client_headers,
        )
    except InvalidProviderRequest as error:
        reason, fault = str(error), Fault.KEY
    else:
        try:
            url = provider_url(provider.base_url, path, allow_http=provider.local)
            request = httpx.Request(
                "GET" if content is None else "POST", url, headers=fields, content=content
            )
            request.headers = HiddenHeaders(request.headers)  # httpx copies them into headers with a repr
            if not is_signed:
                return request
            return await signer.sign(request, provider.auth, candidate.credential.key)
        except NoCredentials as error:
            reason, fault = str(error), Fault.KEY
        except (InvalidProviderRequest, httpx.InvalidURL) as error:
            reason, fault = str(error), Fault.HOST
    raise errors.unsendable_error(candidate, reason, fault)
