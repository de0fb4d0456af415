"""Where a request goes and the headers it carries: constants, the catalog's and the key. No client's.

A key that signs stands in no header; see signing.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import httpx

from vaultcore.catalog.schema import Provider, Scheme
from vaultcore.upstream.signing import is_pair
from vaultcore.vault.keyring import Credential

USER_AGENT = "vaultedge/0.1"
NOTHING: Mapping[str, str] = {}
SCHEMES: Mapping[Scheme, Callable[[str], bool]] = {  # whether a key signs, or else stands in the header
    "header": lambda _: False,
    "sigv4": lambda key: not key or is_pair(key),
}

_VISIBLE = re.compile(r"[\x21-\x7e]+")  # what a key may consist of
_FIELD = re.compile(r"[\x20-\x7e]*")  # what a header of the catalog's may consist of


class Unsendable(Exception):
    """A row or a key that no request can be made of. The message shows neither key nor header."""


def headers(
    provider: Provider, credential: Credential, *, accept: str, more: Mapping[str, str] = NOTHING
) -> httpx.Headers:
    """All headers of a request; `Unsendable` where the key or a header of the row cannot stand in one.

    `more` are those of the client's that its surface lets through; none of them replaces one of ours.
    """
    fields = {
        **more,
        "accept": accept,
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        **{name.lower(): value for name, value in provider.headers.items()},
    }
    for name, value in fields.items():
        if not (_VISIBLE.fullmatch(name) and _FIELD.fullmatch(value)):
            raise Unsendable(
                f"header {name!r} of the provider's row holds characters that no header can carry"
            )
    if SCHEMES[provider.auth.scheme](credential.key):
        return Hidden(fields)
    if credential.key:
        if not _VISIBLE.fullmatch(credential.key):
            raise Unsendable("the key holds characters that no header can carry")
        auth = provider.auth
        return Hidden({**fields, auth.header.lower(): auth.prefix + credential.key})
    if not provider.local:
        raise Unsendable("the key is empty")
    return httpx.Headers(fields)


class Hidden(httpx.Headers):
    """Headers whose repr shows no value: the one with the key may have any name."""

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"


@lru_cache(maxsize=1_024)
def address(base_url: str, path: str, *, plain: bool) -> httpx.URL:
    """The URL of a path below a provider's base, or `Unsendable` where it would lead anywhere else.

    `plain` permits http without TLS: rows of the operator's own machine.
    """
    base, url = httpx.URL(base_url), httpx.URL(base_url + path)
    if url.scheme not in ({"https", "http"} if plain else {"https"}):
        raise Unsendable("its base URL must begin with https://")
    pinned = (base.scheme, base.host, base.port, b"") == (url.scheme, url.host, url.port, url.userinfo)
    if not (pinned and url.host and url.path.startswith(base.path.rstrip("/") + "/") and not url.fragment):
        raise Unsendable("the address built for the request leads away from its base URL")
    return url
