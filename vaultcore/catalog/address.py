"""The address of a provider: what a base URL may be, and how its placeholders are filled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 2_048

_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # nothing that could end a host or a path
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LABEL = re.compile(r"[a-z0-9_{][a-z0-9_{}-]*")  # of a host name; urlsplit has made it lower case
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/{}-]*")


def check(url: str, *, local: bool) -> str:
    """A base URL without its trailing slash; ValueError says what is wrong with it."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be plain ASCII without blanks")
    if len(url) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    try:
        split = urlsplit(url)
    except ValueError:
        raise ValueError("is no URL") from None
    if split.scheme not in {"https", "http"}:
        raise ValueError("must begin with https://")
    if split.username is not None or split.password is not None:
        raise ValueError("must not carry a user name or password: keys belong in the vault")
    if "?" in url or "#" in url:
        raise ValueError("must have no query and no fragment: keys never travel in URLs")
    _check_host(split, local=local)
    if not _PATH.fullmatch(split.path) or ".." in split.path.split("/"):
        raise ValueError("has a path that is not plain")
    _check_placeholders(url)
    return url.rstrip("/")


def placeholders(url: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(url) if name)


def fill(url: str, params: Mapping[str, str]) -> str:
    """The URL with those placeholders filled for which there is a value."""
    for name in placeholders(url):
        if name in params:
            url = url.replace(f"{{{name}}}", params[name])
    return url


def usable(value: str) -> bool:
    """Whether a value can fill a placeholder without changing where the rest of the URL leads."""
    return len(value) <= 253 and ".." not in value and _VALUE.fullmatch(value) is not None


def without(url: str, endings: Iterable[str]) -> str:
    """The base URL of a full endpoint URL."""
    bare = url.rstrip("/")
    for ending in endings:
        if bare.endswith(ending):
            return bare.removesuffix(ending)
    return bare


def _check_host(split: SplitResult, *, local: bool) -> None:
    import ipaddress  # a cold start without an operator's file has nothing to check

    host = split.hostname or ""
    try:
        port = split.port
    except ValueError:
        raise ValueError("has a port that is no port") from None
    if port == 0:
        raise ValueError("has a port that is no port")
    loopback = host == "localhost" or host.endswith(".localhost")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        if _numeric(labels[-1]) or not all(_LABEL.fullmatch(label) for label in labels):
            raise ValueError("has no proper host name") from None
    else:
        ip = getattr(ip, "ipv4_mapped", None) or ip
        loopback = ip.is_loopback
        if ip.is_link_local or ip.is_unspecified or ip.is_multicast:
            raise ValueError("points to an address no provider has")
    if split.scheme == "http" and not (local and loopback):
        raise ValueError(
            "must be https; plain http is for `local: true` on this machine (127.0.0.1, localhost)"
        )
    if loopback and not local:
        raise ValueError("points to this machine; say `local: true` if that is meant")


def _numeric(label: str) -> bool:
    """Whether a last label makes resolvers read the name as a number: 2130706433, 0x7f.1, 127.1."""
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _check_placeholders(url: str) -> None:
    try:
        fields = list(Formatter().parse(url))
    except ValueError:
        raise ValueError("has a brace without its partner") from None
    for _, name, spec, conversion in fields:
        if name is not None and (not _NAME.fullmatch(name) or spec or conversion):
            raise ValueError("has a placeholder that is no plain name, like {account_id}")
