"""A checked row of the catalog as a `Provider`. Light: every cold start makes some seventy of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vaultcore.catalog import address, offer
from vaultcore.catalog.schema import Auth, Provider
from vaultcore.wire import Json


def provider(name: str, row: Json, environ: Mapping[str, str]) -> Provider:
    """The provider a row describes. `params`, else the environment, fill the placeholders of its URL."""
    fields: Json = {key: _BUILD[key](value) if key in _BUILD else value for key, value in row.items()}
    params = {**_from_environment(row.get("placeholders", {}), environ), **fields.pop("params", {})}
    fields.pop("superseded", None)
    if params:
        fields["base_url"] = address.fill(row["base_url"], params)
    return Provider(name=name, **fields)


def _from_environment(placeholders: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Values fit to fill in; others were set for another program, and the provider stays unfilled."""
    given = {name: environ.get(variable, "").strip() for name, variable in placeholders.items()}
    bare = {name: value.removeprefix("https://").rstrip("/") for name, value in given.items()}
    return {name: value for name, value in bare.items() if address.usable(value)}


_BUILD: Mapping[str, Callable[[Any], Any]] = {
    "auth": lambda auth: Auth(**auth),
    "env": tuple,
    "prefixes": tuple,
    "static_models": tuple,
    "aliases": tuple,
    "drop": frozenset,
    "embeddings": offer.offers,
    "images": offer.offers,
    "also": frozenset,
}
