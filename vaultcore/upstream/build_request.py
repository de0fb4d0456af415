"""Builds the HTTP requests to providers: URL, headers, body, and authentication.

Most of a request's head is the same for all requests with one key, so it is prepared once. Of 82 calls that
httpx's requests, URLs and headers took per request, 10 are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from vaultcore.catalog.schema import Provider
from vaultcore.errors import Fault
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.auth import (
    SCHEMES,
    HiddenHeaders,
    allowed_headers,
    build_headers,
    header_lines,
)
from vaultcore.upstream.signing import NoCredentials, RequestSigner
from vaultcore.upstream.transport import TransportRequest
from vaultcore.upstream.url import InvalidProviderRequest, ProviderUrl, provider_url
from vaultcore.vault.keyring import Credential

MAX_PREPARED = 1_024  # rows and keys
MAX_NAMES = 64  # combinations of headers per row and key; clients choose some of them
PreparedKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class PreparedHeaders:
    """The headers of all requests to one row with one key, without those that depend on the request."""

    provider: Provider
    credential: Credential
    fields: HiddenHeaders
    lines: str = field(repr=False)
    is_signed: bool
    added: set[tuple[str, ...]] = field(default_factory=set)  # names of headers that a request may add

    def with_client(self, client_headers: Mapping[str, str]) -> HiddenHeaders:
        """Return the headers with those of a client. Raises InvalidProviderRequest."""
        return build_headers(
            self.provider,
            self.credential,
            accept=self.fields["accept"],
            content_type=self.fields["content-type"],
            client_headers=client_headers,
        )

    def is_of(self, provider: Provider, credential: Credential) -> bool:
        """Return True if neither the row nor the key has changed since."""
        return (self.provider is provider or self.provider == provider) and (
            self.credential is credential or self.credential == credential
        )


class RequestBuilder:
    """Builds requests, and remembers the headers of rows and keys."""

    def __init__(self) -> None:
        self._signer = RequestSigner()
        self._prepared: dict[PreparedKey, PreparedHeaders] = {}

    def build(
        self,
        candidate: Candidate,
        path: str,
        content: bytes | None,
        client_headers: Mapping[str, str],
        *,
        accept: str,
        content_type: str = "application/json",
        connect_timeout: float | None = None,
    ) -> TransportRequest:
        """Return the request for a path below the provider's base URL; a GET if there is no content.

        If it `is_unsigned`, it has to be signed. Raises UpstreamError if key or catalog row do not make a
        valid request.
        """
        provider, fault = candidate.target.provider, Fault.KEY
        try:
            prepared = self._prepare(provider, candidate.credential, accept, content_type)
            fault = Fault.HOST
            url = provider_url(provider.base_url, path, allow_http=provider.local)
            fault = Fault.KEY
            # No local variable holds the head: it would show the key to tools that print the locals.
            return TransportRequest(
                "GET" if content is None else "POST",
                url,
                _head(prepared, url, content, client_headers),
                content or b"",
                connect_timeout,
                provider.local,
                prepared.is_signed,
            )
        except InvalidProviderRequest as error:
            reason = str(error)
        raise errors.unsendable_error(candidate, reason, fault)

    async def sign(self, candidate: Candidate, request: TransportRequest) -> TransportRequest:
        """Return a signed request. Raises UpstreamError if there are no credentials to sign with."""
        try:
            return await self._signer.sign(request, candidate.target.provider.auth, candidate.credential.key)
        except NoCredentials as error:
            reason = str(error)
        raise errors.unsendable_error(candidate, reason, Fault.KEY)

    def _prepare(
        self, provider: Provider, credential: Credential, accept: str, content_type: str
    ) -> PreparedHeaders:
        key = (provider.name, credential.id, accept, content_type)
        prepared = self._prepared.get(key)
        if prepared is None or not prepared.is_of(provider, credential):
            fields = build_headers(provider, credential, accept=accept, content_type=content_type)
            prepared = PreparedHeaders(
                provider, credential, fields, header_lines(fields), is_signed(provider, credential)
            )
            self._prepared.pop(key, None)
            while len(self._prepared) >= MAX_PREPARED:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[key] = prepared
        return prepared


def is_signed(provider: Provider, credential: Credential) -> bool:
    """Return True if a request with this key is signed, and does not contain the key."""
    return SCHEMES[provider.auth.scheme](credential.key)


def _head(
    prepared: PreparedHeaders, url: ProviderUrl, content: bytes | None, client_headers: Mapping[str, str]
) -> bytes:
    """Return the head of a request, with the headers of its client. Raises InvalidProviderRequest."""
    lines = prepared.lines
    if client_headers:
        names = (*client_headers,)
        if names in prepared.added:
            lines += header_lines(client_headers)
        elif prepared.fields.keys().isdisjoint(client_headers):
            allowed = allowed_headers(prepared.provider, client_headers)
            lines += header_lines(allowed)
            if len(allowed) == len(names) and len(prepared.added) < MAX_NAMES:
                prepared.added.add(names)
        else:
            lines = header_lines(prepared.with_client(client_headers))
    host = "" if "host" in prepared.fields else f"host: {url.authority}\r\n"
    if content is None:
        return f"GET {url.target} HTTP/1.1\r\n{host}{lines}\r\n".encode("ascii")
    size = len(content)
    return f"POST {url.target} HTTP/1.1\r\n{host}{lines}content-length: {size}\r\n\r\n".encode("ascii")
