"""Tools as chat completions have them. A custom tool, of plain text, becomes a function of one string."""

from __future__ import annotations

import json

from vaultcore.client_apis.chat_validation import TOOL_NAME
from vaultcore.dialects.json_fields import dump
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

INPUT = "input"  # the one parameter of a custom tool as a function
SEARCHES = ("web_search", "web_search_preview")
LARGEST = "the tool's whole input, as plain text"


def parse_tools(told: object) -> list[Json]:
    """The functions and the custom tools. A provider's own tools are left to `losses`."""
    tools = [_checked(tool, i) for i, tool in enumerate(_list(told))]
    found = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    seen: set[str] = set()
    for i, tool in enumerate(found):
        if tool is not None and (name := tool["function"]["name"]) in seen:
            raise InvalidRequest(f"two tools are called {name}", param=f"tools[{i}].name")
        seen |= {tool["function"]["name"]} if tool else set()
    return [tool for tool in found if tool is not None]


def customs(body: Json) -> frozenset[str]:
    """The names of the tools whose input is plain text."""
    tools = body.get("tools")
    tools = tools if isinstance(tools, list) else []
    return frozenset(str(tool.get("name")) for tool in tools if tool.get("type") == "custom")


def parse_search(body: Json) -> Json | None:
    """What to search the web with, where one of the tools is to do so."""
    tools = [tool for tool in _list(body.get("tools")) if isinstance(tool, dict) and searches(tool)]
    if not tools:
        return None
    found: Json = {}
    if tools[0].get("search_context_size"):
        found["search_context_size"] = tools[0]["search_context_size"]
    if isinstance(place := tools[0].get("user_location"), dict):
        inner = {name: value for name, value in place.items() if name != "type" and value is not None}
        found["user_location"] = {"type": "approximate", "approximate": inner}
    return found


def searches(tool: Json) -> bool:
    """Whether a tool is a search of the web, whichever version."""
    return str(tool.get("type")).startswith(SEARCHES)


def parse_choice(told: object) -> object:
    match told:
        case None | "auto" | "none" | "required":
            return told
        case {"type": "function" | "custom", "name": str(name)}:
            return {"type": "function", "function": {"name": name}}
        case {"type": "allowed_tools", "tools": list() as allowed, **rest}:
            names = [{"type": "function", "function": {"name": name}} for name in _names(allowed)]
            mode = {"mode": rest.get("mode") or "auto", "tools": names}
            return {"type": "allowed_tools", "allowed_tools": mode} if names else None
        case {"type": str()}:
            return None  # a tool of the provider's own
        case _:
            raise InvalidRequest("tool_choice is none that is known", param="tool_choice")


def wrap(text: str) -> str:
    """A custom tool's input as the arguments of its function."""
    return dump({INPUT: text})


def unwrap(arguments: str) -> str:
    """The input in a function's arguments; all of them where they are not as they should be."""
    try:
        told = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    match told:
        case {"input": str(text)}:
            return text
        case _:
            return arguments


def _list(told: object) -> list[object]:
    if told is None:
        return []
    if not isinstance(told, list):
        raise InvalidRequest("tools must be a list", param="tools", code="invalid_type")
    return told


def _checked(tool: object, i: int) -> Json:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise InvalidRequest("a tool needs a type", param=f"tools[{i}].type")
    return tool


def _tool(tool: Json, path: str) -> Json | None:
    match tool["type"]:
        case "function":
            return {"type": "function", "function": _function(tool, path)}
        case "custom":
            return {"type": "function", "function": _custom(tool, path)}
        case _:
            return None


def _function(tool: Json, path: str) -> Json:
    names = ("description", "parameters", "strict")
    found = {name: tool[name] for name in names if tool.get(name) is not None}
    return {"name": _name(tool, path), **found}


def _custom(tool: Json, path: str) -> Json:
    said = tool.get("description")
    described = [text for text in (said, _grammar(tool.get("format"))) if isinstance(text, str) and text]
    parameters: Json = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": LARGEST}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    function: Json = {"name": _name(tool, path), "parameters": parameters}
    return {**function, "description": "\n\n".join(described)} if described else function


def _grammar(told: object) -> str:
    match told:
        case {"type": "grammar", "syntax": str(syntax), "definition": str(definition)}:
            return f"The input must match this {syntax} grammar:\n{definition}"
        case _:
            return ""


def _name(tool: Json, path: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str):
        raise InvalidRequest(f"{path}.name must be a string", param=f"{path}.name", code="invalid_type")
    if not TOOL_NAME.fullmatch(name):
        told = f"{path}.name must have 1 to 64 letters, digits, underscores or hyphens"
        raise InvalidRequest(told, param=f"{path}.name")
    return name


def _names(allowed: list[object]) -> list[str]:
    return [tool["name"] for tool in allowed if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
