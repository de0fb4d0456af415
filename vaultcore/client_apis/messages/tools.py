"""`tools` and `tool_choice` of a Messages request as those of chat completions.

https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview. Tools of Anthropic's that the client runs
become functions, see client_tools.py. An offered tool is optional: one that only Anthropic can run is left
out and reported. Deferred tools are sent at once, and tool search is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from vaultcore.client_apis.messages.client_tools import OPTIONS, client_function
from vaultcore.client_apis.messages.parts import copy_cache_control, object_or_empty
from vaultcore.dialects import Change
from vaultcore.dialects.web_search import DOMAINS
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

# Fields of a tool that are translated, or whose absence does not change the response.
SUPPORTED = (
    "type",
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
)
OWN_EMULATED = {  # fields of Anthropic's own, and what happens to them elsewhere
    "defer_loading": "the tool is sent at once",
    "eager_input_streaming": "its input streams as the provider sends it",
}
FUNCTION = (None, "custom")  # types of the client's own tools
TOOL_CHANGES = ("tool_addition", "tool_removal")  # types of blocks
WEB_SEARCH = "web_search_"  # followed by a date
TOOL_SEARCH = "tool_search_tool_"
SEARCH_FIELDS = ("type", "name", "user_location", "cache_control", "allowed_callers")


@dataclass(slots=True)
class ToolParser:
    """Parses the tools of one request. `positions` are those of the chat request's tools in the client's."""

    changes: list[Change]
    tools: list[Json] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)  # paths
    web_search: Json | None = None
    web_search_path: str = "tools"
    _removed: dict[str, tuple[str, Json]] = field(default_factory=dict)

    def add(self, path: str, tool: object) -> None:
        """Add a tool, or report that no other provider can use it."""
        fields = object_or_empty(tool)
        match fields:
            case {"name": str(name), "input_schema": dict() as schema} if fields.get("type") in (
                None,
                "custom",
            ):
                self.remove(name)
                self.tools.append(self._function(path, fields, name, schema))
                self.positions.append(path)
            case {"type": str(kind)} if kind.startswith(WEB_SEARCH):
                self._add_search(path, fields)
            case {"type": str(kind)} if kind.startswith(TOOL_SEARCH):
                reason = "all tools are sent, so that none has to be searched"
                self.changes.append(Change(path, "emulated", reason))
            case {"type": str(kind)} if (function := client_function(fields)) is not None:
                self._add_client_tool(path, fields, kind, function)
            case {"type": str(kind)} if kind != "custom":
                reason = f"{kind[:64]} is a tool of Anthropic's own"
                self.changes.append(Change(path, "dropped", reason))
            case _:
                self.changes.append(Change(path, "refused", "a tool needs name and input_schema"))

    def remove(self, name: object) -> None:
        """Remove the tool of that name, if there is one."""
        for i, tool in enumerate(self.tools):
            if tool["function"]["name"] == name:
                self._removed[str(name)] = self.positions.pop(i), self.tools.pop(i)
                return

    def restore(self, name: str) -> None:
        """Add a tool again that was removed; others are there already."""
        if name in self._removed:
            path, tool = self._removed.pop(name)
            self.tools.append(tool)
            self.positions.append(path)

    def parsed(self) -> Json:
        """Return `tools` and `web_search_options`, each if there is one."""
        fields: Json = {"tools": self.tools} if self.tools else {}
        return fields if self.web_search is None else {**fields, "web_search_options": self.web_search}

    def _function(self, path: str, fields: Json, name: str, schema: Json) -> Json:
        function: Json = {"name": name, "parameters": schema}
        if isinstance(fields.get("description"), str) and fields["description"]:
            function["description"] = fields["description"]
        if fields.get("strict") is True:
            function["strict"] = True
        for extra, value in fields.items():
            if value and extra not in SUPPORTED:
                self._report_extra(f"{path}.{extra}", extra, value)
        return copy_cache_control({"type": "function", "function": function}, fields)

    def _add_client_tool(self, path: str, fields: Json, kind: str, function: Json) -> None:
        """Add a tool of Anthropic's that the client runs. Its options are in the description."""
        self.remove(function["name"])
        reason = f"{kind[:64]} is sent as a function with its schema"
        self.changes.append(Change(path, "emulated", reason))
        if fields.get("strict") is True:
            self.changes.append(Change(f"{path}.strict", "dropped", "this schema has optional fields"))
        own = {name: value for name, value in fields.items() if name not in (*OPTIONS, "strict")}
        self.tools.append(self._function(path, own, function["name"], function["parameters"]))
        self.tools[-1]["function"]["description"] = function["description"]
        self.positions.append(path)

    def _report_extra(self, path: str, extra: str, value: object) -> None:
        if extra in OWN_EMULATED:
            self.changes.append(Change(path, "emulated", OWN_EMULATED[extra]))
        elif extra != "allowed_callers" or "direct" not in (value if isinstance(value, list) else ()):
            self.changes.append(Change(path, "dropped", "only Anthropic has this field"))

    def _add_search(self, path: str, fields: Json) -> None:
        place = object_or_empty(fields.get("user_location"))
        known = {name: value for name, value in place.items() if name != "type" and value is not None}
        options: Json = {"user_location": {"type": "approximate", "approximate": known}} if known else {}
        domains = {name: fields[name] for name in DOMAINS if fields.get(name)}
        if domains:
            options["filters"] = domains
        self.web_search, self.web_search_path = options, path
        for name, value in fields.items():
            if value and name not in (*SEARCH_FIELDS, *DOMAINS):
                reason = "only Anthropic's search has this option"
                self.changes.append(Change(f"{path}.{name}", "dropped", reason))


