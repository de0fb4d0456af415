"""Builds a `Provider` from a checked row. Runs for every built-in provider at a cold start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from vaultcore.catalog import address
from vaultcore.catalog.schema import Auth, MediaOffer, Provider
from vaultcore.wire import Json

ON = ("true", "1", "yes", "on")


def build_provider(name: str, row: Json, environ: Mapping[str, str]) -> Provider:
    """Return the provider of a row. The row's `params`, else `environ`, fill the placeholders."""
    columns: Json = _convert(row, _PROVIDER)
    params = {**_from_environment(columns.get("placeholders", {}), environ), **row.get("params", {})}
    if params:
        columns["base_url"] = address.fill(row["base_url"], params)
        if "auth" in columns:
            region = address.fill(columns["auth"].region, params)
            columns["auth"] = replace(columns["auth"], region=region)
    if isinstance(variable := row.get("keyless"), str):
        columns["keyless"] = environ.get(variable, "").strip().lower() in ON
    return Provider(name=name, **columns)


def _from_environment(placeholders: Mapping[str, tuple[str, ...]], environ: Mapping[str, str]) -> Json:
    """Return the value of each placeholder's first variable that is set.

    A value that is not plain is ignored: another program may use the variable for something else.
    """
    values: Json = {}
    for name, variables in placeholders.items():
        value = next((text for each in variables if (text := environ.get(each, "").strip())), "")
        bare = value.removeprefix("https://").rstrip("/")
        if address.is_plain_value(bare):
            values[name] = bare
    return values


def _convert(row: Json, converters: Mapping[str, Callable[[Any], Any]]) -> Json:
    return {key: converters[key](value) if key in converters else value for key, value in row.items()}


def _offers(rows: list[Json]) -> tuple[MediaOffer, ...]:
    return tuple(MediaOffer(**_convert(row, _MEDIA_OFFER)) for row in rows)


def _variables(placeholders: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: (each,) if isinstance(each, str) else tuple(each) for name, each in placeholders.items()}


def _bounds(ranges: Mapping[str, list[float]]) -> dict[str, tuple[float, float]]:
    return {name: (least, most) for name, (least, most) in ranges.items()}


def _converters(row: type) -> Mapping[str, Callable[[Any], Any]]:
    """Return what turns JSON into a column's type, by the annotation; other columns stay as they are.

    Annotations are text here: evaluating them would cost each cold start about a millisecond.
    """
    kinds: Mapping[str, Callable[[Any], Any]] = {
        "Auth": lambda auth: Auth(**auth),
        "tuple[str, ...]": tuple,
        "frozenset[str]": frozenset,
        "tuple[MediaOffer, ...]": _offers,
        "Mapping[str, tuple[str, ...]]": _variables,
        "Mapping[str, tuple[float, float]]": _bounds,
    }
    columns = {name: str(kind).removesuffix(" | None") for name, kind in row.__annotations__.items()}
    return {name: kinds[kind] for name, kind in columns.items() if kind in kinds}


_PROVIDER = _converters(Provider)
_MEDIA_OFFER = _converters(MediaOffer)
