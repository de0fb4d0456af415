"""Tool definitions and tool choice: https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.json_schema import close_schema
from vaultcore.dialects.anthropic.parts import UNSUPPORTED
from vaultcore.dialects.tools import ANY_OBJECT, parameter_schema
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import AnthropicMessage, AnthropicTool, AnthropicToolChoice

SERVER_TOOL = re.compile(r".+_\d{8}")  # web_search_20250305: Anthropic's own tools, passed through unchanged
TOOL_FIELDS = {"type", "function", "cache_control"}
FUNCTION_FIELDS = {"name", "description", "parameters", "strict", "cache_control"}


@dataclass(slots=True)
class AnthropicToolSet:
    """The `tools` and `tool_choice` of a request, and an instruction that replaces an unsupported choice."""

    tools: list[AnthropicTool] = field(default_factory=list)
    choice: AnthropicToolChoice | None = None
    instruction: str | None = None


def render_tools(
    request: ChatRequest,
    capabilities: Capabilities,
    changes: list[Change],
    *,
    is_reasoning: bool,
    messages: list[AnthropicMessage],
) -> AnthropicToolSet:
    """Return the request's tools. `messages` are the rendered ones: a tool that they call must be declared.

    Raise InvalidRequest if a tool or the tool choice is not valid for Anthropic.
    """
    tools = request.get("tools") or []
    toolset = AnthropicToolSet(
        [_render_tool(f"tools[{i}]", tool, capabilities, changes) for i, tool in enumerate(tools)]
    )
    if not toolset.tools:
        return _declare_called_tools(request, messages, changes)
    _render_choice(toolset, request.get("tool_choice"))
    kind = toolset.choice["type"] if toolset.choice else None
    if kind in {"any", "tool"} and (is_reasoning or capabilities.forced_tool_use is False):
        which = (
            f"the tool {toolset.choice['name']}" if toolset.choice and kind == "tool" else "one of the tools"
        )
        toolset.instruction = f"Use {which} in your next answer."
        toolset.choice = {"type": "auto"}
        reason = "no forced tool use with this model: requested in the system prompt"
        changes.append(Change("tool_choice", "emulated", reason))
    if request.get("parallel_tool_calls") is False and kind != "none":
        toolset.choice = {**(toolset.choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return toolset


def _render_tool(path: str, tool: Json, capabilities: Capabilities, changes: list[Change]) -> AnthropicTool:
    kind = tool.get("type", "function")
    if kind != "function":
        if isinstance(kind, str) and SERVER_TOOL.fullmatch(kind):
            return cast("AnthropicTool", tool)
        message = f"this model does not accept tools of type {kind}"
        raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)
    function = tool["function"]
    rendered: AnthropicTool = {"name": function["name"]}
    if function.get("description"):
        rendered["description"] = function["description"]
    rendered["input_schema"] = parameter_schema(function.get("parameters"), path)
    if function.get("strict"):
        if capabilities.structured_output:
            rendered["strict"] = True
            schema_path = f"{path}.function.parameters"
            rendered["input_schema"] = close_schema(rendered["input_schema"], schema_path, changes)
        else:
            reason = "this model does not enforce schemas"
            changes.append(Change(f"{path}.function.strict", "dropped", reason))
    for source in (tool, function):
        if isinstance(source.get("cache_control"), dict):
            rendered["cache_control"] = source["cache_control"]
    _report_unknown(path, tool, TOOL_FIELDS, changes)
    _report_unknown(f"{path}.function", function, FUNCTION_FIELDS, changes)
    return rendered


def _report_unknown(path: str, source: Json, supported: set[str], changes: list[Change]) -> None:
    unknown = [name for name, value in source.items() if name not in supported and value is not None]
    reason = "Anthropic functions have no such field"
    changes.extend(Change(f"{path}.{name}", "dropped", reason) for name in unknown)


def _render_choice(toolset: AnthropicToolSet, choice: object) -> None:
    match choice:
        case None:
            return
        case "auto":
            toolset.choice = {"type": "auto"}
        case "none":
            toolset.choice = {"type": "none"}
        case "required" | "any":
            toolset.choice = {"type": "any"}
        case {"type": "function", "function": {"name": str(name)}}:
            toolset.choice = {"type": "tool", "name": _require_tool(toolset, name)}
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **options}}:
            _keep_allowed(toolset, allowed)
            toolset.choice = {"type": "any" if options.get("mode") == "required" else "auto"}
        case _:
            raise InvalidRequest("tool_choice has no supported form", param="tool_choice")


def _keep_allowed(toolset: AnthropicToolSet, allowed: list[object]) -> None:
    names = set()
    for tool in allowed:
        match tool:
            case {"function": {"name": str(name)}}:
                names.add(_require_tool(toolset, name))
            case _:
                raise InvalidRequest("an allowed tool needs a name", param="tool_choice.allowed_tools.tools")
    toolset.tools = [tool for tool in toolset.tools if tool.get("name") in names]


def _require_tool(toolset: AnthropicToolSet, name: str) -> str:
    if all(tool.get("name") != name for tool in toolset.tools):
        raise InvalidRequest(f"tool_choice names {name}, which is not in tools", param="tool_choice")
    return name


def _declare_called_tools(
    request: ChatRequest, messages: list[AnthropicMessage], changes: list[Change]
) -> AnthropicToolSet:
    """Declare the tools that earlier messages call, which the API requires, and forbid further calls."""
    match request.get("tool_choice"):
        case None | "auto" | "none":
            pass
        case _:
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
    blocks = [block for message in messages for block in message["content"]]
    names = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_use")
    if not names:
        return AnthropicToolSet()
    changes.append(Change("tools", "injected", "declared the tools that earlier messages call"))
    tools: list[AnthropicTool] = [{"name": name, "input_schema": dict(ANY_OBJECT)} for name in names]
    return AnthropicToolSet(tools, {"type": "none"})
