"""`tool_choice` and web search of a Responses request in the form of chat completions.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-tool_choice. client_tools.py
has the tools that the client runs itself.
"""

from __future__ import annotations

from vaultcore.client_apis.responses.client_tools import NAMED_KINDS, Toolbox, list_or_empty
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

RESPONSES_ONLY = "only a provider that speaks Responses supports it"
WEB_SEARCH_TYPES = ("web_search", "web_search_preview")


@dataclass(frozen=True, slots=True)
class ParsedToolChoice:
    """A `tool_choice`, None for the default, and a reason for each part of it that is lost."""

    value: object = None
    losses: tuple[str, ...] = ()


def parse_tool_choice(choice: object, box: Toolbox) -> ParsedToolChoice:
    """Return the choice with the functions' names. Raise InvalidRequest if its form is unknown."""
    match choice:
        case None | "auto" | "none":
            return ParsedToolChoice(choice if box.tools else None)
        case "required":
            return (
                ParsedToolChoice(choice)
                if box.tools
                else ParsedToolChoice(None, ("there is no tool to call",))
            )
        case {"type": "allowed_tools", "tools": list() as allowed, **rest}:
            return _parse_allowed(allowed, str(rest.get("mode") or "auto"), box)
        case {"type": str()}:
            names = _function_names(choice, box)
            if names:
                return ParsedToolChoice(_function(names[0]))
            return ParsedToolChoice(None, (_loss(choice),))
        case _:
            raise InvalidRequest("unknown tool_choice", param="tool_choice")


def parse_web_search(body: Json) -> Json | None:
    """Return `web_search_options` if a tool is a web search, else None."""
    tools = [
        tool
        for tool in list_or_empty(body.get("tools"), "tools")
        if isinstance(tool, dict) and is_web_search(tool)
    ]
    if not tools:
        return None
    options: Json = {}
    if tools[0].get("search_context_size"):
        options["search_context_size"] = tools[0]["search_context_size"]
    if isinstance(location := tools[0].get("user_location"), dict):
        fields = {name: value for name, value in location.items() if name != "type" and value is not None}
        options["user_location"] = {"type": "approximate", "approximate": fields}
    if isinstance(filters := tools[0].get("filters"), dict):
        options["filters"] = filters
    return options


def is_web_search(tool: Json) -> bool:
    """Return True if a tool is a web search of any version."""
    return str(tool.get("type")).startswith(WEB_SEARCH_TYPES)


def _parse_allowed(allowed: list[object], mode: str, box: Toolbox) -> ParsedToolChoice:
    names, losses = list[str](), list[str]()
    for tool in allowed:
        matches = _function_names(tool, box)
        names += [name for name in matches if name not in names]
        losses += [] if matches else [_loss(tool)]
    functions = [_function(name) for name in names]
    value = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": functions}}
    return ParsedToolChoice(value if functions else None, tuple(losses))


def _function_names(tool: object, box: Toolbox) -> list[str]:
    """Return the names of the functions that stand for a tool, several for a namespace."""
    match tool:
        case {"type": "namespace", "name": str(name)}:
            return [each.function["name"] for each in box.tools if each.namespace == name]
        case {"type": str(kind), "name": str(name), **rest} if kind in NAMED_KINDS:
            keys = [(kind, name, rest.get("namespace"))]
        case {"type": str(kind)}:
            keys = [(kind, kind, None)]
        case _:
            keys = []
    return [box.function_name(*key) for key in keys if box.offers(*key)]


def _function(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _loss(tool: object) -> str:
    """Return why a tool cannot be called: no function stands for it."""
    match tool:
        case {"type": str(kind), "name": str(name)} if kind in NAMED_KINDS:
            return f"the tool {name} is not sent"
        case {"type": kind}:
            return f"{kind}: {RESPONSES_ONLY}"
        case _:
            return RESPONSES_ONLY
