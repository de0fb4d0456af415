"""Renders chat requests for Responses: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, RenderedRequest
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.max_tokens import clamp_max_tokens
from vaultcore.dialects.reasoning_effort import (
    drop_reasoning,
    overruled_fields,
    parse_reasoning,
    report_display,
    report_overruled,
)
from vaultcore.dialects.responses.conversation import render_input
from vaultcore.dialects.responses.reasoning import ENCRYPTED
from vaultcore.dialects.responses.tools import render_tool_choice, render_tools
from vaultcore.dialects.tools import drop_lone_tool_fields
from vaultcore.dialects.unsupported_fields import report_unsigned_reasoning, report_unsupported
from vaultcore.dialects.web_search import search_domains
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesRequest, ResponsesTool

MIN_OUTPUT_TOKENS = 16  # the API rejects fewer
COPIED = (  # fields of the same name and meaning
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "service_tier",
    "user",
    "safety_identifier",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "moderation",
)
UNSUPPORTED = (
    *("messages.audio", "messages.cache_control", "messages.content.cache_control"),
    *("messages.tool_calls.cache_control", "tools.cache_control", "tools.function.cache_control"),
    *("store", "stream_options.include_obfuscation"),
)
LOGPROBS = "message.output_text.logprobs"  # value of `include`


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the protocol's signature
    return "/responses"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the request in the format of Responses. Raise InvalidRequest if it cannot express it."""
    changes = list[Change]()
    source = cast(Json, {name: value for name, value in request.items() if value is not None})
    title = target.provider.title
    source = _render_thinking(source, target, changes)
    if not is_default("n", source.get("n")):
        raise InvalidRequest(f"n must be 1: {title} returns one choice per request", param="n")
    clamp_max_tokens(source, target.model, changes)
    items = render_input(request["messages"], target, changes)
    body: ResponsesRequest = {"model": target.model.name, "input": items, "store": False}
    for name, value in source.items():
        if name in target.provider.drop or name not in RENDERERS:
            if not is_default(name, value):
                changes.append(Change(name, "dropped", f"{title} has no such parameter in Responses"))
        elif (render := RENDERERS[name]) is not None:
            render(body, name, source, changes)
    drop_lone_tool_fields(cast(Json, body), changes)
    changes += report_unsupported(source, "Responses has no such field", *UNSUPPORTED)
    reason = "reasoning is accepted only in its original, encrypted form"
    changes += report_unsigned_reasoning(request["messages"], reason)
    if target.model.capabilities.thinking not in (None, "none"):
        body.setdefault("include", []).append(ENCRYPTED)
    return RenderedRequest(cast(Json, body), tuple(changes))


def _render_thinking(source: Json, target: Target, changes: list[Change]) -> Json:
    """Return the fields with an effort in place of Anthropic's `thinking`, which Responses does not have."""
    if target.model.capabilities.thinking == "none":
        return _without_reasoning(source, changes)
    if not isinstance(source.get("thinking"), dict):
        return source
    changes += report_overruled(source)
    requested = parse_reasoning(source)
    replaced = {"thinking", *overruled_fields(source)}
    fields = {name: value for name, value in source.items() if name not in replaced}
    fields = _render_display(source, fields, changes)
    if requested is None or requested.path != "thinking":
        return fields
    levels = target.model.capabilities.effort_levels
    if requested.level == "none" and "none" not in levels:
        reason = "no reasoning is requested; a model that always reasons still does"
        changes.append(Change("thinking", "emulated", reason))
        return {**fields, "reasoning_effort": levels[0]} if levels else fields
    changes.append(Change("thinking", "emulated", "Responses has an effort", now=requested.level))
    return {**fields, "reasoning_effort": requested.level}


def _without_reasoning(source: Json, changes: list[Change]) -> Json:
    """Return the fields for a model that does not reason, which rejects settings of it."""
    fields = dict(source)
    changes += [*report_overruled(fields), *report_display(fields)]
    for name in overruled_fields(fields):
        del fields[name]
    drop_reasoning(fields, changes)
    return fields


