"""URLs of requests to providers: validated, and in the form in which they are sent (RFC 3986, RFC 9112)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from vaultcore.lazy_dataclass import dataclass

PORTS = {"http": 80, "https": 443}
MAX_URL = 65_536  # characters
_HOST = re.compile(r"[a-z0-9._~-]+")
_IN_PATH = "!$%&'()*+,-./:;=@[\\]^_|~"  # characters that are sent as they are, beside letters and digits
_IN_QUERY = _IN_PATH + "?`{}"


class InvalidProviderRequest(Exception):
    """A catalog row or key does not make a valid request. The message shows neither key nor header value."""


class Origin(NamedTuple):
    """Scheme, host and port: what connections are pooled by."""

    scheme: str
    host: str  # in lower case; an address of IPv6 without brackets
    port: int


@dataclass(frozen=True, slots=True)
class ProviderUrl:
    """A URL with a host. `str` returns it as it is sent."""

    origin: Origin
    authority: str  # value of the header `host`; a default port is omitted
    path: str  # percent-encoded
    query: str = ""  # percent-encoded, with its question mark

    @property
    def target(self) -> str:
        """Return the target of the request line."""
        return self.path + self.query

    def __str__(self) -> str:
        return f"{self.origin.scheme}://{self.authority}{self.path}{self.query}"


@lru_cache(maxsize=1_024)
def provider_url(base_url: str, path: str, *, allow_http: bool) -> ProviderUrl:
    """Return the URL of a path below a provider's base URL.

    Raises InvalidProviderRequest if the URL is outside the base URL's host and path. `allow_http` permits
    http without TLS, for rows of the operator's own machine.
    """
    base, url = parse_url(base_url), parse_url(base_url + path)
    if url.origin.scheme not in ({"https", "http"} if allow_http else {"https"}):
        raise InvalidProviderRequest("its base URL must start with https://")
    is_below = url.path.startswith(base.path.rstrip("/") + "/")
    if base.origin != url.origin or not is_below:
        raise InvalidProviderRequest("the request's URL leaves the provider's base URL")
    return url


def parse_url(text: str) -> ProviderUrl:
    """Return a URL of http or https, percent-encoded where needed. Raises InvalidProviderRequest.

    >>> str(parse_url("https://API.example.com:443/a b?q=é"))
    'https://api.example.com/a%20b?q=%C3%A9'
    """
    if len(text) > MAX_URL or any(character < " " or character == "\x7f" for character in text):
        raise InvalidProviderRequest("its URL is too long or has control characters")
    try:
        parts = urlsplit(text)
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        raise InvalidProviderRequest("its URL is invalid") from None
    if parts.scheme not in PORTS:
        raise InvalidProviderRequest("its base URL must start with https://")
    if not host or "@" in parts.netloc or "#" in text:
        raise InvalidProviderRequest("the request's URL leaves the provider's base URL")
    default = PORTS[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    return ProviderUrl(
        Origin(parts.scheme, host, port or default),
        bracketed if port in (None, default) else f"{bracketed}:{port}",
        _without_dots(_encode(parts.path, _IN_PATH) or "/"),
        f"?{_encode(parts.query, _IN_QUERY)}" if parts.query else "",
    )


def _ascii_host(host: str) -> str:
    """Return a host name in lower case and in its ASCII form. Raises ValueError."""
    if ":" in host:
        return str(ip_address(host))
    if not host.isascii():
        import idna  # rare, and takes 10 ms to import

        return idna.encode(host).decode("ascii")
    if host and not _HOST.fullmatch(host):
        raise ValueError("invalid characters in a host name")
    return host


def _without_dots(path: str) -> str:
    """Return an absolute path without its segments `.` and `..` (RFC 3986, section 5.2.4)."""
    if "/." not in path:
        return path
    segments: list[str] = []
    names = path.split("/")[1:]
    for name in names:
        if name == "..":
            del segments[-1:]
        elif name != ".":
            segments.append(name)
    if names[-1] in {".", ".."}:
        segments.append("")
    return "/" + "/".join(segments)


def _encode(text: str, safe: str) -> str:
    """Percent-encode what a request line cannot contain; existing escapes stay."""
    return quote(text, safe=safe)
