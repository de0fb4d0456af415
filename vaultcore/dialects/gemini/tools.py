"""Tools, and which of them the model may or must use."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.dialects import Change
from vaultcore.dialects.gemini.generation import THREE, VALIDATING, Generation
from vaultcore.dialects.gemini.schema import sanitised
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

SERVERS = {  # tools on Google's side, as clients name them
    "google_search": "googleSearch",
    "code_execution": "codeExecution",
    "url_context": "urlContext",
    "google_maps": "googleMaps",
}
UNSUPPORTED = "unsupported_parameter"


@dataclass(slots=True)
class Tools:
    functions: list[Json] = field(default_factory=list)
    servers: list[Json] = field(default_factory=list)
    calling: Json | None = None  # functionCallingConfig
    strict: bool = False

    @property
    def body(self) -> Json:
        """The fields of a request."""
        told = [{"functionDeclarations": self.functions}] if self.functions else []
        out: Json = {"tools": [*told, *self.servers]} if told or self.servers else {}
        if self.calling and self.functions:
            out["toolConfig"] = {"functionCallingConfig": self.calling}
        return out


def render_tools(request: ChatRequest, made: Generation, changes: list[Change]) -> Tools:
    out = Tools()
    for i, tool in enumerate(request.get("tools") or []):
        _take(out, f"tools[{i}]", tool, made, changes)
    _search(out, request, made, changes)
    if out.functions and out.servers and made < THREE:
        told = "this model takes functions or tools of Google's, not both"
        raise InvalidRequest(told, param="tools", code=UNSUPPORTED)
    _choose(out, request.get("tool_choice"), made)
    if out.strict and out.calling is None:
        out.calling = {"mode": "VALIDATED"}
    if request.get("parallel_tool_calls") is False and out.functions:
        reason = "Gemini decides itself whether it calls several functions at once"
        changes.append(Change("parallel_tool_calls", "dropped", reason))
    return out


def _take(out: Tools, path: str, tool: Json, made: Generation, changes: list[Change]) -> None:
    kind = tool.get("type", "function")
    if kind == "function":
        out.functions.append(_function(out, path, tool["function"], made, changes))
    elif isinstance(kind, str) and kind in SERVERS:
        options = tool.get(kind)
        out.servers.append({SERVERS[kind]: options if isinstance(options, dict) else {}})
    else:
        told = f"{kind} tools cannot be sent to this model"
        raise InvalidRequest(told, param=f"{path}.type", code=UNSUPPORTED)


def _function(out: Tools, path: str, told: Json, made: Generation, changes: list[Change]) -> Json:
    declared: Json = {"name": told["name"]}
    if told.get("description"):
        declared["description"] = told["description"]
    schema = told.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(schema, dict):
        raise InvalidRequest("parameters must be an object", param=f"{path}.function.parameters")
    rendered = sanitised(schema, f"{path}.function.parameters", changes)
    declared["parametersJsonSchema"] = {"type": "object", **rendered} if "$ref" not in rendered else rendered
    if told.get("strict"):
        if made >= VALIDATING:
            out.strict = True
        else:
            reason = "this model does not hold calls to their schema"
            changes.append(Change(f"{path}.function.strict", "dropped", reason))
    return declared


def _search(out: Tools, request: ChatRequest, made: Generation, changes: list[Change]) -> None:
    """The web search that OpenAI has as a parameter is a tool here."""
    options = request.get("web_search_options")
    if options is None:
        return
    if out.functions and made < THREE:
        reason = "this model searches only where it has no functions to call"
        changes.append(Change("web_search_options", "dropped", reason))
        return
    out.servers.append({"googleSearch": {}})
    changes.append(Change("web_search_options", "renamed", "a tool there: googleSearch"))


def _choose(out: Tools, told: object, made: Generation) -> None:
    if told in (None, "auto"):
        return
    if not out.functions:
        if told == "none":
            return
        raise InvalidRequest("tool_choice needs tools", param="tool_choice")
    match told:
        case "none":
            out.calling = {"mode": "NONE"}
        case "required" | "any":
            out.calling = {"mode": "ANY"}
        case {"type": "function", "function": {"name": str(name)}}:
            out.calling = {"mode": "ANY", "allowedFunctionNames": [_named(out, name)]}
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **rest}}:
            _allow(out, [_allowed(out, tool) for tool in allowed], rest.get("mode") == "required", made)
        case _:
            raise InvalidRequest("tool_choice is none that is known", param="tool_choice")


def _allow(out: Tools, names: list[str], required: bool, made: Generation) -> None:
    if required or made >= VALIDATING:
        out.calling = {"mode": "ANY" if required else "VALIDATED", "allowedFunctionNames": names}
    else:
        out.functions = [tool for tool in out.functions if tool["name"] in names]


def _allowed(out: Tools, tool: object) -> str:
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return _named(out, name)
        case _:
            raise InvalidRequest("an allowed tool needs a name", param="tool_choice.allowed_tools.tools")


def _named(out: Tools, name: str) -> str:
    if all(tool["name"] != name for tool in out.functions):
        raise InvalidRequest(f"tool_choice names {name}, which is not among the tools", param="tool_choice")
    return name
