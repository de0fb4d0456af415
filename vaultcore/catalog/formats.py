"""Readers of columns with a format of their own: names, headers, keys in headers, paths, placeholders.

Each takes a ConfigNode and returns plain JSON, or raises ConfigError. `FORMATS` lists them by the name that
a column's metadata uses in schema.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from vaultcore.catalog import address
from vaultcore.catalog.document import ConfigNode
from vaultcore.wire import Json

AUTH_SCHEMES: Mapping[str, Json] = {  # names in files of the original VaultEdge (TypeScript)
    "bearer": {"header": "authorization", "prefix": "Bearer "},
    "x-api-key": {"header": "x-api-key", "prefix": ""},
}

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, section 5.6.2
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_MEDIA_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~:@-]|\{\+?model\})+)+")
_HOST = re.compile(r"\.?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_RATIO = re.compile(r"\d{1,2}(?:\.\d)?:\d{1,2}(?:\.\d)?")
_RESERVED_HEADERS = {  # the gateway sets these itself
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
}


def parse_provider_name(node: ConfigNode, text: str) -> str:
    """Return a provider's name in lower case; raise ConfigError at `node` if it is not one."""
    name = text.lower()
    if not _PROVIDER_NAME.fullmatch(name):
        raise node.error("a provider's name may contain letters, digits, dots, dashes and underscores only")
    return name


def _provider_names(node: ConfigNode) -> list[str]:
    return [parse_provider_name(node, text) for text in node.texts()]


def _auth(node: ConfigNode) -> Json:
    """Return an Auth as JSON. Text names one of AUTH_SCHEMES."""
    if isinstance(node.value, str):
        if node.value.lower() == "query":
            raise node.error("keys never travel in URLs: use bearer or x-api-key")
        return AUTH_SCHEMES[node.choice(AUTH_SCHEMES)]
    entries = node.mapping({"header", "prefix", "scheme", "service", "region"})
    if "scheme" in entries:
        return _signature_auth(node, entries)
    if "header" not in entries:
        raise node.error("has no header; name the header that carries the key")
    header = _header_name(entries["header"], entries["header"].text())
    prefix = entries.get("prefix")
    if prefix is None:
        return {"header": header, "prefix": "Bearer " if header == "authorization" else ""}
    if not isinstance(prefix.value, str) or not _PRINTABLE.fullmatch(prefix.value):
        raise prefix.error("must be printable ASCII")
    return {"header": header, "prefix": prefix.value}


def _signature_auth(node: ConfigNode, entries: Mapping[str, ConfigNode]) -> Json:
    scheme = entries["scheme"].choice(("sigv4",))
    if sorted(entries) != ["region", "scheme", "service"]:
        raise node.error("must have a scheme, a service and a region, and nothing else")
    if not address.is_plain_value(entries["service"].text()):
        raise entries["service"].error("is not the name of an AWS service")
    if not address.is_plain_value(entries["region"].text().strip("{}")):
        raise entries["region"].error("is not a region; name one, or write {region} if base_url contains it")
    return {"scheme": scheme, "service": entries["service"].text(), "region": entries["region"].text()}


def _headers(node: ConfigNode) -> Json:
    headers: Json = {}
    for name, value in node.mapping().items():
        lower = _header_name(value, name)
        if lower in _RESERVED_HEADERS:
            raise value.error("is set by the gateway itself; remove it. Keys belong in the vault")
        if not _PRINTABLE.fullmatch(value.text()):
            raise value.error("must be printable ASCII")
        headers[lower] = value.text()
    return headers


def _header_name(node: ConfigNode, name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise node.error("is not a valid header name")
    return name.lower()


def _params(node: ConfigNode) -> Json:
    params = {name: value.text() for name, value in node.mapping().items()}
    for name, value in node.mapping().items():
        if not address.is_plain_value(params[name]):
            raise value.error("may contain letters, digits, dots, dashes and underscores only")
    return params


def _variables(node: ConfigNode) -> list[str]:
    names = node.texts()
    if not all(_VARIABLE.fullmatch(name) for name in names):
        raise node.error("is not the name of an environment variable")
    return names


def _placeholders(node: ConfigNode) -> Json:
    """Return the variables of each placeholder: one name, or a list of several."""
    variables = {name: _variables(value) for name, value in node.mapping().items()}
    return {name: names if len(names) > 1 else names[0] for name, names in variables.items()}


def _flag_or_variable(node: ConfigNode) -> bool | str:
    """Return true or false, or the environment variable that switches it on."""
    return node.flag() if isinstance(node.value, bool) else _variables(node)[0]


def _models_path(node: ConfigNode) -> str | None:
    """Return a path or a URL, or None for a provider that lists no models."""
    if node.value is None:
        return None
    text = node.text()
    if not text.startswith(("/", "https://", "http://")) or "?" in text or "#" in text:
        raise node.error("must be a path that begins with / and has no query")
    return text


def _prefixes(node: ConfigNode) -> list[str]:
    """Return prefixes without the star that may end them in files of the original VaultEdge."""
    prefixes = [text.rstrip("*") for text in node.texts()]
    if not all(prefixes):
        raise node.error("contains an empty prefix, which every model name begins with")
    return prefixes


def _media_path(node: ConfigNode) -> str:
    if not _MEDIA_PATH.fullmatch(node.text()):
        raise node.error("must be a plain path that begins with /; {model} stands for the model's name")
    return node.text()


def _hosts(node: ConfigNode) -> list[str]:
    if not all(map(_HOST.fullmatch, node.texts())):
        raise node.error("must be host names in lower case; a leading dot includes all subdomains")
    return node.texts()


def _ratios(node: ConfigNode) -> list[str]:
    if not all(map(_RATIO.fullmatch, node.texts())):
        raise node.error("must be aspect ratios such as 16:9")
    return node.texts()


FORMATS: Mapping[str, Callable[[ConfigNode], Any]] = {
    "auth": _auth,
    "flag or variable": _flag_or_variable,
    "headers": _headers,
    "hosts": _hosts,
    "media path": _media_path,
    "models path": _models_path,
    "params": _params,
    "placeholders": _placeholders,
    "prefixes": _prefixes,
    "provider names": _provider_names,
    "ratios": _ratios,
    "variables": _variables,
}
