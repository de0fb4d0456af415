"""Base URLs of providers: which are allowed, and how their {placeholders} are filled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 2_048  # characters of a base URL
MAX_VALUE = 253  # characters of a placeholder's value: the longest host name (RFC 1035)

_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # cannot end a host name or a path
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LABEL = re.compile(r"[a-z0-9_{][a-z0-9_{}-]*")  # of a host name; urlsplit converts it to lower case
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/{}-]*")


def check(url: str, *, local: bool) -> str:
    """Return a base URL without its trailing slash; raise ValueError with the reason if it is not allowed.

    `local` allows plain http to loopback addresses.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be printable ASCII without spaces")
    if len(url) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    try:
        split = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    if split.scheme not in {"https", "http"}:
        raise ValueError("must begin with https://")
    if split.username is not None or split.password is not None:
        raise ValueError("must not contain a user name or a password; keys belong in the vault")
    if "?" in url or "#" in url:
        raise ValueError("must not have a query or a fragment; keys never travel in URLs")
    _check_host(split, local=local)
    if not _PATH.fullmatch(split.path) or ".." in split.path.split("/"):
        raise ValueError("has a path with unsupported characters or with ..")
    _check_placeholders(url)
    return url.rstrip("/")


def placeholders(url: str) -> tuple[str, ...]:
    """Return the names of the placeholders, in order."""
    return tuple(name for _, name, _, _ in Formatter().parse(url) if name)


def fill(url: str, params: Mapping[str, str]) -> str:
    """Return the URL with the placeholders replaced that have a value in `params`."""
    for name in placeholders(url):
        if name in params:
            url = url.replace(f"{{{name}}}", params[name])
    return url


def is_plain_value(value: str) -> bool:
    """Return True if a value can fill a placeholder without changing the host or path around it."""
    return len(value) <= MAX_VALUE and ".." not in value and _VALUE.fullmatch(value) is not None


def strip_endpoint(url: str, endings: Iterable[str]) -> str:
    """Return the base URL of a full endpoint URL: the URL without the first ending that it has."""
    bare = url.rstrip("/")
    for ending in endings:
        if bare.endswith(ending):
            return bare.removesuffix(ending)
    return bare


def _check_host(split: SplitResult, *, local: bool) -> None:
    import ipaddress  # not needed at a cold start without an overlay file

    host = split.hostname or ""
    try:
        port = split.port
    except ValueError:
        raise ValueError("has an invalid port") from None
    if port == 0:
        raise ValueError("has an invalid port")
    loopback = host == "localhost" or host.endswith(".localhost")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        if _is_numeric(labels[-1]) or not all(_LABEL.fullmatch(label) for label in labels):
            raise ValueError("has an invalid host name") from None
    else:
        ip = getattr(ip, "ipv4_mapped", None) or ip
        loopback = ip.is_loopback
        if ip.is_link_local or ip.is_unspecified or ip.is_multicast:
            raise ValueError("points to a link-local, unspecified or multicast address")
    if split.scheme == "http" and not (local and loopback):
        raise ValueError(
            "must be https; plain http is allowed only with `local: true` and a loopback address (127.0.0.1)"
        )
    if loopback and not local:
        raise ValueError("points to this machine; set `local: true` to allow that")


def _is_numeric(label: str) -> bool:
    """Return True if resolvers read a name with this last label as a number: 2130706433, 0x7f.1, 127.1."""
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _check_placeholders(url: str) -> None:
    try:
        fields = list(Formatter().parse(url))
    except ValueError:
        raise ValueError("has an unbalanced brace") from None
    for _, name, spec, conversion in fields:
        if name is not None and (not _NAME.fullmatch(name) or spec or conversion):
            raise ValueError("has a placeholder that is not a plain name such as {account_id}")
