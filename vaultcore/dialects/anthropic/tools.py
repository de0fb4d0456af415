"""Tools, and which of them the model may or must use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.schema import closed
from vaultcore.dialects.anthropic.turns import tool_name
from vaultcore.dialects.tool_parameters import ANY_OBJECT, schema
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

NATIVE = re.compile(
    r".+_\d{8}"
)  # web_search_20250305: the provider's own tools, as its own clients write them
OF_TOOLS = {"type", "function", "cache_control"}
OF_FUNCTIONS = {"name", "description", "parameters", "strict", "cache_control"}


@dataclass(slots=True)
class Tools:
    """What goes into the body, and what the model has to be told in words instead."""

    tools: list[Json] = field(default_factory=list)
    choice: Json | None = None
    instruction: str | None = None


def render_tools(
    request: ChatRequest, able: Capabilities, changes: list[Change], *, thinking: bool, turns: list[Json]
) -> Tools:
    told = request.get("tools") or []
    out = Tools([_tool(f"tools[{i}]", tool, able, changes) for i, tool in enumerate(told)])
    if not out.tools:
        return _from_history(request, turns, changes)
    _choose(out, request.get("tool_choice"))
    kind = out.choice["type"] if out.choice else None
    if kind in {"any", "tool"} and (thinking or able.forced_tool_use is False):
        which = f"the tool {out.choice['name']}" if out.choice and kind == "tool" else "one of the tools"
        out.instruction = f"Use {which} in your next answer."
        out.choice = {"type": "auto"}
        changes.append(Change("tool_choice", "emulated", "no forced tool use here: asked for in words"))
    if request.get("parallel_tool_calls") is False and kind != "none":
        out.choice = {**(out.choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return out


def _tool(path: str, tool: Json, able: Capabilities, changes: list[Change]) -> Json:
    kind = tool.get("type", "function")
    if kind != "function":
        if isinstance(kind, str) and NATIVE.fullmatch(kind):
            return tool
        told = f"{kind} tools cannot be sent to this model"
        raise InvalidRequest(told, param=f"{path}.type", code="unsupported_parameter")
    function = tool["function"]
    out: Json = {"name": tool_name(function["name"])}
    if function.get("description"):
        out["description"] = function["description"]
    out["input_schema"] = schema(function.get("parameters"), path)
    if function.get("strict"):
        if able.structured_output:
            out["strict"] = True
            out["input_schema"] = closed(out["input_schema"], f"{path}.function.parameters", changes)
        else:
            changes.append(
                Change(f"{path}.function.strict", "dropped", "this model does not enforce schemas")
            )
    for holder in (tool, function):
        if isinstance(holder.get("cache_control"), dict):
            out["cache_control"] = holder["cache_control"]
    for place, holder, known in ((path, tool, OF_TOOLS), (f"{path}.function", function, OF_FUNCTIONS)):
        unknown = [name for name, value in holder.items() if name not in known and value is not None]
        reason = "a function has no such field here"
        changes.extend(Change(f"{place}.{name}", "dropped", reason) for name in unknown)
    return out


def _choose(out: Tools, told: object) -> None:
    match told:
        case None:
            return
        case "auto" | "none":
            out.choice = {"type": told}
        case "required" | "any":
            out.choice = {"type": "any"}
        case {"type": "function", "function": {"name": str(name)}}:
            out.choice = {"type": "tool", "name": _named(out, name)}
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            _allow(out, allowed)
            out.choice = {"type": "any" if rest.get("mode") == "required" else "auto"}
        case _:
            raise InvalidRequest("tool_choice is none that is known", param="tool_choice")


def _allow(out: Tools, allowed: list[object]) -> None:
    names = set()
    for tool in allowed:
        match tool:
            case {"function": {"name": str(name)}}:
                names.add(_named(out, name))
            case _:
                raise InvalidRequest("an allowed tool needs a name", param="tool_choice.allowed_tools.tools")
    out.tools = [tool for tool in out.tools if tool.get("name") in names]


def _named(out: Tools, name: str) -> str:
    theirs = tool_name(name)
    if all(tool.get("name") != theirs for tool in out.tools):
        raise InvalidRequest(f"tool_choice names {name}, which is not among the tools", param="tool_choice")
    return theirs


def _from_history(request: ChatRequest, turns: list[Json], changes: list[Change]) -> Tools:
    """Declare the tools that were called before, as the API demands, without letting them be called."""
    match request.get("tool_choice"):
        case None | "auto" | "none":
            pass
        case _:
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
    blocks = [block for turn in turns for block in turn["content"]]
    names = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_use")
    if not names:
        return Tools()
    changes.append(Change("tools", "injected", "the conversation holds calls, so their tools are declared"))
    return Tools([{"name": name, "input_schema": dict(ANY_OBJECT)} for name in names], {"type": "none"})
