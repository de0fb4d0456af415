"""A checked row of the catalog as a `Provider`. Light: every cold start makes some seventy of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vaultcore.catalog import address
from vaultcore.catalog.schema import Auth, Provider
from vaultcore.errors import ConfigError
from vaultcore.wire import Json


def provider(name: str, row: Json, environ: Mapping[str, str]) -> Provider:
    """The provider a row describes. `params`, else the environment, fill the placeholders of its URL."""
    fields: Json = {key: _BUILD[key](value) if key in _BUILD else value for key, value in row.items()}
    params = {**_from_environment(row.get("placeholders", {}), environ), **fields.pop("params", {})}
    if params:
        fields["base_url"] = address.fill(row["base_url"], params)
    return Provider(name=name, **fields)


def _from_environment(placeholders: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, variable in placeholders.items():
        value = environ.get(variable, "").strip()
        if value and not address.usable(value):
            raise ConfigError("may have letters, digits, dots, dashes and underscores only", key=variable)
        if value:
            found[name] = value
    return found


_BUILD: Mapping[str, Callable[[Any], Any]] = {
    "auth": lambda auth: Auth(**auth),
    "env": tuple,
    "prefixes": tuple,
    "static_models": tuple,
    "aliases": tuple,
    "drop": frozenset,
}