def _render_display(source: Json, fields: Json, changes: list[Change]) -> Json:
    """Return the fields with a summary of the reasoning, if `thinking.display` asks for one."""
    display, kind = source["thinking"].get("display"), source["thinking"].get("type")
    if display is None or kind == "disabled":
        return fields
    changes.append(Change("thinking.display", "renamed", "sent as reasoning.summary, or without", display))
    if display != "summarized":
        return fields
    wide = fields.get("reasoning")
    return {**fields, "reasoning": {"summary": "auto", **(wide if isinstance(wide, dict) else {})}}


# The functions of the table RENDERERS: each renders the field `name` of `source` into `body`.


def _copy(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    cast(Json, body)[name] = source[name]


def _stream(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    if source[name]:
        body["stream"] = True


def _max_tokens(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:
    requested = source[name]
    if name == "max_tokens" and "max_completion_tokens" in source:
        if requested != source["max_completion_tokens"]:
            changes.append(Change(name, "dropped", "max_completion_tokens takes precedence"))
        return
    if requested < MIN_OUTPUT_TOKENS:
        reason = f"the lowest limit is {MIN_OUTPUT_TOKENS} tokens"
        changes.append(Change(name, "clamped", reason, was=requested, now=MIN_OUTPUT_TOKENS))
    body["max_output_tokens"] = max(requested, MIN_OUTPUT_TOKENS)


def _reasoning(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:
    """Render `reasoning_effort` and `reasoning`, which a request may both contain."""
    effort = source[name] if name == "reasoning_effort" else None
    wide = source.get("reasoning") if name == "reasoning" else None
    options = {"effort": effort} if effort else {}
    if isinstance(wide, dict):
        options = {key: wide[key] for key in ("effort", "summary") if wide.get(key) is not None}
        if wide.get("max_tokens") is not None:
            reason = "Responses has an effort and no reasoning budget"
            changes.append(Change("reasoning.max_tokens", "dropped", reason))
    rendered = cast(Json, body.get("reasoning") or {})
    if "effort" in rendered and "effort" in options and rendered["effort"] != options["effort"]:
        text = "reasoning_effort and reasoning.effort differ: send one of them"
        raise InvalidRequest(text, param="reasoning_effort")
    if options:
        cast(Json, body)["reasoning"] = {**rendered, **options}


def _response_format(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    match source[name]:
        case {"type": "json_schema", "json_schema": dict() as described}:
            text_format: Json = {"type": "json_schema", "name": "answer", "schema": {}, **described}
        case {"type": "json_object" | "text" as kind}:
            text_format = {"type": kind}
        case _:
            raise InvalidRequest("response_format.type is unknown", param="response_format.type")
    body["text"] = {**body.get("text", {}), "format": text_format}


def _verbosity(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    body["text"] = {**body.get("text", {}), "verbosity": source[name]}


def _logprobs(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    if source[name]:
        body.setdefault("include", []).append(LOGPROBS)


def _top_logprobs(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    if source.get("logprobs"):
        body["top_logprobs"] = source[name]


def _tools(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    if source[name]:
        body["tools"] = [*render_tools(source[name]), *body.get("tools", ())]


def _web_search(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    options = source[name] if isinstance(source[name], dict) else {}
    tool: ResponsesTool = {"type": "web_search"}
    match options:
        case {"user_location": {"approximate": dict() as place}}:
            tool["user_location"] = {**place, "type": "approximate"}
    if domains := search_domains(options):
        tool["filters"] = domains
    if options.get("search_context_size"):
        tool["search_context_size"] = options["search_context_size"]
    body["tools"] = [*body.get("tools", ()), tool]


def _tool_choice(body: ResponsesRequest, name: str, source: Json, changes: list[Change]) -> None:  # noqa: ARG001 - see above
    body["tool_choice"] = render_tool_choice(source[name])


Renderer = Callable[["ResponsesRequest", str, Json, list[Change]], None]
RENDERERS: Mapping[str, Renderer | None] = {  # None: rendered elsewhere, or has no effect here
    **dict.fromkeys(COPIED, _copy),
    **dict.fromkeys(("model", "messages", "store", "stream_options", "n"), None),
    "stream": _stream,
    "max_tokens": _max_tokens,
    "max_completion_tokens": _max_tokens,
    "reasoning_effort": _reasoning,
    "reasoning": _reasoning,
    "response_format": _response_format,
    "verbosity": _verbosity,
    "logprobs": _logprobs,
    "top_logprobs": _top_logprobs,
    "tools": _tools,
    "web_search_options": _web_search,
    "tool_choice": _tool_choice,
}
