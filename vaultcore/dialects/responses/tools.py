"""Tools and the choice among them: what chat completions nest, Responses have flat."""

from __future__ import annotations

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json


def render_tools(tools: list[Json]) -> list[Json]:
    """The tools, flat. One that is neither a function nor custom is the provider's own, and passes."""
    return [_tool(tool) for tool in tools]


def render_choice(told: object) -> object:
    match told:
        case str():
            return "required" if told == "any" else told
        case {"type": "function" | "custom" as kind, **named}:
            return _named(dict(named), kind)
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            names = [_named(tool, tool.get("type", "function")) for tool in allowed if isinstance(tool, dict)]
            return {"type": "allowed_tools", "mode": rest.get("mode", "auto"), "tools": names}
        case _:
            raise InvalidRequest("tool_choice is none that is known", param="tool_choice")


def _tool(tool: Json) -> Json:
    match tool:
        case {"type": "custom", "custom": dict() as custom}:
            return _custom(custom)
        case {"function": dict() as function} if tool.get("type", "function") == "function":
            parameters = function.get("parameters") or {"type": "object", "properties": {}}
            flat: Json = {"type": "function", "name": function.get("name"), "parameters": parameters}
            if function.get("description"):
                flat["description"] = function["description"]
            return {**flat, "strict": function.get("strict") is True}  # there the default is true
        case _:
            return tool


def _custom(custom: Json) -> Json:
    flat: Json = {"type": "custom", "name": custom.get("name")}
    if custom.get("description"):
        flat["description"] = custom["description"]
    match custom.get("format"):
        case {"type": "grammar", "grammar": dict() as grammar}:
            flat["format"] = {"type": "grammar", **grammar}
        case dict() as told:
            flat["format"] = told
    return flat


def _named(told: object, kind: object) -> Json:
    match told:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return {"type": kind, "name": name}
        case _:
            raise InvalidRequest("tool_choice names no tool", param="tool_choice")
