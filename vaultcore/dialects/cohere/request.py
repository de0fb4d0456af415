"""Renders chat requests for Cohere: https://docs.cohere.com/v2/reference/chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, RenderedRequest
from vaultcore.dialects.cohere.conversation import render_messages
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.quirks import json_instruction
from vaultcore.dialects.reasoning_effort import report_display, report_overruled
from vaultcore.dialects.tools import fill_schema, parse_tool_choice
from vaultcore.dialects.unsupported_fields import report_unsupported
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.cohere.wire import CohereRequest, CohereResponseFormat, CohereThinking

TRANSLATED = {  # fields that a function of this module renders
    *("model", "messages", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens"),
    *("temperature", "top_p", "top_k", "stop", "tools", "tool_choice", "response_format"),
    *("reasoning_effort", "reasoning", "thinking"),
}
COPIED = (  # fields of the same name and meaning, then Cohere's own
    *("seed", "frequency_penalty", "presence_penalty", "logprobs"),
    *("documents", "citation_options", "safety_mode", "priority", "strict_tools", "k", "p"),
)
RANGES: Mapping[str, tuple[float, float]] = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500)}
MAX_STOPS = 5  # stop sequences
UNSUPPORTED = (
    *("messages.name", "messages.audio", "messages.function_call", "messages.cache_control"),
    *("messages.content.cache_control", "messages.content.prompt_cache_breakpoint"),
    *("messages.tool_calls.cache_control", "tools.cache_control", "tools.function.cache_control"),
    "stream_options.include_obfuscation",
)
BUDGETS: Mapping[str, int] = {
    "minimal": 512,
    "low": 1_024,
    "medium": 4_096,
}  # tokens; above: no limit
TOOL_CHOICES: Mapping[str, Literal["REQUIRED", "NONE"]] = {"required": "REQUIRED", "none": "NONE"}


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the protocol's signature
    return "/chat"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the request in Cohere's format. Raise InvalidRequest if it cannot express it."""
    changes = list[Change]()
    source = cast(Json, {name: value for name, value in request.items() if value is not None})
    title = target.provider.title
    if not is_default("n", source.get("n")):
        raise InvalidRequest(f"n must be 1: {title} returns one choice per request", param="n")
    messages = render_messages(request["messages"], changes)
    body: CohereRequest = {"model": target.model.name, "messages": messages}
    if source.get("stream"):
        body["stream"] = True
    _render_tools(body, source, changes)
    _render_response_format(body, source, changes)
    _render_max_tokens(body, source, target, changes)
    _render_sampling(body, source, changes)
    if thinking := _render_thinking(source, target, changes):
        body["thinking"] = thinking
    rendered = cast(Json, body)
    rendered.update({name: source[name] for name in COPIED if name in source})
    for name, value in source.items():
        if name not in TRANSLATED and name not in COPIED and not is_default(name, value):
            changes.append(Change(name, "dropped", f"{title} has no such parameter"))
    changes += report_unsupported(source, f"{title} has no such field", *UNSUPPORTED)
    return RenderedRequest(rendered, tuple(changes))


def _render_tools(body: CohereRequest, source: Json, changes: list[Change]) -> None:
    choice = parse_tool_choice(source.get("tool_choice"))
    client_tools = source.get("tools") or []
    tools = [_render_tool(f"tools[{i}]", tool) for i, tool in enumerate(client_tools)]
    if not tools:
        if choice.mode == "required":
            raise InvalidRequest("tool_choice needs tools", param="tool_choice")
        return
    body["tools"] = choice.filter_tools(tools)
    if len(body["tools"]) < len(tools):
        changes.append(Change("tool_choice", "emulated", "only the allowed tools are sent"))
    if choice.mode in TOOL_CHOICES:
        body["tool_choice"] = TOOL_CHOICES[choice.mode]
    strict = [bool(tool["function"].get("strict")) for tool in client_tools]
    if any(strict):
        body["strict_tools"] = True
        if not all(strict):
            changes.append(Change("tools", "emulated", "strict applies to all tools"))


