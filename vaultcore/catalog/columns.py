"""Reads the columns of a catalog row from YAML. The dataclass fields in schema.py declare the columns.

A field's name is the key, in snake_case or in camelCase. Its type selects the reader. Its metadata may add:

    choices  the values allowed, or the keys and values of a mapping
    range    least and greatest integer
    format   a reader of formats.py, for values with a format of their own
    alias    the key in files of the original VaultEdge (TypeScript)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vaultcore.catalog.document import ConfigNode
from vaultcore.catalog.formats import FORMATS
from vaultcore.wire import Json

Reader = Callable[[ConfigNode], Any]


def nodes_by_column(node: ConfigNode, row: type) -> dict[str, ConfigNode]:
    """Return the values of a mapping by column, in the file's order.

    Raises ConfigError for an unknown key, and for a column that is set twice in two spellings.
    """
    spellings = _spellings(row)
    nodes: dict[str, ConfigNode] = {}
    for key, value in node.mapping(spellings).items():
        if spellings[key] in nodes:
            raise value.error(f"repeats {spellings[key]}; keep one of the two spellings")
        nodes[spellings[key]] = value
    return nodes


def read_column(row: type, name: str, node: ConfigNode) -> Any:
    """Return a column's value as JSON; raise ConfigError if it is not of the column's type."""
    return _readers(row)[name](node)


@cache
def _spellings(row: type) -> Mapping[str, str]:
    """Return the column of every spelling: `base_url`, `baseUrl`, and the alias, if any."""
    spellings: dict[str, str] = {}
    for column in fields(row):
        camel = re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), column.name)
        for key in (column.name, camel, column.metadata.get("alias", camel)):
            spellings[key] = column.name
    return spellings


@cache
def _readers(row: type) -> Mapping[str, Reader]:
    hints = get_type_hints(row)
    return {column.name: _reader(hints[column.name], column.metadata) for column in fields(row)}


def _reader(kind: Any, rules: Mapping[str, Any]) -> Reader:
    """Return the reader of a type, as the metadata `rules` refine it."""
    choices: tuple[str, ...] = rules.get("choices", ())
    match _required(kind):
        case _ if "format" in rules:
            reader: Reader = FORMATS[rules["format"]]
        case type() as scalar if scalar is bool:
            reader = ConfigNode.flag
        case type() as scalar if scalar is int:
            least, most = rules["range"]
            reader = partial(ConfigNode.whole, least=least, most=most)
        case type():  # str
            reader = partial(ConfigNode.choice, allowed=choices) if choices else ConfigNode.text
        case required:
            reader = _generic_reader(required, rules, choices)
    return reader


def _generic_reader(kind: Any, rules: Mapping[str, Any], choices: tuple[str, ...]) -> Reader:
    """Return the reader of a Literal, tuple, frozenset or mapping."""
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is Literal:
        return partial(ConfigNode.choice, allowed=arguments)
    if origin in {tuple, frozenset} and not choices:
        return ConfigNode.texts
    if origin is tuple:
        return partial(_read_choices, allowed=choices)
    if origin is frozenset:
        return partial(_read_choice_set, allowed=choices)
    return partial(_read_mapping, keys=choices or None, value=_entry_reader(arguments[1], rules))


def _required(kind: Any) -> Any:
    """Return X for `X | None`."""
    members = [member for member in get_args(kind) if member is not type(None)]
    return members[0] if type(None) in get_args(kind) and len(members) == 1 else kind


def _entry_reader(value: Any, rules: Mapping[str, Any]) -> Reader:
    """Return the reader of a mapping's values: any JSON, pairs of numbers, or one of the types above."""
    if value is Any:
        return ConfigNode.plain
    if get_origin(value) is tuple:
        return _read_bounds
    return _reader(value, rules)


def _read_mapping(node: ConfigNode, keys: Collection[str] | None, value: Reader) -> Json:
    return {name: value(entry) for name, entry in node.mapping(keys).items()}


def _read_choices(node: ConfigNode, allowed: tuple[str, ...]) -> list[str]:
    return [item.choice(allowed) for item in node.items_or_self()]


def _read_choice_set(node: ConfigNode, allowed: tuple[str, ...]) -> list[str]:
    """Sorted, so that equal sets compile to equal bytes."""
    return sorted(set(_read_choices(node, allowed)))


def _read_bounds(node: ConfigNode) -> list[int | float]:
    bounds = [item.plain() for item in node.items()]
    numbers = [each for each in bounds if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(bounds) != 2 or len(numbers) != 2 or numbers[0] > numbers[1]:
        raise node.error("must be two numbers: the least and the greatest value")
    return numbers
