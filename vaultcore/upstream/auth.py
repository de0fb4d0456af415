"""The headers of a request to a provider: constants, the catalog row's, the client's, and the key.

A key that signs is in no header; see `signing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from vaultcore.catalog.schema import Provider, Scheme
from vaultcore.upstream.signing import is_pair
from vaultcore.upstream.url import InvalidProviderRequest
from vaultcore.vault.keyring import Credential

USER_AGENT = "vaultedge/0.1"
LISTS = ("anthropic-beta",)  # headers with a list as value
FRAMING = ("content-length", "transfer-encoding")  # headers that belong to the connection's own code
NO_HEADERS: Mapping[str, str] = {}
SCHEMES: Mapping[
    Scheme, Callable[[str], bool]
] = {  # returns True if a key signs; else it is sent in a header
    "header": lambda _: False,
    "sigv4": lambda key: not key or is_pair(key),
}

_VISIBLE = re.compile(r"[\x21-\x7e]+")  # characters of a key
_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\x20-\x7e]*\r\n")  # RFC 9110, without obs-text
_LINES = re.compile(f"(?:{_LINE.pattern})*")


class HiddenHeaders(dict[str, str]):
    """Headers by name in lower case. The repr shows no values: the header with the key may have any name."""

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"

    __str__ = __repr__


def build_headers(
    provider: Provider,
    credential: Credential,
    *,
    accept: str,
    content_type: str = "application/json",
    client_headers: Mapping[str, str] = NO_HEADERS,
) -> HiddenHeaders:
    """Return all headers of a request but `host` and `content-length`.

    `client_headers` are those of the client that its API forwards. They replace those of the row, except for
    `operator_headers`, and none of the gateway's own. Raises InvalidProviderRequest for invalid characters.
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
    for name in FRAMING:
        fields.pop(name, None)
    header_lines(fields)
    return HiddenHeaders({**fields, **_key_field(provider, credential)})


def header_lines(fields: Mapping[str, str]) -> str:
    """Return header fields as they are sent. Raises InvalidProviderRequest for invalid characters."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    if _LINES.fullmatch(lines) and lines.count("\n") == len(fields):
        return lines
    name = next(name for name, value in fields.items() if not _LINE.fullmatch(f"{name}: {value}\r\n"))
    raise InvalidProviderRequest(f"header {name!r} of the provider's row has invalid characters")


def allowed_headers(provider: Provider, client_headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client's headers without those that only the operator sets, or the connection."""
    patterns = provider.operator_headers
    return {
        name: value
        for name, value in client_headers.items()
        if not (_is_operators(name, patterns) or name in FRAMING)
    }


@lru_cache(maxsize=1_024)
def _is_operators(name: str, patterns: tuple[str, ...]) -> bool:
    """Return True if a client must not set a header."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _key_field(provider: Provider, credential: Credential) -> dict[str, str]:
    """Return the header that contains the key, if one does."""
    auth = provider.auth
    if SCHEMES[auth.scheme](credential.key):
        return {}
    if credential.key:
        if not _VISIBLE.fullmatch(credential.key):
            raise InvalidProviderRequest("the key has characters that a header cannot contain")
        return HiddenHeaders({auth.header.lower(): auth.prefix + credential.key})
    if not provider.local:
        raise InvalidProviderRequest("the key is empty")
    return {}


def _client_fields(
    provider: Provider, row: Mapping[str, str], client_headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the client's headers that the row allows; lists are joined with those of the row."""
    allowed = allowed_headers(provider, client_headers)
    joined = {name: f"{row[name]},{allowed[name]}" for name in LISTS if name in row and name in allowed}
    return {**allowed, **joined}
