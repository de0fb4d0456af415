"""Tools that a client runs itself, as functions of chat completions.

A tool of a namespace, a custom tool, a shell, `apply_patch` and a tool search of the client each become one
function, whose name tells them apart. Definitions:
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools. Tools stand in
`tools`, and in the input items `additional_tools` and `tool_search_output`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

ToolKind = Literal["function", "custom", "local_shell", "shell", "apply_patch", "tool_search"]
ToolKey = tuple[str, str | None, str]  # kind, namespace, name

INPUT = "input"  # the one parameter of a custom tool that became a function
INPUT_DESCRIPTION = "the tool's whole input, as plain text"
SEPARATOR = "__"  # between namespace and name, as in the tools of MCP clients
NAMED_KINDS = ("function", "custom")  # the others have their type as name
LOADING_ITEMS = ("additional_tools", "tool_search_output")  # input items with a field `tools`


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client runs, and the function that stands for it."""

    kind: ToolKind
    name: str
    namespace: str | None
    path: str  # of its definition in the request: `tools[0].tools[1]`
    function: Json  # its name is unique in the request

    @property
    def key(self) -> ToolKey:
        return self.kind, self.namespace, self.name


@dataclass(slots=True)
class Toolbox:
    """The tools of one request, in the client's order."""

    plain_names: frozenset[str] = frozenset()  # names that are the client's own, and stay as they are
    tools: list[ClientTool] = field(default_factory=list)
    by_function: dict[str, ClientTool] = field(default_factory=dict)
    names: dict[ToolKey, str] = field(default_factory=dict)  # of their functions

    @property
    def functions(self) -> list[Json]:
        """Return the tools in the form of chat completions."""
        return [{"type": "function", "function": tool.function} for tool in self.tools]

    def function_name(self, kind: str, name: str, namespace: object = None) -> str:
        """Return the name of a tool's function, also of a tool that the request no longer offers."""
        return self.names.get(_key(kind, name, namespace)) or _flat_name(_key(kind, name, namespace)[1], name)

    def offers(self, kind: str, name: str, namespace: object = None) -> bool:
        return _key(kind, name, namespace) in self.names

    def add(self, kind: ToolKind, name: str, namespace: str | None, path: str, fields: Json) -> None:
        """Add a tool. Raise InvalidRequest if `tools` names two of the client's own tools alike."""
        is_plain = kind in NAMED_KINDS and namespace is None
        unique = _flat_name(namespace, name)
        is_loaded_again = (kind, namespace, name) in self.names and not path.startswith("tools[")
        if is_loaded_again:
            return
        if is_plain and unique in self.by_function:
            raise InvalidRequest(f"two tools have the name {name}", param=f"{path}.name")
        n = 1
        while unique in self.by_function or (not is_plain and unique in self.plain_names):
            n += 1
            unique = f"{_flat_name(namespace, name)}_{n}"
        tool = ClientTool(kind, name, namespace, path, {"name": unique, **fields})
        self.tools.append(tool)
        self.by_function[unique] = tool
        self.names.setdefault(tool.key, unique)


def collect_tools(body: Json) -> Toolbox:
    """Return the tools of a request that the client runs. Raise InvalidRequest for a malformed tool.

    `unsupported_fields` reports a provider's own tools, which are left out.
    """
    definitions = [
        *((f"tools[{i}]", tool) for i, tool in enumerate(list_or_empty(body.get("tools"), "tools"))),
        *_loaded_tools(body.get("input")),
    ]
    named = [tool for _, tool in definitions if isinstance(tool, dict) and tool.get("type") in NAMED_KINDS]
    box = Toolbox(frozenset(str(tool.get("name")) for tool in named))
    for path, tool in definitions:
        _add_tool(box, path, tool, None)
    return box


