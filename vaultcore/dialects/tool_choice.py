"""`tool_choice` in all its forms, as what it comes to: whether tools must be called, and which may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

Mode = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Choice:
    """How tools are to be used; `names` are those that may be, where not all of them."""

    mode: Mode = "auto"
    names: frozenset[str] | None = None

    def among(self, tools: Iterable[Json]) -> list[Json]:
        """The tools that may be called. Raises where none is left that was named."""
        kept = [tool for tool in tools if self.names is None or name_of(tool) in self.names]
        if self.names is not None and not kept:
            told = f"tool_choice names {', '.join(sorted(self.names))}, which is not among the tools"
            raise InvalidRequest(told, param="tool_choice")
        return kept


def choice(told: object) -> Choice:
    """What a `tool_choice` asks for. Raises InvalidRequest where it is none that is known."""
    match told:
        case None | "auto":
            return Choice()
        case "none":
            return Choice("none")
        case "required" | "any":
            return Choice("required")
        case {"type": "function", "function": {"name": str(name)}}:
            return Choice("required", frozenset({name}))
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            return Choice("required" if rest.get("mode") == "required" else "auto", _names(allowed))
        case _:
            raise InvalidRequest("tool_choice is none that is known", param="tool_choice")


def name_of(tool: Json) -> str | None:
    """The name of a function that is a tool."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _names(allowed: list[object]) -> frozenset[str]:
    names = [name_of(tool) if isinstance(tool, dict) else None for tool in allowed]
    if not names or None in names:
        raise InvalidRequest("an allowed tool needs a name", param="tool_choice.allowed_tools.tools")
    return frozenset(name for name in names if name is not None)