def parse_all_tools(body: Json, changes: list[Change]) -> ToolParser:
    """Return the tools in effect at the end of the conversation: `tools`, and what messages add or remove."""
    parser, tools = ToolParser(changes), body.get("tools")
    if tools is not None and not isinstance(tools, list):
        changes.append(Change("tools", "refused", "tools must be a list"))
    for i, tool in enumerate(tools if isinstance(tools, list) else ()):
        parser.add(f"tools[{i}]", tool)
    for path, block in _tool_changes(body["messages"]):
        _change_tools(parser, path, block)
    return parser


def _tool_changes(messages: list[Json]) -> Iterator[tuple[str, Json]]:
    """Yield the blocks that add or remove a tool, also those that a compaction block keeps of its range."""
    for i, message in enumerate(messages):
        content = message.get("content")
        for j, block in enumerate(content if isinstance(content, list) else ()):
            fields, path = object_or_empty(block), f"messages[{i}].content[{j}]"
            if fields.get("type") in TOOL_CHANGES:
                yield path, fields
            inner = fields.get("tool_changes")
            for each in inner if fields.get("type") == "compaction" and isinstance(inner, list) else ():
                yield path, object_or_empty(each)


def _change_tools(parser: ToolParser, path: str, block: Json) -> None:
    reason = "only the tools in effect now are sent"
    match block:
        case {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": dict() as tool}}:
            parser.add(path, tool)
        case {"type": "tool_addition", "tool": {"name": str(name)}}:
            parser.restore(name)
        case {"type": "tool_removal", "tool": {"name": str(name)}}:
            parser.remove(name)
        case _:
            parser.changes.append(Change(path, "dropped", "only Anthropic can change these tools"))
            return
    parser.changes.append(Change(path, "emulated", reason))


def parse_tool_choice(choice: object, names: list[str], changes: list[Change]) -> Json:
    """Return `tool_choice`, and `parallel_tool_calls` if parallel tool use is disabled.

    `names` are those of the tools that are sent; without any there is no choice.
    """
    fields = object_or_empty(choice)
    match fields:
        case {"type": "auto" | "none" as kind}:
            parsed: Json = {"tool_choice": kind}
        case {"type": "any"}:
            parsed = {"tool_choice": "required"}
        case {"type": "tool", "name": str(name)} if name in names or not names:
            parsed = {"tool_choice": {"type": "function", "function": {"name": name}}}
        case {"type": "tool", "name": str(name)}:
            changes.append(Change("tool_choice", "dropped", f"the tool {name[:64]} is not sent"))
            return {}
        case _:
            changes.append(Change("tool_choice", "refused", "unknown tool_choice"))
            return {}
    if not names:
        if fields["type"] in {"any", "tool"}:
            changes.append(Change("tool_choice", "dropped", "no tool is sent"))
        elif fields["type"] == "auto":
            changes.append(Change("tool_choice", "emulated", "no function is sent to choose from"))
        return {}
    if fields.get("disable_parallel_tool_use") is True and fields["type"] != "none":
        parsed["parallel_tool_calls"] = False
    return parsed
