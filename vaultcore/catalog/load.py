"""Loads the catalog: the built-in providers and models (JSON) and the operator's overlay file (YAML).

tools/build_providers.py and tools/build_models.py compile the JSON files. docs/providers.md describes the
overlay file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.models import Models
from vaultcore.catalog.row import build_provider
from vaultcore.catalog.schema import Provider
from vaultcore.errors import ConfigError
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.catalog.document import ConfigNode

NOTHING: Mapping[str, str] = {}


def load_builtin(environ: Mapping[str, str] = NOTHING) -> Catalog:
    """Return the built-in catalog. `environ` fills placeholders, for example from CLOUDFLARE_ACCOUNT_ID."""
    return _catalog(builtin_rows(), environ)


def load(path: Path | None = None, environ: Mapping[str, str] = NOTHING) -> Catalog:
    """Return the built-in catalog with the overlay file at `path` applied.

    Raises ConfigError with file, line and key.
    """
    if path is None:
        return load_builtin(environ)
    from vaultcore.catalog.document import MAX_BYTES  # imported only when an overlay is used

    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None
    return load_bytes(data, str(path), environ)


def load_bytes(data: bytes, file: str, environ: Mapping[str, str] = NOTHING) -> Catalog:
    """Return the catalog of an overlay's bytes; `file` is its name in errors. Raises ConfigError."""
    # YAML and the checks are imported only when an overlay is used, YAML only if it is not JSON.
    from vaultcore.catalog.json_document import parse_json

    root = parse_json(data, file)
    if root is not None:
        with suppress(ConfigError):  # raised again below, with its line
            return _apply(root, environ)
    from vaultcore.catalog.document import parse

    return _apply(parse(data, file), environ)


def _apply(root: ConfigNode, environ: Mapping[str, str]) -> Catalog:
    from vaultcore.catalog.overlay import Overlay

    overlay = Overlay(root, builtin_rows())
    return overlay.apply_to(_catalog(overlay.rows(), environ))


def builtin_rows() -> dict[str, Json]:
    """Return the rows of the built-in providers by name, in order of preference."""
    return cast("dict[str, Json]", _read("providers.json")["providers"])


def _catalog(rows: Mapping[str, Json], environ: Mapping[str, str]) -> Catalog:
    compiled = _read("models.json")
    providers: dict[str, Provider] = {name: build_provider(name, row, environ) for name, row in rows.items()}
    return Catalog(providers, Models.from_json(compiled), price_version=compiled["price_version"])


def _read(name: str) -> Json:
    return cast(Json, json.loads(Path(__file__).with_name(name).read_bytes()))
