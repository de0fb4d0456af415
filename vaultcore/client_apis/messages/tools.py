"""`tools` and `tool_choice` of a Messages request as those of chat completions.

https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview
"""

from __future__ import annotations

from vaultcore.client_apis.messages.parts import copy_cache_control, object_or_empty
from vaultcore.dialects import Change
from vaultcore.wire import Json

# Fields of a tool that are translated, or whose absence does not change the response.
SUPPORTED = (
    "type",
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
    "eager_input_streaming",
)


def parse_tools(tools: object, changes: list[Change]) -> Json:
    """Return `{"tools": […]}`, or {} if the value is no list."""
    if not isinstance(tools, list):
        changes.append(Change("tools", "refused", "tools must be a list"))
        return {}
    parsed = [_parse_tool(f"tools[{i}]", tool, changes) for i, tool in enumerate(tools)]
    return {"tools": [tool for tool in parsed if tool is not None]}


def parse_tool_choice(choice: object, changes: list[Change]) -> Json:
    """Return `tool_choice`, and `parallel_tool_calls` if parallel tool use is disabled."""
    fields = object_or_empty(choice)
    match fields:
        case {"type": "auto" | "none" as kind}:
            parsed: Json = {"tool_choice": kind}
        case {"type": "any"}:
            parsed = {"tool_choice": "required"}
        case {"type": "tool", "name": str(name)}:
            parsed = {"tool_choice": {"type": "function", "function": {"name": name}}}
        case _:
            changes.append(Change("tool_choice", "refused", "unknown tool_choice"))
            return {}
    if fields.get("disable_parallel_tool_use") is True and fields["type"] != "none":
        parsed["parallel_tool_calls"] = False
    return parsed


def _parse_tool(path: str, tool: object, changes: list[Change]) -> Json | None:
    """Return the tool as a function, or None if no other provider can use it."""
    fields = object_or_empty(tool)
    match fields:
        case {"name": str(name), "input_schema": dict() as schema} if fields.get("type") in (None, "custom"):
            pass
        case {"type": str(kind)} if kind != "custom":
            changes.append(Change(f"{path}.type", "refused", f"{kind} is a tool of Anthropic's own"))
            return None
        case _:
            changes.append(Change(path, "refused", "a tool needs name and input_schema"))
            return None
    function: Json = {"name": name, "parameters": schema}
    if isinstance(fields.get("description"), str) and fields["description"]:
        function["description"] = fields["description"]
    if fields.get("strict") is True:
        function["strict"] = True
    extras = [name for name, value in fields.items() if value and name not in SUPPORTED]
    changes += [Change(f"{path}.{name}", "dropped", "only Anthropic has this field") for name in extras]
    return copy_cache_control({"type": "function", "function": function}, fields)
