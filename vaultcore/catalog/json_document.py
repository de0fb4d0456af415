"""Overlay files that contain JSON, which is YAML as well: read without the YAML library.

Importing that library and reading a short file with it takes 20 ms or more. Only text that both
formats read alike is read here. Errors have no lines: `load.py` reads a file with an error again, as YAML.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from vaultcore.catalog.document import MAX_BYTES, MAX_DEPTH, ConfigNode

# YAML reads escaped surrogates as two characters, and allows no tab between values and no DEL.
DIFFERENT = ("\\u", "\t", "\x7f")


class _NotAlike(Exception):
    """YAML would read this text as something else, or reject it."""


def parse_json(data: bytes, file: str) -> ConfigNode | None:
    """Return the root of a JSON object; None for all other text, which has to be read as YAML."""
    text = data.decode("ascii", "replace")
    if len(data) > MAX_BYTES or not text.startswith("{") or not text.isascii():
        return None
    if any(each in text for each in DIFFERENT):
        return None
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_float=_parse_float, parse_constant=_parse_constant
        )
        return _build(value, file, "", MAX_DEPTH)
    except (ValueError, RecursionError, _NotAlike):
        return None


def _build(value: object, file: str, key: str, depth: int) -> ConfigNode:
    """Return the node of a value at path `key`, with fewer than `depth` levels below."""
    match value:
        case dict() | list() if depth <= 0:
            raise _NotAlike
        case dict():
            entries = {
                name: _build(each, file, f"{key}.{name}" if key else name, depth - 1)
                for name, each in value.items()
            }
            return ConfigNode(entries, file, 1, key)
        case list():
            items = [_build(each, file, f"{key}[{index}]", depth - 1) for index, each in enumerate(value)]
            return ConfigNode(items, file, 1, key)
        case str() | int() | float() | None:
            return ConfigNode(value, file, 1, key)
        case _:
            raise _NotAlike


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise _NotAlike
    return entries


def _parse_float(text: str) -> float:
    """Return a number with a point. YAML 1.1 reads `1e3` as text."""
    if "e" in text.lower():
        raise _NotAlike
    return float(text)


def _parse_constant(_text: str) -> float:
    raise _NotAlike  # NaN and Infinity are text in YAML
