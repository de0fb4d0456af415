"""The request fields `tools` and `tool_choice`: which tools the model may or must call, and their parameters.

https://platform.openai.com/docs/api-reference/chat/create, `tools` and `tool_choice`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

Mode = Literal["auto", "none", "required"]
ANY_OBJECT: Json = {"type": "object", "properties": {}}
COMBINED = ("$ref", "anyOf", "oneOf", "allOf")  # keywords of schemas whose type is elsewhere


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """A parsed `tool_choice`. `names` are the allowed tools, None if all are allowed."""

    mode: Mode = "auto"
    names: frozenset[str] | None = None

    def filter_tools(self, tools: Iterable[Json]) -> list[Json]:
        """Return the tools that may be called. Raise InvalidRequest if no tool has an allowed name."""
        allowed = [tool for tool in tools if self.names is None or tool_name(tool) in self.names]
        if self.names is not None and not allowed:
            text = f"tool_choice names {', '.join(sorted(self.names))}, which is not in tools"
            raise InvalidRequest(text, param="tool_choice")
        return allowed


def parse_tool_choice(value: object) -> ToolChoice:
    """Return the choice that a `tool_choice` expresses. Raise InvalidRequest if its form is unknown."""
    match value:
        case None | "auto":
            return ToolChoice()
        case "none":
            return ToolChoice("none")
        case "required" | "any":
            return ToolChoice("required")
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("required", frozenset({name}))
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            mode: Mode = "required" if rest.get("mode") == "required" else "auto"
            return ToolChoice(mode, _allowed_names(allowed))
        case _:
            raise InvalidRequest("tool_choice has an unknown form", param="tool_choice")


def drop_lone_tool_fields(body: Json, changes: list[Change]) -> None:
    """Remove from `body`, which the caller owns, the fields about tools if it has no tool.

    OpenAI rejects each of them without tools, an empty list included.
    """
    if body.get("tools"):
        return
    choice = body.get("tool_choice")
    if choice not in (None, "auto", "none"):
        changes.append(Change("tool_choice", "dropped", "there is no tool to call", was=choice))
    for name in ("tools", "tool_choice", "parallel_tool_calls"):
        body.pop(name, None)


def tool_name(tool: Json) -> str | None:
    """Return the name of a function tool, None if the tool is no function."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def fill_parameters(body: Json) -> None:
    """Give every function of a request an object's schema, in place: some providers reject an empty one."""
    tools = body.get("tools")
    if isinstance(tools, list):
        body["tools"] = [_fill_tool(tool) for tool in tools]


def _fill_tool(tool: Json) -> Json:
    if _has_properties(tool):  # as most do
        return tool
    match tool:
        case {"function": dict() as function}:
            parameters = fill_schema(function.get("parameters"))
            if parameters is function.get("parameters"):
                return tool
            return {**tool, "function": {**function, "parameters": parameters}}
        case _:
            return tool


def _has_properties(tool: Json) -> bool:
    function = tool.get("function") if type(tool) is dict else None
    parameters = function.get("parameters") if type(function) is dict else None
    return type(parameters) is dict and "type" in parameters and "properties" in parameters


def fill_schema(parameters: object) -> Json:
    """Return the schema of a function's parameters: an object's, unless it refers to another schema."""
    if not isinstance(parameters, dict):
        return dict(ANY_OBJECT)
    is_complete = {"type", "properties"} <= parameters.keys() or any(name in parameters for name in COMBINED)
    return parameters if is_complete else {**ANY_OBJECT, **parameters}


def parameter_schema(parameters: object, path: str) -> Json:
    """Return the schema with `"type": "object"`. Raise InvalidRequest for the tool at `path` otherwise."""
    if parameters is None or parameters == {}:
        return dict(ANY_OBJECT)
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object", param=f"{path}.function.parameters")
    return parameters if parameters.get("type") == "object" else {**parameters, "type": "object"}


def _allowed_names(allowed: list[object]) -> frozenset[str]:
    names = [tool_name(tool) if isinstance(tool, dict) else None for tool in allowed]
    if not names or None in names:
        raise InvalidRequest("every allowed tool needs a name", param="tool_choice.allowed_tools.tools")
    return frozenset(name for name in names if name is not None)
