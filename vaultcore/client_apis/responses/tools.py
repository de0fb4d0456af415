"""Tools of a Responses request as tools of chat completions.

A custom tool, whose input is plain text, becomes a function with one string parameter. Definitions:
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools.
"""

from __future__ import annotations

import json

from vaultcore.client_apis.chat_validation import TOOL_NAME
from vaultcore.dialects.json_fields import dump
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

INPUT = "input"  # the one parameter of a custom tool that became a function
INPUT_DESCRIPTION = "the tool's whole input, as plain text"
WEB_SEARCH_TYPES = ("web_search", "web_search_preview")


def parse_tools(value: object) -> list[Json]:
    """Return the functions and the custom tools; `unsupported_fields` reports a provider's own tools.

    Raises InvalidRequest.
    """
    tools = [_validate_tool(tool, i) for i, tool in enumerate(_list_or_empty(value))]
    functions = [_parse_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    names: set[str] = set()
    for i, function in enumerate(functions):
        if function is not None and (name := function["function"]["name"]) in names:
            raise InvalidRequest(f"two tools have the name {name}", param=f"tools[{i}].name")
        names |= {function["function"]["name"]} if function else set()
    return [function for function in functions if function is not None]


def custom_tool_names(body: Json) -> frozenset[str]:
    tools = body.get("tools")
    tools = tools if isinstance(tools, list) else []
    return frozenset(str(tool.get("name")) for tool in tools if tool.get("type") == "custom")


def parse_web_search(body: Json) -> Json | None:
    """Return `web_search_options` if a tool is a web search, else None."""
    tools = [
        tool for tool in _list_or_empty(body.get("tools")) if isinstance(tool, dict) and is_web_search(tool)
    ]
    if not tools:
        return None
    options: Json = {}
    if tools[0].get("search_context_size"):
        options["search_context_size"] = tools[0]["search_context_size"]
    if isinstance(location := tools[0].get("user_location"), dict):
        fields = {name: value for name, value in location.items() if name != "type" and value is not None}
        options["user_location"] = {"type": "approximate", "approximate": fields}
    return options


def is_web_search(tool: Json) -> bool:
    """Return True if a tool is a web search of any version."""
    return str(tool.get("type")).startswith(WEB_SEARCH_TYPES)


def parse_tool_choice(choice: object) -> object:
    match choice:
        case None | "auto" | "none" | "required":
            return choice
        case {"type": "function" | "custom", "name": str(name)}:
            return {"type": "function", "function": {"name": name}}
        case {"type": "allowed_tools", "tools": list() as allowed, **rest}:
            functions = [{"type": "function", "function": {"name": name}} for name in _names(allowed)]
            allowed_tools = {"mode": rest.get("mode") or "auto", "tools": functions}
            return {"type": "allowed_tools", "allowed_tools": allowed_tools} if functions else None
        case {"type": str()}:
            return None  # a tool of the provider's own
        case _:
            raise InvalidRequest("unknown tool_choice", param="tool_choice")


def wrap_input(text: str) -> str:
    """Return a custom tool's input as the arguments of its function."""
    return dump({INPUT: text})


def unwrap_input(arguments: str) -> str:
    """Return the input in a function's arguments, or the arguments if they have another shape."""
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    match parsed:
        case {"input": str(text)}:
            return text
        case _:
            return arguments


def _list_or_empty(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest("tools must be a list", param="tools", code="invalid_type")
    return value


def _validate_tool(tool: object, i: int) -> Json:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise InvalidRequest("a tool needs a type", param=f"tools[{i}].type")
    return tool


def _parse_tool(tool: Json, path: str) -> Json | None:
    match tool["type"]:
        case "function":
            return {"type": "function", "function": _parse_function(tool, path)}
        case "custom":
            return {"type": "function", "function": _parse_custom_tool(tool, path)}
        case _:
            return None


def _parse_function(tool: Json, path: str) -> Json:
    names = ("description", "parameters", "strict")
    fields = {name: tool[name] for name in names if tool.get(name) is not None}
    return {"name": _require_name(tool, path), **fields}


def _parse_custom_tool(tool: Json, path: str) -> Json:
    texts = (tool.get("description"), _describe_grammar(tool.get("format")))
    description = "\n\n".join(text for text in texts if isinstance(text, str) and text)
    parameters: Json = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": INPUT_DESCRIPTION}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    function: Json = {"name": _require_name(tool, path), "parameters": parameters}
    return {**function, "description": description} if description else function


def _describe_grammar(format: object) -> str:
    match format:
        case {"type": "grammar", "syntax": str(syntax), "definition": str(definition)}:
            return f"The input must match this {syntax} grammar:\n{definition}"
        case _:
            return ""


def _require_name(tool: Json, path: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str):
        raise InvalidRequest(f"{path}.name must be a string", param=f"{path}.name", code="invalid_type")
    if not TOOL_NAME.fullmatch(name):
        problem = f"{path}.name must have 1 to 64 letters, digits, underscores or hyphens"
        raise InvalidRequest(problem, param=f"{path}.name")
    return name


def _names(allowed: list[object]) -> list[str]:
    return [tool["name"] for tool in allowed if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
