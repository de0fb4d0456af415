"""A chat request as a request of Cohere's: https://docs.cohere.com/v2/reference/chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, Rendered
from vaultcore.dialects.cohere.turns import render_messages
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.quirks import in_words
from vaultcore.dialects.tool_choice import choice
from vaultcore.dialects.tool_parameters import ANY_OBJECT
from vaultcore.dialects.unsupported_fields import unplaced
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

RENDERED = {
    *("model", "messages", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens"),
    *("temperature", "top_p", "top_k", "stop", "tools", "tool_choice", "response_format"),
    *("reasoning_effort", "reasoning", "thinking"),
}
SAME = ("seed", "frequency_penalty", "presence_penalty", "logprobs")
OWN = ("documents", "citation_options", "safety_mode", "priority", "strict_tools", "k", "p")
RANGES: Mapping[str, tuple[float, float]] = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500)}
MOST_STOPS = 5
UNPLACED = (
    *(
        "messages.name",
        "messages.audio",
        "messages.function_call",
        "messages.cache_control",
        "messages.content.cache_control",
    ),
    *("messages.content.prompt_cache_breakpoint", "messages.tool_calls.cache_control"),
    *("tools.cache_control", "tools.function.cache_control", "stream_options.include_obfuscation"),
)
BUDGETS: Mapping[str, int] = {"minimal": 512, "low": 1_024, "medium": 4_096}  # tokens; beyond: as it likes
FORCED: Mapping[str, str] = {"required": "REQUIRED", "none": "NONE"}


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the Protocol's
    return "/chat"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    changes = list[Change]()
    asked = cast(Json, {name: value for name, value in request.items() if value is not None})
    if not neutral("n", asked.get("n")):
        raise InvalidRequest(f"{target.provider.title} gives one answer at a time: n must be 1", param="n")
    body: Json = {"model": target.model.name, "messages": render_messages(request["messages"], changes)}
    if asked.get("stream"):
        body["stream"] = True
    _tools(body, asked, changes)
    _shape(body, asked, changes)
    _length(body, asked, target, changes)
    _sampling(body, asked, changes)
    if thinking := _thinking(asked, target, changes):
        body["thinking"] = thinking
    body.update({name: asked[name] for name in (*SAME, *OWN) if name in asked})
    for name, value in asked.items():
        if name not in RENDERED and name not in SAME and name not in OWN and not neutral(name, value):
            changes.append(Change(name, "dropped", f"{target.provider.title} has no such parameter"))
    changes += unplaced(asked, f"{target.provider.title} has no place for it", *UNPLACED)
    return Rendered(body, tuple(changes))


def _tools(body: Json, asked: Json, changes: list[Change]) -> None:
    chosen = choice(asked.get("tool_choice"))
    told = asked.get("tools") or []
    tools = [_tool(f"tools[{i}]", tool) for i, tool in enumerate(told)]
    if not tools:
        if chosen.mode == "required":
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
        return
    body["tools"] = chosen.among(tools)
    if len(body["tools"]) < len(tools):
        changes.append(Change("tool_choice", "emulated", "the other tools are left out"))
    if chosen.mode in FORCED:
        body["tool_choice"] = FORCED[chosen.mode]
    strict = [bool(tool["function"].get("strict")) for tool in told]
    if any(strict):
        body["strict_tools"] = True
        if not all(strict):
            changes.append(Change("tools", "emulated", "strict is for all tools or none: for all"))


def _tool(path: str, tool: Json) -> Json:
    kind = tool.get("type", "function")
    if kind != "function":
        told = f"{kind} tools cannot be sent to this model"
        raise InvalidRequest(told, param=f"{path}.type", code="unsupported_parameter")
    given = tool["function"]
    function: Json = {"name": given["name"]}
    if given.get("description"):
        function["description"] = given["description"]
    function["parameters"] = given.get("parameters") or ANY_OBJECT
    return {"type": "function", "function": function}


def _shape(body: Json, asked: Json, changes: list[Change]) -> None:
    shape = asked.get("response_format")
    match shape:
        case None | {"type": "text"}:
            return
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **described}}:
            if described.get("description"):
                schema = {"description": described["description"], **schema}
            formed: Json = {"type": "json_object", "json_schema": schema}
        case {"type": "json_object" | "json_schema"}:
            formed = {"type": "json_object"}
        case _:
            raise InvalidRequest("response_format is none that is known", param="response_format.type")
    if body.get("tools") or asked.get("documents"):
        words = in_words(formed.get("json_schema"))
        body["messages"] = [{"role": "system", "content": words}, *body["messages"]]
        changes.append(Change("response_format", "emulated", "in words: not beside tools or documents"))
        return
    body["response_format"] = formed


def _length(body: Json, asked: Json, target: Target, changes: list[Change]) -> None:
    name = "max_completion_tokens" if "max_completion_tokens" in asked else "max_tokens"
    wanted: int | None = asked.get(name)
    if wanted is None:
        return
    limit = target.model.max_output_tokens or wanted
    if wanted > limit:
        reason = f"{target.model.name} writes {limit} tokens at most"
        changes.append(Change(name, "clamped", reason, wanted, limit))
    body["max_tokens"] = min(wanted, limit)


def _sampling(body: Json, asked: Json, changes: list[Change]) -> None:
    for name, theirs in (("temperature", "temperature"), ("top_p", "p"), ("top_k", "k")):
        if name not in asked:
            continue
        least, most = RANGES[theirs]
        body[theirs] = min(max(asked[name], least), most)
        if body[theirs] != asked[name]:
            told = f"goes from {least:g} to {most:g} there"
            changes.append(Change(name, "clamped", told, asked[name], body[theirs]))
    wanted = asked.get("stop") or []
    stops = [stop for stop in dict.fromkeys([wanted] if isinstance(wanted, str) else wanted) if stop]
    if len(stops) > MOST_STOPS:
        reason = f"{MOST_STOPS} stop sequences at most"
        changes.append(Change("stop", "clamped", reason, len(stops), MOST_STOPS))
    if stops:
        body["stop_sequences"] = stops[:MOST_STOPS]


def _thinking(asked: Json, target: Target, changes: list[Change]) -> Json | None:
    """What to ask for. There are three spellings, of which the last is nearly Cohere's own."""
    wide, own = asked.get("reasoning"), asked.get("thinking")
    wide = wide if isinstance(wide, dict) else {}
    effort = asked.get("reasoning_effort") or wide.get("effort")
    budget = wide.get("max_tokens")
    path = "reasoning_effort" if "reasoning_effort" in asked else "reasoning"
    if isinstance(own, dict):
        path, budget = "thinking", own.get("token_budget") or own.get("budget_tokens")
        effort = "none" if own.get("type") == "disabled" else effort or "high"
    if effort is None and budget is None:
        return None
    if target.model.capabilities.thinking == "none":
        if effort != "none":
            changes.append(Change(path, "dropped", "this model does not think"))
        return None
    if effort == "none":
        return {"type": "disabled"}
    tokens = budget or BUDGETS.get(str(effort))
    return {"type": "enabled", **({"token_budget": tokens} if isinstance(tokens, int) and tokens > 0 else {})}
