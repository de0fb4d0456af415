"""Reads the catalog: the built-in files, compiled to JSON, and the operator's overlay, which is YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.models import Models
from vaultcore.catalog.row import provider
from vaultcore.catalog.schema import Provider
from vaultcore.errors import ConfigError
from vaultcore.wire import Json

NOTHING: Mapping[str, str] = {}


def builtin(environ: Mapping[str, str] = NOTHING) -> Catalog:
    """The catalog as it is shipped. The environment may fill placeholders: CLOUDFLARE_ACCOUNT_ID, ..."""
    return _catalog(builtin_rows(), environ)


def load(path: Path | None = None, environ: Mapping[str, str] = NOTHING) -> Catalog:
    """The built-in catalog under the operator's file, or ConfigError naming file, line and key."""
    if path is None:
        return builtin(environ)
    try:
        with path.expanduser().open("rb") as file:
            data = file.read((1 << 20) + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None
    return overlaid(data, str(path), environ)


def overlaid(data: bytes, file: str, environ: Mapping[str, str] = NOTHING) -> Catalog:
    """As `load`, of a file's bytes."""
    # Only who has a file of their own pays for YAML and its checks.
    from vaultcore.catalog.document import parse
    from vaultcore.catalog.overlay import Overlay

    overlay = Overlay(parse(data, file), builtin_rows())
    return overlay.over(_catalog(overlay.rows(), environ))


def builtin_rows() -> dict[str, Json]:
    """The built-in providers as checked rows, in order of preference."""
    return cast("dict[str, Json]", _read("providers.json")["providers"])


def _catalog(rows: Mapping[str, Json], environ: Mapping[str, str]) -> Catalog:
    compiled = _read("models.json")
    providers: dict[str, Provider] = {name: provider(name, row, environ) for name, row in rows.items()}
    return Catalog(providers, Models.from_json(compiled), price_version=compiled["price_version"])


def _read(name: str) -> Json:
    return cast(Json, json.loads(Path(__file__).with_name(name).read_bytes()))
