"""Merges a client's settings into a file that exists. The user's other settings stay."""

from __future__ import annotations

import json
import tomllib
from typing import cast

from vaultcore.cli.connect.client import ConfigFile
from vaultcore.cli.connect.text import render
from vaultcore.wire import Json

IDENTITIES = ("id", "model_id", "name")  # fields by which an item of a list is replaced


class CannotMerge(Exception):
    """The file cannot be changed without a risk for what it has."""

    def __init__(self, reason: str, *, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


def merge_text(existing: str, file: ConfigFile, content: object) -> str:
    """Return the file's new text. Raises CannotMerge."""
    if not existing.strip():
        return render(content, file.format)
    try:
        match file.format:
            case "json":
                return render(merge(json.loads(existing), content), "json")
            case "toml":
                return _merge_toml(existing, cast(Json, content))
            case "dotenv":
                return _merge_dotenv(existing, cast(Json, content))
            case _:
                import yaml

                return render(merge(yaml.safe_load(existing), content), "yaml")
    except ValueError as error:  # of json and tomllib
        raise _unreadable(file) from error
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise _unreadable(file) from error
        raise


def merge(existing: object, content: object) -> object:
    """Return `existing` with the fields of `content`: objects by name, list items by their identity."""
    match existing, content:
        case dict(), dict():
            merged = {name: merge(existing[name], each) for name, each in content.items() if name in existing}
            return {**existing, **content, **merged}
        case list(), list():
            remaining = [each for each in existing if not any(_is_same(each, new) for new in content)]
            return [*remaining, *content]
        case _:
            return content


def _is_same(one: object, other: object) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one == other
    return any(name in one and one[name] == other.get(name) for name in IDENTITIES)


def _merge_dotenv(existing: str, content: Json) -> str:
    lines = [line for line in existing.splitlines() if line.partition("=")[0].strip() not in content]
    return "\n".join([*lines, render(content, "dotenv")])


def _merge_toml(existing: str, content: Json) -> str:
    """Return the text with changed top-level values and replaced tables; comments stay.

    The result is parsed and compared with the merged values, so that no other value changes.
    """
    lines = existing.splitlines()
    end = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    values = {name: value for name, value in content.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    top = [line for line in lines[:end] if line.partition("=")[0].strip() not in values]
    before = "\n".join([*top, ""]).lstrip("\n") if any(line.strip() for line in top) else ""
    below = "\n".join(_without_tables(lines[end:], _table_names(tables))).rstrip("\n")
    parts = [before + render(values, "toml").strip("\n"), below, render(tables, "toml").strip("\n")]
    merged = "\n\n".join(part for part in parts if part) + "\n"
    remainder = tomllib.loads(existing)
    for name in _table_names(tables):
        _drop_values(remainder, name.split("."))
    if tomllib.loads(merged) != merge(remainder, content):
        raise ValueError("the tables have a form that is not replaced")
    return merged


def _table_names(tables: Json, path: str = "") -> set[str]:
    """Return the names of the tables that have values: those that `render` writes."""
    names: set[str] = set()
    for name, table in tables.items():
        place = f"{path}.{name}" if path else name
        if any(not isinstance(value, dict) for value in table.values()):
            names.add(place)
        names |= _table_names(
            {each: value for each, value in table.items() if isinstance(value, dict)}, place
        )
    return names


def _drop_values(table: Json, path: list[str]) -> None:
    """Remove the values of the table at a path, not the tables in it. `table` was parsed here."""
    for name in path:
        table = table.get(name, {})
    for name in [name for name, value in table.items() if not isinstance(value, dict)]:
        del table[name]


def _without_tables(lines: list[str], names: set[str]) -> list[str]:
    remaining, is_kept = [], True
    for line in lines:
        if line.lstrip().startswith("["):
            is_kept = line.strip().strip("[]").strip() not in names
        if is_kept:
            remaining.append(line)
    return remaining


def _unreadable(file: ConfigFile) -> CannotMerge:
    return CannotMerge(
        f"{file.name} cannot be merged: it has comments or a form that is not understood",
        hint="without --write, the command prints what to add",
    )