def _render_tool(path: str, tool: Json) -> Json:
    kind = tool.get("type", "function")
    if kind != "function":
        text = f"this model does not accept {kind} tools"
        raise InvalidRequest(text, param=f"{path}.type", code="unsupported_parameter")
    source = tool["function"]
    function: Json = {"name": source["name"]}
    if source.get("description"):
        function["description"] = source["description"]
    function["parameters"] = fill_schema(source.get("parameters"))
    return {"type": "function", "function": function}


def _render_response_format(body: CohereRequest, source: Json, changes: list[Change]) -> None:
    match source.get("response_format"):
        case None | {"type": "text"}:
            return
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **described}}:
            if described.get("description"):
                schema = {"description": described["description"], **schema}
            response_format: CohereResponseFormat = {"type": "json_object", "json_schema": schema}
        case {"type": "json_object" | "json_schema"}:
            response_format = {"type": "json_object"}
        case _:
            raise InvalidRequest("response_format.type is unknown", param="response_format.type")
    if body.get("tools") or source.get("documents"):
        instruction = json_instruction(response_format.get("json_schema"))
        body["messages"] = [{"role": "system", "content": instruction}, *body["messages"]]
        reason = "requested in the system prompt: Cohere rejects it with tools or documents"
        changes.append(Change("response_format", "emulated", reason))
        return
    body["response_format"] = response_format


def _render_max_tokens(body: CohereRequest, source: Json, target: Target, changes: list[Change]) -> None:
    name = "max_completion_tokens" if "max_completion_tokens" in source else "max_tokens"
    requested: int | None = source.get(name)
    if requested is None:
        return
    limit = target.model.max_output_tokens or requested
    if requested > limit:
        reason = f"{target.model.name} writes at most {limit} tokens"
        changes.append(Change(name, "clamped", reason, requested, limit))
    body["max_tokens"] = min(requested, limit)


def _render_sampling(body: CohereRequest, source: Json, changes: list[Change]) -> None:
    rendered = cast(Json, body)
    for name, renamed in (("temperature", "temperature"), ("top_p", "p"), ("top_k", "k")):
        if name not in source:
            continue
        low, high = RANGES[renamed]
        value = rendered[renamed] = min(max(source[name], low), high)
        if value != source[name]:
            reason = f"the provider's range is {low:g} to {high:g}"
            changes.append(Change(name, "clamped", reason, source[name], value))
    requested = source.get("stop") or []
    requested = [requested] if isinstance(requested, str) else requested
    stops = [stop for stop in dict.fromkeys(requested) if stop]
    if len(stops) > MAX_STOPS:
        reason = f"at most {MAX_STOPS} stop sequences"
        changes.append(Change("stop", "clamped", reason, len(stops), MAX_STOPS))
    if stops:
        body["stop_sequences"] = stops[:MAX_STOPS]


def _render_thinking(source: Json, target: Target, changes: list[Change]) -> CohereThinking | None:
    """Return Cohere's `thinking` for the client's `reasoning_effort`, `reasoning` or `thinking`."""
    changes += [*report_overruled(source), *report_display(source)]
    wide, thinking = source.get("reasoning"), source.get("thinking")
    wide = wide if isinstance(wide, dict) else {}
    effort = source.get("reasoning_effort") or wide.get("effort")
    budget = wide.get("max_tokens")
    path = "reasoning_effort" if "reasoning_effort" in source else "reasoning"
    if isinstance(thinking, dict):
        path, budget = "thinking", thinking.get("token_budget") or thinking.get("budget_tokens")
        effort = "none" if thinking.get("type") == "disabled" else effort or "high"
    if effort is None and budget is None:
        return None
    if target.model.capabilities.thinking == "none":
        if effort != "none":
            changes.append(Change(path, "dropped", "this model does not reason"))
        return None
    if effort == "none":
        return {"type": "disabled"}
    tokens = budget or BUDGETS.get(str(effort))
    if isinstance(tokens, int) and tokens > 0:
        return {"type": "enabled", "token_budget": tokens}
    return {"type": "enabled"}
