"""A client's tools, and which of them the model may or must use, in the words of chat completions."""

from __future__ import annotations

from vaultcore.client_apis.messages.blocks import an_object, marked
from vaultcore.dialects import Change
from vaultcore.wire import Json

NEUTRAL = ("type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming")


def read_tools(told: object, changes: list[Change]) -> Json:
    if not isinstance(told, list):
        changes.append(Change("tools", "refused", "tools must be a list"))
        return {}
    read = [_tool(f"tools[{i}]", tool, changes) for i, tool in enumerate(told)]
    return {"tools": [tool for tool in read if tool is not None]}


def read_choice(choice: object, changes: list[Change]) -> Json:
    told = an_object(choice)
    match told:
        case {"type": "auto" | "none" as kind}:
            read: Json = {"tool_choice": kind}
        case {"type": "any"}:
            read = {"tool_choice": "required"}
        case {"type": "tool", "name": str(name)}:
            read = {"tool_choice": {"type": "function", "function": {"name": name}}}
        case _:
            changes.append(Change("tool_choice", "refused", "tool_choice is none that is known"))
            return {}
    if told.get("disable_parallel_tool_use") is True and told["type"] != "none":
        read["parallel_tool_calls"] = False
    return read


def _tool(path: str, tool: object, changes: list[Change]) -> Json | None:
    told = an_object(tool)
    match told:
        case {"name": str(name), "input_schema": dict() as schema} if told.get("type") in (None, "custom"):
            pass
        case {"type": str(kind)} if kind != "custom":
            changes.append(Change(f"{path}.type", "refused", f"{kind} is a tool of Anthropic's own"))
            return None
        case _:
            changes.append(Change(path, "refused", "a tool needs name and input_schema"))
            return None
    function: Json = {"name": name, "parameters": schema}
    if isinstance(told.get("description"), str) and told["description"]:
        function["description"] = told["description"]
    if told.get("strict") is True:
        function["strict"] = True
    extras = [name for name, value in told.items() if value and name not in NEUTRAL]
    changes += [Change(f"{path}.{name}", "dropped", "only Anthropic's tools have it") for name in extras]
    return marked({"type": "function", "function": function}, told)
