"""The columns of a stanza that say where an OpenAI-compatible provider strays from OpenAI's API, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from vaultcore.catalog.document import Part
from vaultcore.catalog.schema import Reasoning
from vaultcore.wire import Json

ROLES = ("system", "developer", "user", "assistant", "tool")
FORMATS = ("text", "json_object", "json_schema")
CHOICES = ("auto", "none", "required", "function", "allowed_tools")
KEEPS = ("cache_control", "extra_content", "is_error")
REPLAYS = ("reasoning_content", "reasoning", "reasoning_details", "none")


def _roles(part: Part) -> Json:
    roles: Json = {}
    for name, value in part.mapping(ROLES).items():
        roles[name] = value.choice(ROLES)
    return roles


def _clamp(part: Part) -> Json:
    """By field, the least and the most."""
    ranges: Json = {}
    for name, value in part.mapping().items():
        bounds = [item.plain() for item in value.items()]
        numbers = [
            bound for bound in bounds if isinstance(bound, int | float) and not isinstance(bound, bool)
        ]
        if len(bounds) != 2 or len(numbers) != 2 or numbers[0] > numbers[1]:
            raise value.refuse("must be two numbers, the least and the most")
        ranges[name] = numbers
    return ranges


def _several(allowed: tuple[str, ...]) -> Callable[[Part], list[str]]:
    def parse(part: Part) -> list[str]:
        items = part.items() if isinstance(part.value, list) else [part]
        return [item.choice(allowed) for item in items]

    return parse


KEYS: Mapping[str, Callable[[Part], Any]] = {
    "roles": _roles,
    "flatten": Part.flag,
    "clamp": _clamp,
    "max_stop": lambda part: part.whole(least=1, most=1_000),
    "formats": _several(FORMATS),
    "tool_choices": _several(CHOICES),
    "reasoning": lambda part: part.choice(get_args(Reasoning)),
    "replay": lambda part: part.choice(REPLAYS),
    "keeps": _several(KEEPS),
    "functions": Part.flag,
    "think_tags": Part.flag,
}