def namespace_tools(tool: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Yield the tools of a namespace with their paths."""
    for i, inner in enumerate(list_or_empty(tool.get("tools"), f"{path}.tools")):
        if isinstance(inner, dict):
            yield f"{path}.tools[{i}]", inner


def is_hosted_shell(tool: Json) -> bool:
    """Return True if the provider runs the shell, in a container of its own."""
    environment = tool.get("environment")
    return isinstance(environment, dict) and environment.get("type") != "local"


def is_server_search(tool: Json) -> bool:
    """Return True if the provider searches the tools, which all stand in the request."""
    return tool.get("execution") != "client"


def list_or_empty(value: object, param: str) -> list[object]:
    """Return a list, [] for None. Raise InvalidRequest for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(f"{param} must be a list", param=param, code="invalid_type")
    return value


def _loaded_tools(items: object) -> Iterator[tuple[str, object]]:
    for i, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") in LOADING_ITEMS:
            path = f"input[{i}].tools"
            for j, tool in enumerate(list_or_empty(item.get("tools"), path)):
                yield f"{path}[{j}]", tool


def _key(kind: str, name: str, namespace: object) -> tuple[str, str | None, str]:
    return kind, namespace if isinstance(namespace, str) and namespace else None, name


def _add_tool(box: Toolbox, path: str, tool: object, namespace: str | None) -> None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise InvalidRequest("a tool needs a type", param=f"{path}.type")
    match tool["type"]:
        case "function":
            box.add("function", _require_name(tool, path), namespace, path, _function_fields(tool))
        case "custom":
            box.add("custom", _require_name(tool, path), namespace, path, _custom_fields(tool))
        case "namespace":
            name = _require_name(tool, path)
            for place, inner in namespace_tools(tool, path):
                _add_tool(box, place, inner, name)
        case "tool_search" if not is_server_search(tool):
            fields = {"description": SEARCH_DESCRIPTION, "parameters": SEARCH_PARAMETERS}
            box.add("tool_search", "tool_search", None, path, fields | _function_fields(tool))
        case "local_shell" | "shell" | "apply_patch" as kind if not is_hosted_shell(tool):
            box.add(kind, kind, None, path, dict(BUILT_IN[kind]))
        case _:
            pass


def _function_fields(tool: Json) -> Json:
    names = ("description", "parameters", "strict")
    return {name: tool[name] for name in names if tool.get(name) is not None}


def _custom_fields(tool: Json) -> Json:
    texts = (tool.get("description"), _describe_grammar(tool.get("format")))
    description = "\n\n".join(text for text in texts if isinstance(text, str) and text)
    parameters = _object_schema({INPUT: {"type": "string", "description": INPUT_DESCRIPTION}}, INPUT)
    fields: Json = {"parameters": parameters}
    return {**fields, "description": description} if description else fields


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
    if not name:
        raise InvalidRequest(f"{path}.name must not be empty", param=f"{path}.name")
    return name


def _flat_name(namespace: str | None, name: str) -> str:
    """Return the name of a tool's function.

    >>> _flat_name("mcp__echo", "shout")
    'mcp__echo__shout'
    """
    return name if namespace is None else f"{namespace.rstrip('_')}{SEPARATOR}{name}"


def _object_schema(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
SEARCH_DESCRIPTION = "Search for tools. The tools that match can be called from the next turn on."
SEARCH_PARAMETERS = _object_schema({"query": _TEXT, "limit": _NUMBER}, "query")
# The parameters are the fields of the items `local_shell_call`, `shell_call` and `apply_patch_call`.
BUILT_IN: Mapping[str, Json] = {
    "local_shell": {
        "description": "Run a command on the user's machine and return its output.",
        "parameters": _object_schema(
            {
                "command": {**_TEXTS, "description": "the program and its arguments"},
                "working_directory": _TEXT,
                "timeout_ms": _NUMBER,
            },
            "command",
        ),
    },
    "shell": {
        "description": "Run shell commands on the user's machine, one after the other.",
        "parameters": _object_schema(
            {"commands": _TEXTS, "timeout_ms": _NUMBER, "max_output_length": _NUMBER}, "commands"
        ),
    },
    "apply_patch": {
        "description": "Create, update or delete one file of the user's workspace.",
        "parameters": _object_schema(
            {
                "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                "path": {**_TEXT, "description": "relative to the root of the workspace"},
                "diff": {
                    **_TEXT,
                    "description": "the change in V4A diff format: lines that begin with a space, + or -, "
                    "in sections that begin with @@; not for delete_file",
                },
            },
            "type",
            "path",
        ),
    },
}
