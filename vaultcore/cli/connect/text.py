"""Configuration files as text: JSON, TOML, YAML and dotenv."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import cast

from vaultcore.wire import Json


def render(content: object, format: str) -> str:
    """Return the text of a file."""
    match format:
        case "json":
            return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        case "toml":
            return "\n".join(_toml_lines(cast(Json, content), ())) + "\n"
        case "dotenv":
            return "".join(f"{name}={value}\n" for name, value in cast(Json, content).items())
        case _:
            import yaml

            return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def render_exports(environment: Mapping[str, str]) -> str:
    """Return `export` lines for a POSIX shell. A value that begins with `$` is a variable."""
    return "".join(f"export {name}={_quote(value)}\n" for name, value in environment.items())


def _quote(value: str) -> str:
    return f'"{value}"' if value.startswith("$") else shlex.quote(value)


def _toml_lines(table: Json, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: its values, then its tables. https://toml.io/en/v1.0.0"""
    values = {name: value for name, value in table.items() if not isinstance(value, dict)}
    if path and values:
        yield ""
        yield f"[{'.'.join(path)}]"
    for name, value in values.items():
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}"  # of any type but a date
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _toml_lines(value, (*path, name))
