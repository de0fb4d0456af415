"""Tool definitions and tool choice: https://ai.google.dev/api/caching#Tool."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.gemini.json_schema import simplify_schema
from vaultcore.dialects.gemini.model_generation import GEMINI_2_5, GEMINI_3, Generation
from vaultcore.dialects.web_search import without_filters
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import (
        GeminiFunctionCallingConfig,
        GeminiFunctionDeclaration,
        GeminiRequest,
    )

SERVER_TOOLS = {  # Google's own tools: the client's type -> Gemini's field
    "google_search": "googleSearch",
    "code_execution": "codeExecution",
    "url_context": "urlContext",
    "google_maps": "googleMaps",
}
UNSUPPORTED = "unsupported_parameter"


@dataclass(slots=True)
class GeminiToolSet:
    """The tools of a request and how the model may call them."""

    functions: list[GeminiFunctionDeclaration] = field(default_factory=list)
    server_tools: list[Json] = field(default_factory=list)
    calling: GeminiFunctionCallingConfig | None = None
    is_strict: bool = False

    @property
    def body(self) -> GeminiRequest:
        """Return the `tools` and `toolConfig` of a request."""
        functions: list[Json] = [{"functionDeclarations": self.functions}] if self.functions else []
        tools = [*functions, *self.server_tools]
        body: GeminiRequest = {"tools": tools} if tools else {}
        if self.calling and self.functions:
            body["toolConfig"] = {"functionCallingConfig": self.calling}
        return body


def render_tools(request: ChatRequest, generation: Generation, changes: list[Change]) -> GeminiToolSet:
    """Return the request's tools. Raise InvalidRequest if a tool or the tool choice is invalid for Gemini."""
    toolset = GeminiToolSet()
    for i, tool in enumerate(request.get("tools") or []):
        _add_tool(toolset, f"tools[{i}]", tool, generation, changes)
    _add_search(toolset, request, generation, changes)
    if toolset.functions and toolset.server_tools and generation < GEMINI_3:
        message = "this model accepts functions or Google's own tools, not both"
        raise InvalidRequest(message, param="tools", code=UNSUPPORTED)
    _render_choice(toolset, request.get("tool_choice"), generation)
    if toolset.is_strict and toolset.calling is None:
        toolset.calling = {"mode": "VALIDATED"}
    if request.get("parallel_tool_calls") is False and toolset.functions:
        reason = "Gemini cannot limit the calls to one"
        changes.append(Change("parallel_tool_calls", "dropped", reason))
    return toolset


def _add_tool(
    toolset: GeminiToolSet, path: str, tool: Json, generation: Generation, changes: list[Change]
) -> None:
    kind = tool.get("type", "function")
    if kind == "function":
        toolset.functions.append(_render_function(toolset, path, tool["function"], generation, changes))
    elif isinstance(kind, str) and kind in SERVER_TOOLS:
        options = tool.get(kind)
        toolset.server_tools.append({SERVER_TOOLS[kind]: options if isinstance(options, dict) else {}})
    else:
        message = f"this model does not accept tools of type {kind}"
        raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)


def _render_function(
    toolset: GeminiToolSet, path: str, function: Json, generation: Generation, changes: list[Change]
) -> GeminiFunctionDeclaration:
    declaration: GeminiFunctionDeclaration = {"name": function["name"]}
    if function.get("description"):
        declaration["description"] = function["description"]
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(schema, dict):
        raise InvalidRequest("parameters must be an object", param=f"{path}.function.parameters")
    simplified = simplify_schema(schema, f"{path}.function.parameters", changes)
    if "$ref" not in simplified:
        simplified = {"type": "object", **simplified}
    declaration["parametersJsonSchema"] = simplified
    if function.get("strict"):
        if generation >= GEMINI_2_5:
            toolset.is_strict = True
            reason = "sent as the mode VALIDATED of all functions"
            changes.append(Change(f"{path}.function.strict", "renamed", reason))
        else:
            reason = "this model does not enforce schemas"
            changes.append(Change(f"{path}.function.strict", "dropped", reason))
    return declaration


def _add_search(
    toolset: GeminiToolSet, request: ChatRequest, generation: Generation, changes: list[Change]
) -> None:
    """Add Google Search for OpenAI's `web_search_options`."""
    options = cast(Json, request).get("web_search_options")
    if options is None:
        return
    if toolset.functions and generation < GEMINI_3:
        reason = "this model searches the web in requests without functions only"
        changes.append(Change("web_search_options", "dropped", reason))
        return
    toolset.server_tools.append({"googleSearch": {}})
    without_filters(options, changes)
    changes.append(Change("web_search_options", "renamed", "sent as the tool googleSearch"))


def _render_choice(toolset: GeminiToolSet, choice: object, generation: Generation) -> None:
    if choice is None:
        return
    if not toolset.functions:
        if choice in ("auto", "none"):
            return
        raise InvalidRequest("tool_choice needs tools", param="tool_choice")
    match choice:
        case "auto":
            toolset.calling = {"mode": "VALIDATED" if toolset.is_strict else "AUTO"}
        case "none":
            toolset.calling = {"mode": "NONE"}
        case "required" | "any":
            toolset.calling = {"mode": "ANY"}
        case {"type": "function", "function": {"name": str(name)}}:
            toolset.calling = {"mode": "ANY", "allowedFunctionNames": [_require_function(toolset, name)]}
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as allowed, **options}}:
            names = [_allowed_name(toolset, tool) for tool in allowed]
            _allow(toolset, names, generation, is_required=options.get("mode") == "required")
        case _:
            raise InvalidRequest("tool_choice has no supported form", param="tool_choice")


def _allow(toolset: GeminiToolSet, names: list[str], generation: Generation, *, is_required: bool) -> None:
    if is_required or generation >= GEMINI_2_5:
        toolset.calling = {"mode": "ANY" if is_required else "VALIDATED", "allowedFunctionNames": names}
    else:
        toolset.functions = [function for function in toolset.functions if function["name"] in names]


def _allowed_name(toolset: GeminiToolSet, tool: object) -> str:
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return _require_function(toolset, name)
        case _:
            raise InvalidRequest("an allowed tool needs a name", param="tool_choice.allowed_tools.tools")


def _require_function(toolset: GeminiToolSet, name: str) -> str:
    if all(function["name"] != name for function in toolset.functions):
        raise InvalidRequest(f"tool_choice names {name}, which is not in tools", param="tool_choice")
    return name
