"""Tools, and which of them the model may or must use."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.bedrock.blocks import UNSUPPORTED, Content
from vaultcore.dialects.bedrock.publisher import Family
from vaultcore.dialects.bedrock.turns import tool_name
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.tool_parameters import ANY_OBJECT, schema
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

NOT_NOW = "Answer without using any tool."


@dataclass(slots=True)
class Tools:
    """What goes into toolConfig, and what the model has to be told in words instead."""

    content: Content
    able: Capabilities
    family: Family
    specs: list[Json] = field(default_factory=list)
    choice: Json | None = None
    instruction: str | None = None

    @property
    def config(self) -> Json | None:
        if not self.specs:
            return None
        return {"tools": self.specs, **({"toolChoice": self.choice} if self.choice else {})}

    def render(self, request: ChatRequest, turns: list[Json], *, free: bool) -> None:
        """Take the request's tools. `free` says that no tool can be forced at this time."""
        told = request.get("tools") or []
        if told and self.able.tools is False:
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                if not neutral(name, request.get(name)):
                    self._change(name, "this model has no tools")
            return
        for i, tool in enumerate(told):
            self.specs += self._tool(f"tools[{i}]", tool)
        used = dict.fromkeys(
            block["toolUse"]["name"] for turn in turns for block in turn["content"] if "toolUse" in block
        )
        if not self.specs:
            self._from_history(request, list(used))
            return
        self._choose(request.get("tool_choice"), used=bool(used))
        forced = self.choice is not None and "auto" not in self.choice
        if forced and (free or not self._heeds):
            self._ask_for_it()
        if self.specs and request.get("parallel_tool_calls") is False:
            self._change("parallel_tool_calls", "calls cannot be limited to one")

    @property
    def _heeds(self) -> bool:
        known = self.able.forced_tool_use
        return self.family.forced if known is None else known

    def _tool(self, path: str, tool: Json) -> list[Json]:
        kind = tool.get("type", "function")
        if kind != "function":
            told = f"{kind} tools cannot be sent to this model"
            raise InvalidRequest(told, param=f"{path}.type", code=UNSUPPORTED)
        function = tool["function"]
        spec: Json = {"name": tool_name(function["name"])}
        if (function.get("description") or "").strip():
            spec["description"] = function["description"]
        spec["inputSchema"] = {"json": schema(function.get("parameters"), path)}
        if function.get("strict"):
            if self.able.structured_output:
                spec["strict"] = True
            else:
                self._change(f"{path}.function.strict", "this model does not enforce schemas")
        return [{"toolSpec": spec}, *self.content.mark({**function, **tool}, path)]

    def _choose(self, told: object, *, used: bool) -> None:
        match told:
            case None:
                return
            case "auto":
                self.choice = {"auto": {}}
            case "none":
                self._choose_none(used=used)
            case "required" | "any":
                self.choice = {"any": {}}
            case {"type": "function", "function": {"name": str(name)}}:
                self.choice = {"tool": {"name": self._named(name)}}
            case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
                self._allow(allowed)
                self.choice = {"any": {}} if rest.get("mode") == "required" else {"auto": {}}
            case _:
                raise InvalidRequest("tool_choice is none that is known", param="tool_choice")

    def _choose_none(self, *, used: bool) -> None:
        """There is no such choice: tools are left out or, where the conversation has calls, talked out of."""
        if used:
            self.instruction = NOT_NOW
        else:
            self.specs = []
        told = "asked for in words" if used else "the tools are left out"
        self.content.changes.append(Change("tool_choice", "emulated", f"there is no such choice: {told}"))

    def _ask_for_it(self) -> None:
        named = (self.choice or {}).get("tool")
        which = f"the tool {named['name']}" if named else "one of the tools"
        self.instruction, self.choice = f"Use {which} in your next answer.", {"auto": {}}
        told = "no forced tool use here: asked for in words"
        self.content.changes.append(Change("tool_choice", "emulated", told))

    def _allow(self, allowed: list[object]) -> None:
        names = set()
        for tool in allowed:
            match tool:
                case {"function": {"name": str(name)}}:
                    names.add(self._named(name))
                case _:
                    told = "an allowed tool needs a name"
                    raise InvalidRequest(told, param="tool_choice.allowed_tools.tools")
        self.specs = [spec for spec in self.specs if spec.get("toolSpec", {}).get("name") in names]

    def _named(self, name: str) -> str:
        theirs = tool_name(name)
        if all(spec.get("toolSpec", {}).get("name") != theirs for spec in self.specs):
            told = f"tool_choice names {name}, which is not among the tools"
            raise InvalidRequest(told, param="tool_choice")
        return theirs

    def _from_history(self, request: ChatRequest, used: list[str]) -> None:
        """Declare the tools that were called before, as the API demands."""
        if request.get("tool_choice") not in (None, "auto", "none"):
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
        if not used:
            return
        told = "the conversation holds calls, so their tools are declared"
        self.content.changes.append(Change("tools", "injected", told))
        self.instruction = NOT_NOW
        self.specs = [
            {"toolSpec": {"name": name, "inputSchema": {"json": dict(ANY_OBJECT)}}} for name in used
        ]

    def _change(self, path: str, reason: str) -> None:
        self.content.changes.append(Change(path, "dropped", reason))
