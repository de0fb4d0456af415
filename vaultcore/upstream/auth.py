"""The URL and the headers of a request to a provider: constants, the catalog row's, and the key.

A key that signs is in no header; see `signing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

import httpx

from vaultcore.catalog.schema import Provider, Scheme
from vaultcore.upstream.signing import is_pair
from vaultcore.vault.keyring import Credential

USER_AGENT = "vaultedge/0.1"
LISTS = ("anthropic-beta",)  # headers with a list as value
NO_HEADERS: Mapping[str, str] = {}
SCHEMES: Mapping[
    Scheme, Callable[[str], bool]
] = {  # returns True if a key signs; else it is sent in a header
    "header": lambda _: False,
    "sigv4": lambda key: not key or is_pair(key),
}

_VISIBLE = re.compile(r"[\x21-\x7e]+")  # characters of a key
_FIELD = re.compile(r"[\x20-\x7e]*")  # characters of a header value in the catalog


class InvalidProviderRequest(Exception):
    """A catalog row or key does not make a valid request. The message shows neither key nor header value."""


def build_headers(
    provider: Provider,
    credential: Credential,
    *,
    accept: str,
    content_type: str = "application/json",
    client_headers: Mapping[str, str] = NO_HEADERS,
) -> httpx.Headers:
    """Return all headers of a request. Raises InvalidProviderRequest for invalid characters.

    `client_headers` are those of the client that its API forwards. They replace those of the row, except for
    `operator_headers`, and none of the gateway's own.
    """
    row = {name.lower(): value for name, value in provider.headers.items()}
    fields = {
        "accept": accept,
        "accept-encoding": "identity",
        "content-type": content_type,
        "user-agent": USER_AGENT,
        **row,
        **_client_fields(provider, row, client_headers),
    }
    for name, value in fields.items():
        if not (_VISIBLE.fullmatch(name) and _FIELD.fullmatch(value)):
            raise InvalidProviderRequest(f"header {name!r} of the provider's row has invalid characters")
    if SCHEMES[provider.auth.scheme](credential.key):
        return HiddenHeaders(fields)
    if credential.key:
        if not _VISIBLE.fullmatch(credential.key):
            raise InvalidProviderRequest("the key has characters that a header cannot contain")
        auth = provider.auth
        return HiddenHeaders({**fields, auth.header.lower(): auth.prefix + credential.key})
    if not provider.local:
        raise InvalidProviderRequest("the key is empty")
    return httpx.Headers(fields)


def _client_fields(
    provider: Provider, row: Mapping[str, str], client_headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the client's headers that the row allows; lists are joined with those of the row."""
    allowed = {
        name: value
        for name, value in client_headers.items()
        if not any(fnmatchcase(name, pattern) for pattern in provider.operator_headers)
    }
    joined = {name: f"{row[name]},{allowed[name]}" for name in LISTS if name in row and name in allowed}
    return {**allowed, **joined}


class HiddenHeaders(httpx.Headers):
    """Headers whose repr shows no values: the header with the key may have any name."""

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"


@lru_cache(maxsize=1_024)
def provider_url(base_url: str, path: str, *, allow_http: bool) -> httpx.URL:
    """Return the URL of a path below a provider's base URL.

    Raises InvalidProviderRequest if the URL is outside the base URL's host and path. `allow_http` permits
    http without TLS, for rows of the operator's own machine.
    """
    base, url = httpx.URL(base_url), httpx.URL(base_url + path)
    if url.scheme not in ({"https", "http"} if allow_http else {"https"}):
        raise InvalidProviderRequest("its base URL must start with https://")
    is_same_host = (base.scheme, base.host, base.port, b"") == (url.scheme, url.host, url.port, url.userinfo)
    if not (
        is_same_host and url.host and url.path.startswith(base.path.rstrip("/") + "/") and not url.fragment
    ):
        raise InvalidProviderRequest("the request's URL leaves the provider's base URL")
    return url
