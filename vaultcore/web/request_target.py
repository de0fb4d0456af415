"""The target of a request, in one spelling and without a key, before any other code reads it.

Clients put their base URL in front of a path that has a version already, or end it with a slash:
`/v1/v1/messages`, `//v1/messages` and `/v1/messages/` all mean `/v1/messages`. Google's clients may send the
key as `?key=`: https://ai.google.dev/api. It is cut from the query, so that no log, trace or error contains
it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, unquote_plus

from vaultcore.limits.virtual_key import PREFIX

PREFIXES = re.compile(r"/+(?:(v1|v1beta)/+)*")  # slashes and versions in front of a path; the last one counts
PLAIN = re.compile(r"/(v1|v1beta)/(?!/|v1/|v1beta/).*[^/]")  # one version in front, no slash at the end
OWN_PATHS = ("admin", "console")  # first segments of applications that read their paths themselves
KEYED_BASE = "/v1beta/"  # only here is a key in the query taken
KEY_NAMES = ("key", "$key")

_KEY = "vaultedge.query_key"  # in the ASGI scope

Scope = MutableMapping[str, Any]


def prepare(scope: Scope, *, accept_key: bool) -> None:
    """Normalize the path in an ASGI scope, and move a key out of its query.

    The scope is changed in place, because the server logs it too. `accept_key` keeps the key for
    `query_key`; without it the key is dropped.
    """
    root, path = str(scope.get("root_path", "")), str(scope["path"])
    inner = path.removeprefix(root) if root else path
    normalized = normalize_path(inner)
    if normalized != inner:
        scope["path"] = root + normalized
        scope["raw_path"] = quote(
            root + normalized, safe="/:@!$&'()*+,;=~-._", errors="surrogatepass"
        ).encode()
    if f"{normalized}/".startswith(KEYED_BASE):
        _remove_key(scope, accept_key=accept_key)


def normalize_path(path: str) -> str:
    """Return the path that a client means.

    >>> normalize_path("//v1/v1beta/models/")
    '/v1beta/models'
    """
    if PLAIN.fullmatch(path):  # nearly all
        return path
    start = PREFIXES.match(path)
    if start is None:
        return path
    version, rest = start[1], path[start.end() :]
    if not version and rest.partition("/")[0] in OWN_PATHS:
        return path
    return "/" + "/".join(part for part in (version, rest.rstrip("/")) if part)


def query_key(scope: Mapping[str, Any]) -> str | None:
    """Return the virtual key that the client sent in the query, or None."""
    key: str | None = scope.get(_KEY)
    return key


def _remove_key(scope: Scope, *, accept_key: bool) -> None:
    query, raw_path = scope.get("query_string") or b"", scope.get("raw_path") or b""
    rest, key = _split_key(query.decode("latin-1"))
    if rest.encode("latin-1") != query:
        scope["query_string"] = rest.encode("latin-1")
    if b"?" in raw_path:
        scope["raw_path"] = raw_path.partition(b"?")[0]
    if isinstance(event := scope.get("aws.event"), Mapping):
        scope["aws.event"] = _without_key(event)
    if accept_key and key is not None and key.startswith(PREFIX):
        scope[_KEY] = key


def _split_key(query: str) -> tuple[str, str | None]:
    """Return a query without its keys, and the first of them."""
    fields = [(field, *field.partition("=")[::2]) for field in query.split("&")]
    keys = [unquote_plus(value) for _, name, value in fields if unquote_plus(name) in KEY_NAMES]
    rest = [field for field, name, _ in fields if unquote_plus(name) not in KEY_NAMES]
    return "&".join(rest), keys[0] if keys else None


def _without_key(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a Lambda event without the keys in its query."""
    cleaned = dict(event)
    for field in ("queryStringParameters", "multiValueQueryStringParameters"):
        if isinstance(values := event.get(field), Mapping):
            cleaned[field] = {name: value for name, value in values.items() if name not in KEY_NAMES}
    if isinstance(raw := event.get("rawQueryString"), str):
        cleaned["rawQueryString"] = _split_key(raw)[0]
    return cleaned
