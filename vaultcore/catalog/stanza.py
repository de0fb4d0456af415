"""One provider's stanza: which keys it may have, in both spellings, and the row it makes.

A row is the stanza as plain JSON, snake_case, checked. The built-in rows are kept so in providers.json;
an operator's row is laid over the built-in one of that name, field by field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from vaultcore.catalog import address, offer, quirks
from vaultcore.catalog.document import Part
from vaultcore.wire import Json

ENDPOINTS: Mapping[str, tuple[str, ...]] = {  # every dialect, and what VaultEdge's baseUrl has after the base
    "openai": ("/chat/completions",),
    "anthropic": ("/messages",),
    "cohere": ("/chat/completions", "/chat"),
    "mistral": ("/chat/completions",),
    "responses": ("/responses",),
    "gemini": (),
    "bedrock": (),
}
CAMEL = {
    "baseUrl": "base_url",
    "authScheme": "auth",
    "modelsUrl": "models_path",
    "modelPrefixes": "prefixes",
    "fallbackOrder": "fallback_order",
    "staticModels": "static_models",
}
SCHEMES: Mapping[str, Json] = {
    "bearer": {"header": "authorization", "prefix": "Bearer "},
    "x-api-key": {"header": "x-api-key", "prefix": ""},
}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_OWNED = {
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
}


def parse_name(part: Part, text: str) -> str:
    """A provider's name in lower case."""
    name = text.lower()
    if not _NAME.fullmatch(name):
        raise part.refuse("a provider's name has letters, digits, dots, dashes and underscores")
    return name


def parse(part: Part, known: Mapping[str, Json]) -> Json:
    """The row that a stanza makes over what is `known` of that provider already."""
    given = _one_spelling(part)
    row: Json = dict(known)
    for key, value in given.items():
        row[key] = _KEYS[key](value)
    if "headers" in given and "headers" in known:
        row["headers"] = {**known["headers"], **row["headers"]}
    if "base_url" not in row:
        raise part.refuse("has no base_url")
    if "local" in given and "keyless" not in given:
        row["keyless"] = row["local"]  # an operator who names a local server means it to be called
    _settle_address(row, given, part)
    if row["base_url"] in known.get("superseded", ()):
        row.update({key: known[key] for key in ("base_url", "auth") if key in known})
    return row


def _one_spelling(part: Part) -> dict[str, Part]:
    given: dict[str, Part] = {}
    for key, value in part.mapping({*_KEYS, *CAMEL, "name"}).items():
        plain = CAMEL.get(key, key)
        if plain in given:
            raise value.refuse(f"says again what {plain} says")
        given[plain] = value
    given.pop("name", None)
    return given


def _settle_address(row: Json, given: Mapping[str, Part], part: Part) -> None:
    """What depends on several keys: the URL and, below it, the list of models."""
    place = given.get("base_url", part)
    url = address.without(row["base_url"], ENDPOINTS.get(row.get("dialect", "openai"), ()))
    try:
        row["base_url"] = address.check(url, local=row.get("local", False))
    except ValueError as error:
        raise place.refuse(str(error)) from None
    signed = row.get("auth", {}).get("region", "")  # may ask for what a base URL of one's own does not
    wanted = {*address.placeholders(row["base_url"]), *address.placeholders(signed)}
    for key in ("params", "placeholders"):
        if key in given and (strange := sorted(set(row[key]) - wanted)):
            raise given[key].refuse(f"names {strange[0]}, which base_url does not ask for")
    models = row.get("models_path")
    if (
        models is not None and "://" in models
    ):  # VaultEdge's full URL; one that lies elsewhere cannot be asked
        row["models_path"] = (
            models.removeprefix(row["base_url"]) if models.startswith(row["base_url"]) else None
        )


def _auth(part: Part) -> Json:
    if isinstance(part.value, str):
        if part.value.lower() == "query":
            raise part.refuse("keys never travel in URLs: use bearer or x-api-key")
        return SCHEMES[part.choice(SCHEMES)]
    given = part.mapping({"header", "prefix", "scheme", "service", "region"})
    if "scheme" in given:
        return _signed(part, given)
    if "header" not in given:
        raise part.refuse("has no header")
    header = _header_name(given["header"], given["header"].text())
    prefix = given.get("prefix")
    if prefix is None:
        return {"header": header, "prefix": "Bearer " if header == "authorization" else ""}
    if not isinstance(prefix.value, str) or not _PRINTABLE.fullmatch(prefix.value):
        raise prefix.refuse("must be printable ASCII")
    return {"header": header, "prefix": prefix.value}


