"""What a provider's row says of embeddings and images: a format's name, a stanza about one, or several.

The first that fits a model's name is taken. `none` says that there are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vaultcore.catalog.document import Part
from vaultcore.catalog.schema import Auth, Offer
from vaultcore.wire import Json

FORMATS: Mapping[str, Mapping[str, Json]] = {  # every format, and what a stanza about it need not say
    "embeddings": {
        "openai": {"path": "/embeddings", "batch": 2_048},
        "gemini": {"path": "/models/{model}:batchEmbedContents", "batch": 100},
        "cohere": {"path": "/v2/embed", "batch": 96},
        "titan": {"path": "/model/{model}/invoke", "batch": 1},
    },
    "images": {
        "openai": {"path": "/images/generations", "batch": 10},
        "gemini": {
            "path": "/models/{model}:generateContent",
            "batch": 1,
            "gives": "b64_json",
            "size": "ratio",
        },
        "imagen": {"path": "/models/{model}:predict", "batch": 4, "gives": "b64_json", "size": "ratio"},
        "bfl": {"path": "/{model}", "batch": 1, "gives": "url", "size": "pixels"},
        "fireworks": {
            "path": "/workflows/{+model}/text_to_image",
            "batch": 1,
            "gives": "b64_json",
            "size": "ratio",
        },
        "stability": {"path": "/model/{model}/invoke", "batch": 1, "gives": "b64_json", "size": "ratio"},
        "canvas": {"path": "/model/{model}/invoke", "batch": 5, "gives": "b64_json", "size": "pixels"},
    },
}

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~:@-]|\{\+?model\})+)+")
_HOST = re.compile(r"\.?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_RATIO = re.compile(r"\d{1,2}(?:\.\d)?:\d{1,2}(?:\.\d)?")


def parse(part: Part, kind: str, auth: Callable[[Part], Json]) -> list[Json]:
    """The offers of a row as plain JSON; `auth` reads a stanza's key of that name."""
    if part.value == "none":
        return []
    items = part.items() if isinstance(part.value, list) else [part]
    return [_offer(item, kind, auth) for item in items]


def offers(rows: Iterable[Json]) -> tuple[Offer, ...]:
    """A row's offers as a provider has them."""
    return tuple(
        Offer(**{key: _BUILD[key](value) if key in _BUILD else value for key, value in row.items()})
        for row in rows
    )


def _offer(part: Part, kind: str, auth: Callable[[Part], Json]) -> Json:
    given = {"format": part} if isinstance(part.value, str) else part.mapping({*_KEYS, "auth", "format"})
    if "format" not in given:
        raise part.refuse("has no format")
    name = given["format"].choice(FORMATS[kind])
    row: Json = {"format": name, **FORMATS[kind][name]}
    for key, value in given.items():
        if key != "format":
            row[key] = auth(value) if key == "auth" else _KEYS[key](value)
    return row


def _path(part: Part) -> str:
    if not _PATH.fullmatch(part.text()):
        raise part.refuse("must be a plain path that begins with /; {model} stands for the model's name")
    return part.text()


def _hosts(part: Part) -> list[str]:
    if not all(map(_HOST.fullmatch, part.texts())):
        raise part.refuse(
            "must be names of hosts, in lower case; one that begins with a dot means all below it"
        )
    return part.texts()


def _ratios(part: Part) -> list[str]:
    if not all(map(_RATIO.fullmatch, part.texts())):
        raise part.refuse("must be ratios like 16:9")
    return part.texts()


def _words(part: Part) -> Json:
    return {name: value.text() for name, value in part.mapping().items()}


def _values(part: Part) -> Json:
    return {name: _words(value) for name, value in part.mapping().items()}


def _scales(part: Part) -> Json:
    return {name: value.whole(least=64, most=65_536) for name, value in part.mapping().items()}


def _plain(part: Part) -> object:
    return {name: value.plain() for name, value in part.mapping().items()}


_KEYS: Mapping[str, Callable[[Part], Any]] = {
    "path": _path,
    "when": Part.texts,
    "strip": Part.texts,
    "hosts": _hosts,
    "batch": lambda part: part.whole(least=1, most=10_000),
    "tokens": Part.flag,
    "gives": lambda part: part.choice(("url", "b64_json")),
    "size": lambda part: part.choice(("size", "pixels", "ratio")),
    "step": lambda part: part.whole(least=1, most=256),
    "ratios": _ratios,
    "scales": _scales,
    "rename": _words,
    "values": _values,
    "drop": Part.texts,
    "refuse": Part.texts,
    "defaults": _plain,
}
_BUILD: Mapping[str, Callable[[Any], Any]] = {
    "auth": lambda auth: Auth(**auth),
    "when": tuple,
    "strip": tuple,
    "hosts": tuple,
    "ratios": tuple,
    "drop": frozenset,
    "refuse": frozenset,
}
