"""Tool definitions and tool choice.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.bedrock.parts import UNSUPPORTED, ConversePartRenderer
from vaultcore.dialects.bedrock.publisher import Publisher
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.tools import ANY_OBJECT, parameter_schema
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import (
        ConverseMessage,
        ConverseTool,
        ConverseToolChoice,
        ConverseToolConfig,
        ConverseToolSpec,
    )

NO_TOOLS = "Answer without using any tool."


@dataclass(slots=True)
class ConverseToolSet:
    """The toolConfig of a request, and an instruction that replaces an unsupported tool choice."""

    parts: ConversePartRenderer
    capabilities: Capabilities
    publisher: Publisher
    tools: list[ConverseTool] = field(default_factory=list)
    choice: ConverseToolChoice | None = None
    instruction: str | None = None

    @property
    def config(self) -> ConverseToolConfig:
        if not self.tools:
            return {}
        return {"tools": self.tools, "toolChoice": self.choice} if self.choice else {"tools": self.tools}

    def render(
        self, request: ChatRequest, messages: list[ConverseMessage], *, forbids_forced_tools: bool
    ) -> None:
        """Set the request's tools. `messages` are the rendered ones: a tool that they call must be declared.

        Raise InvalidRequest if a tool or the tool choice is not valid for Converse.
        """
        tools = request.get("tools") or []
        if tools and self.capabilities.tools is False:
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                if not is_default(name, request.get(name)):
                    self._drop(name, "this model has no tools")
            return
        for i, tool in enumerate(tools):
            self.tools += self._render_tool(f"tools[{i}]", tool)
        blocks = [block for message in messages for block in message["content"]]
        tool_names = dict.fromkeys(block["toolUse"]["name"] for block in blocks if "toolUse" in block)
        if not self.tools:
            self._declare_called_tools(request, list(tool_names))
            return
        self._render_choice(request.get("tool_choice"), has_calls=bool(tool_names))
        is_forced = self.choice is not None and "auto" not in self.choice
        if is_forced and (forbids_forced_tools or not self._supports_forced_tools):
            self._emulate_choice()
        if self.tools and request.get("parallel_tool_calls") is False:
            self._drop("parallel_tool_calls", "Bedrock cannot limit the calls to one")

    @property
    def _supports_forced_tools(self) -> bool:
        capability = self.capabilities.forced_tool_use
        return self.publisher.forced_tool_use if capability is None else capability

    def _render_tool(self, path: str, tool: Json) -> list[ConverseTool]:
        kind = tool.get("type", "function")
        if kind != "function":
            message = f"this model does not accept tools of type {kind}"
            raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)
        function = tool["function"]
        spec: ConverseToolSpec = {"name": function["name"]}
        if (function.get("description") or "").strip():
            spec["description"] = function["description"]
        spec["inputSchema"] = {"json": parameter_schema(function.get("parameters"), path)}
        if function.get("strict"):
            if self.capabilities.structured_output:
                spec["strict"] = True
            else:
                self._drop(f"{path}.function.strict", "this model does not enforce schemas")
        cache_point = self.parts.cache_point({**function, **tool}, path)
        return [{"toolSpec": spec}, {"cachePoint": cache_point}] if cache_point else [{"toolSpec": spec}]

    def _render_choice(self, choice: object, *, has_calls: bool) -> None:
        match choice:
            case None:
                return
            case "auto":
                self.choice = {"auto": {}}
            case "none":
                self._emulate_none(has_calls=has_calls)
            case "required" | "any":
                self.choice = {"any": {}}
            case {"type": "function", "function": {"name": str(name)}}:
                self.choice = {"tool": {"name": self._require_tool(name)}}
            case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **options}}:
                self._keep_allowed(allowed)
                self.choice = {"any": {}} if options.get("mode") == "required" else {"auto": {}}
            case _:
                raise InvalidRequest("tool_choice has no supported form", param="tool_choice")

    def _emulate_none(self, *, has_calls: bool) -> None:
        """Remove the tools or, if the conversation contains calls, forbid new ones in the system prompt."""
        if has_calls:
            self.instruction = NO_TOOLS
        else:
            self.tools = []
            change = Change("tools", "emulated", "not sent: tool_choice is none")
            self.parts.changes.append(change)
        emulation = "requested in the system prompt" if has_calls else "removed the tools"
        self._emulate(f"Bedrock has no such choice: {emulation}")

    def _emulate_choice(self) -> None:
        tool = self.choice.get("tool") if self.choice else None
        which = f"the tool {tool['name']}" if tool else "one of the tools"
        self.instruction, self.choice = f"Use {which} in your next answer.", {"auto": {}}
        self._emulate("no forced tool use with this model: requested in the system prompt")

    def _keep_allowed(self, allowed: list[object]) -> None:
        names = set()
        for tool in allowed:
            match tool:
                case {"function": {"name": str(name)}}:
                    names.add(self._require_tool(name))
                case _:
                    message = "an allowed tool needs a name"
                    raise InvalidRequest(message, param="tool_choice.allowed_tools.tools")
        self.tools = [tool for tool in self.tools if _name_of(tool) in names]

    def _require_tool(self, name: str) -> str:
        if all(_name_of(tool) != name for tool in self.tools):
            raise InvalidRequest(f"tool_choice names {name}, which is not in tools", param="tool_choice")
        return name

    def _declare_called_tools(self, request: ChatRequest, tool_names: list[str]) -> None:
        """Declare the tools that earlier messages call, which the API requires, and forbid further calls."""
        if request.get("tool_choice") not in (None, "auto", "none"):
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
        if not tool_names:
            return
        reason = "declared the tools that earlier messages call"
        self.parts.changes.append(Change("tools", "injected", reason))
        self.instruction = NO_TOOLS
        self.tools = [
            {"toolSpec": {"name": name, "inputSchema": {"json": dict(ANY_OBJECT)}}} for name in tool_names
        ]

    def _drop(self, path: str, reason: str) -> None:
        self.parts.changes.append(Change(path, "dropped", reason))

    def _emulate(self, reason: str) -> None:
        self.parts.changes.append(Change("tool_choice", "emulated", reason))


def _name_of(tool: ConverseTool) -> str | None:
    spec = tool.get("toolSpec")
    return spec.get("name") if spec else None
