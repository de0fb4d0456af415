"""A checked row of the catalog as a `Provider`. Light: every cold start makes some seventy of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from vaultcore.catalog import address, offer
from vaultcore.catalog.schema import Auth, Provider
from vaultcore.wire import Json

ON = ("true", "1", "yes", "on")


def provider(name: str, row: Json, environ: Mapping[str, str]) -> Provider:
    """The provider a row describes. `params`, else the environment, fill the placeholders of its URL."""
    fields: Json = {key: _BUILD[key](value) if key in _BUILD else value for key, value in row.items()}
    params = {**_from_environment(row.get("placeholders", {}), environ), **fields.pop("params", {})}
    fields.pop("superseded", None)
    if params:
        fields["base_url"] = address.fill(row["base_url"], params)
        if "auth" in fields:
            region = address.fill(fields["auth"].region, params)
            fields["auth"] = replace(fields["auth"], region=region)
    if isinstance(variable := row.get("keyless"), str):
        fields["keyless"] = environ.get(variable, "").strip().lower() in ON
    return Provider(name=name, **fields)


def _from_environment(
    placeholders: Mapping[str, str | list[str]], environ: Mapping[str, str]
) -> dict[str, str]:
    """Values fit to fill in; others were set for another program, and the provider stays unfilled."""
    given = {
        name: next((value for each in _several(told) if (value := environ.get(each, "").strip())), "")
        for name, told in placeholders.items()
    }
    bare = {name: value.removeprefix("https://").rstrip("/") for name, value in given.items()}
    return {name: value for name, value in bare.items() if address.usable(value)}


def _several(variables: str | list[str]) -> list[str]:
    return [variables] if isinstance(variables, str) else variables


def _in_words(placeholders: Mapping[str, str | list[str]]) -> dict[str, str]:
    return {name: " or ".join(_several(told)) for name, told in placeholders.items()}


_BUILD: Mapping[str, Callable[[Any], Any]] = {
    "placeholders": _in_words,
    "auth": lambda auth: Auth(**auth),
    "env": tuple,
    "prefixes": tuple,
    "static_models": tuple,
    "aliases": tuple,
    "clamp": lambda ranges: {name: (least, most) for name, (least, most) in ranges.items()},
    "formats": tuple,
    "tool_choices": tuple,
    "keeps": tuple,
    "drop": frozenset,
    "embeddings": offer.offers,
    "images": offer.offers,
    "also": frozenset,
}
