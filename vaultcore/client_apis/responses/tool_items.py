"""Items of the client's own tools as tool calls of chat messages, and back.

https://platform.openai.com/docs/api-reference/responses/object#responses-object-output: `function_call`,
`custom_tool_call`, `local_shell_call`, `shell_call`, `apply_patch_call`, `tool_search_call`, and the output
of each. client_tools.py has the functions that stand for the tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from vaultcore.client_apis.responses.client_tools import (
    INPUT,
    ClientTool,
    Toolbox,
    namespace_tools,
)
from vaultcore.dialects.json_fields import dump, parse_arguments
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

CALLS: Mapping[str, str] = {  # type of a call item -> kind of its tool
    "function_call": "function",
    "custom_tool_call": "custom",
    "local_shell_call": "local_shell",
    "shell_call": "shell",
    "apply_patch_call": "apply_patch",
    "tool_search_call": "tool_search",
}
OUTPUTS: Mapping[str, str] = {  # type of an output item -> kind of its tool
    "function_call_output": "function",
    "custom_tool_call_output": "custom",
    "local_shell_call_output": "local_shell",
    "shell_call_output": "shell",
    "apply_patch_call_output": "apply_patch",
    "tool_search_output": "tool_search",
}
ITEM_TYPES = {kind: item_type for item_type, kind in CALLS.items()}
ARGUMENTS: Mapping[str, str] = {  # kind of a tool -> field of its call item with the arguments
    "function": "arguments",
    "custom": "input",
    "local_shell": "action",
    "shell": "action",
    "apply_patch": "operation",
    "tool_search": "arguments",
}
FIXED_FIELDS: Mapping[str, Json] = {  # kind of a tool -> fields that each of its call items has
    "local_shell": {"action": {"type": "exec", "command": [], "env": {}}},
    "shell": {"action": {"commands": []}},
    "apply_patch": {"operation": {}},
    "tool_search": {"arguments": {}, "execution": "client"},
}
REQUIRED: Mapping[str, Mapping[str, type]] = {  # kind -> arguments without which its item is none
    "local_shell": {"command": list},
    "shell": {"commands": list},
    "apply_patch": {"type": str, "path": str},
    "tool_search": {},
}


def parse_call(path: str, item: Json, box: Toolbox) -> Json:
    """Return a call item as a tool call. Raise InvalidRequest if it is malformed."""
    kind = CALLS[item["type"]]
    field = ARGUMENTS[kind]
    name = require_string(item, "name", path) if kind in {"function", "custom"} else kind
    match kind, item.get(field):
        case "function", str(text):
            arguments = text
        case "custom", str(text):
            arguments = wrap_input(text)
        case "local_shell" | "shell" | "apply_patch" | "tool_search", dict() as fields:
            arguments = dump({key: value for key, value in fields.items() if value is not None})
        case "tool_search", str(text):
            arguments = text
        case _:
            expected = "a string" if kind in {"function", "custom"} else "an object"
            problem = f"{path}.{field} must be {expected}"
            raise InvalidRequest(problem, param=f"{path}.{field}", code="invalid_type")
    function = {"name": box.function_name(kind, name, item.get("namespace")), "arguments": arguments}
    return {"id": require_string(item, "call_id", path), "type": "function", "function": function}


def render_call(item_id: str, call: Json, tool: ClientTool | None, *, status: str) -> Json:
    """Return a tool call as the item of its tool; as a function call if the arguments do not fit the item."""
    function = call.get("custom") or call.get("function") or {}
    name = str(function.get("name") or "")
    item: Json = {"id": item_id, "type": "function_call", "status": status}
    item["call_id"] = str(call.get("id") or "")
    if "custom" in call:
        return {**item, "type": "custom_tool_call", "name": name, "input": str(function.get("input") or "")}
    arguments = str(function.get("arguments") or "")
    if tool is None:
        return {**item, "name": name, "arguments": arguments}
    named: Json = {"name": tool.name, **({"namespace": tool.namespace} if tool.namespace else {})}
    match tool.kind:
        case "function":
            return {**item, **named, "arguments": arguments}
        case "custom":
            return {**item, "type": ITEM_TYPES["custom"], **named, "input": unwrap_input(arguments)}
    fields = parse_arguments(arguments)
    fixed, required = FIXED_FIELDS[tool.kind], REQUIRED[tool.kind]
    if status != "in_progress" and not _fits(fields, required):
        return {**item, "name": name, "arguments": arguments}
    field = ARGUMENTS[tool.kind]
    whole = {**fixed[field], **(fields or {})}
    if tool.kind == "apply_patch" and status == "incomplete":
        item["status"] = "completed"  # this item knows no other end
    return {**item, **fixed, "type": ITEM_TYPES[tool.kind], field: whole}


def find_tool(call: Json, box: Toolbox) -> ClientTool | None:
    """Return the tool that a call's function stands for; None if the model has invented it."""
    return box.by_function.get(str((call.get("function") or {}).get("name") or ""))


def item_type(call: Json, tool: ClientTool | None) -> str:
    """Return the type of the item that a call most likely becomes."""
    if "custom" in call:
        return ITEM_TYPES["custom"]
    return ITEM_TYPES[tool.kind] if tool is not None else ITEM_TYPES["function"]


def output_text(item: Json, box: Toolbox) -> object:
    """Return what an output item tells the model: a text, or content parts that are not parsed yet."""
    match item:
        case {"type": "tool_search_output"}:
            return _describe_tools(item, box)
        case {"type": "shell_call_output", "output": list() as chunks}:
            return dump(chunks)
        case {"type": "apply_patch_call_output", "status": str(status)}:
            return "\n".join(text for text in (status, item.get("output")) if isinstance(text, str) and text)
        case _:
            return item.get("output")


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


def require_string(item: Json, name: str, path: str) -> str:
    """Return a field that must be a string. Raise InvalidRequest otherwise."""
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name} must be a string", param=f"{path}.{name}", code="invalid_type")
    return value


def _fits(fields: Json | None, required: Mapping[str, type]) -> bool:
    return fields is not None and all(isinstance(fields.get(name), kind) for name, kind in required.items())


def _describe_tools(item: Json, box: Toolbox) -> str:
    """Return the names and descriptions of the tools that a search has loaded."""
    lines = [
        f"- {box.function_name(str(tool.get('type')), str(tool.get('name')), namespace)}: "
        f"{tool.get('description') or ''}"
        for namespace, tool in _single_tools(item)
    ]
    return "\n".join(["These tools can be called now:", *lines]) if lines else "No tool matches."


def _single_tools(item: Json) -> Iterator[tuple[object, Json]]:
    """Yield the tools of an item, each with its namespace."""
    for tool in item.get("tools") or ():
        match tool:
            case {"type": "namespace", "name": name}:
                yield from ((name, inner) for _, inner in namespace_tools(tool, ""))
            case dict():
                yield None, tool
