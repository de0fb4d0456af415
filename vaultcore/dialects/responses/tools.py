"""Tools and `tool_choice`. Chat completions nest the definition of a tool; Responses does not.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects.tools import fill_schema
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesTool


def render_tools(tools: list[Json]) -> list[ResponsesTool]:
    """Return the tools. Only function and custom tools change: others are the provider's own."""
    return [_render_tool(tool) for tool in tools]


def render_tool_choice(value: object) -> str | Json:
    """Return the choice without nesting. Raise InvalidRequest if its form is unknown."""
    match value:
        case str():
            return "required" if value == "any" else value
        case {"type": "function" | "custom" as kind, **named}:
            return _render_name(dict(named), kind)
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            names = [
                _render_name(tool, tool.get("type", "function")) for tool in allowed if isinstance(tool, dict)
            ]
            return {"type": "allowed_tools", "mode": rest.get("mode", "auto"), "tools": names}
        case _:
            raise InvalidRequest("tool_choice has an unknown form", param="tool_choice")


def _render_tool(tool: Json) -> ResponsesTool:
    match tool:
        case {"type": "custom", "custom": dict() as custom}:
            return _render_custom(custom)
        case {"function": dict() as function} if tool.get("type", "function") == "function":
            parameters = fill_schema(function.get("parameters"))
            flat: ResponsesTool = {
                "type": "function",
                "name": function.get("name"),
                "parameters": parameters,
            }
            if function.get("description"):
                flat["description"] = function["description"]
            return {**flat, "strict": function.get("strict") is True}  # the default of Responses is True
        case _:
            return cast("ResponsesTool", tool)


def _render_custom(custom: Json) -> ResponsesTool:
    flat: ResponsesTool = {"type": "custom", "name": custom.get("name")}
    if custom.get("description"):
        flat["description"] = custom["description"]
    match custom.get("format"):
        case {"type": "grammar", "grammar": dict() as grammar}:
            flat["format"] = {"type": "grammar", **grammar}
        case dict() as other:
            flat["format"] = other
    return flat


def _render_name(tool: object, kind: object) -> Json:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return {"type": kind, "name": name}
        case _:
            raise InvalidRequest("tool_choice must name a tool", param="tool_choice")