def _signed(part: Part, given: Mapping[str, Part]) -> Json:
    """Auth by signature: what is signed for, and nothing that a header would need."""
    scheme = given["scheme"].choice(("sigv4",))
    if sorted(given) != ["region", "scheme", "service"]:
        raise part.refuse("must have a scheme, a service and a region")
    if not address.usable(given["service"].text()):
        raise given["service"].refuse("is no name of a service")
    if not address.usable(given["region"].text().strip("{}")):
        raise given["region"].refuse("is no region: write one, or {region} where the base URL asks for it")
    return {"scheme": scheme, "service": given["service"].text(), "region": given["region"].text()}


def _headers(part: Part) -> Json:
    headers: Json = {}
    for name, value in part.mapping().items():
        lower = _header_name(value, name)
        if lower in _OWNED:
            raise value.refuse("is not for a file: keys belong in the vault")
        if not _PRINTABLE.fullmatch(value.text()):
            raise value.refuse("must be printable ASCII")
        headers[lower] = value.text()
    return headers


def _header_name(part: Part, name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise part.refuse("is no name of a header")
    return name.lower()


def _params(part: Part) -> Json:
    params = {name: value.text() for name, value in part.mapping().items()}
    for name, value in part.mapping().items():
        if not address.usable(params[name]):
            raise value.refuse("may have letters, digits, dots, dashes and underscores")
    return params


def _variables(part: Part) -> list[str]:
    names = part.texts()
    if not all(_VARIABLE.fullmatch(name) for name in names):
        raise part.refuse("is no name of an environment variable")
    return names


def _placeholders(part: Part) -> Json:
    several = {name: _variables(value) for name, value in part.mapping().items()}
    return {name: names if len(names) > 1 else names[0] for name, names in several.items()}


def _keyless(part: Part) -> bool | str:
    """Yes or no, or the environment variable that says so."""
    return part.flag() if isinstance(part.value, bool) else _variables(part)[0]


def _models_path(part: Part) -> str | None:
    if part.value is None:
        return None
    text = part.text()
    if not text.startswith(("/", "https://", "http://")) or "?" in text or "#" in text:
        raise part.refuse("must be a path that begins with / and has no query")
    return text


def _prefixes(part: Part) -> list[str]:
    """VaultEdge's may end in a star, which says nothing more."""
    prefixes = [text.rstrip("*") for text in part.texts()]
    if not all(prefixes):
        raise part.refuse("has a prefix that every name begins with")
    return prefixes


def _aliases(part: Part) -> list[str]:
    return [parse_name(part, text) for text in part.texts()]


def _texts(part: Part) -> list[str]:
    return part.texts()


def _names(part: Part) -> Json:
    return {name: value.text() for name, value in part.mapping().items()}


def _dialects(part: Part) -> list[str]:
    """Names of dialects, in an order of their own, so that the same row gives the same bytes."""
    items = part.items() if isinstance(part.value, list) else [part]
    return sorted({item.choice(ENDPOINTS) for item in items})


def _plain(part: Part) -> object:
    return {name: value.plain() for name, value in part.mapping().items()}


_KEYS: Mapping[str, Callable[[Part], Any]] = {
    "title": Part.text,
    "base_url": Part.text,
    "dialect": lambda part: part.choice(ENDPOINTS),
    "also": _dialects,
    "framing": lambda part: part.choice(("sse", "eventstream")),
    "auth": _auth,
    "env": _variables,
    "prefixes": _prefixes,
    "static_models": _texts,
    "models_path": _models_path,
    "fallback_order": lambda part: part.whole(least=0, most=1_000_000),
    "headers": _headers,
    "rename": _names,
    "drop": _texts,
    "defaults": _plain,
    **quirks.KEYS,
    "local": Part.flag,
    "keyless": _keyless,
    "aliases": _aliases,
    "placeholders": _placeholders,
    "params": _params,
    "listed": Part.flag,
    "embeddings": lambda part: offer.parse(part, "embeddings", _auth),
    "images": lambda part: offer.parse(part, "images", _auth),
    "superseded": _texts,  # base URLs once in use that lead nowhere: a file that names one means the built-in
}
