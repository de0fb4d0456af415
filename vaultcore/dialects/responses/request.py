"""A chat request as a Responses request: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, Rendered
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.responses.items import render_input
from vaultcore.dialects.responses.reasoning_owner import ENCRYPTED
from vaultcore.dialects.responses.tools import render_choice, render_tools
from vaultcore.dialects.unsupported_fields import unplaced, unsigned
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

LEAST_LENGTH = 16  # tokens: fewer are refused
SAME = (
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
UNPLACED = (
    *("messages.audio", "messages.cache_control", "messages.content.cache_control"),
    *("messages.tool_calls.cache_control", "tools.cache_control", "tools.function.cache_control"),
    *("store", "stream_options.include_obfuscation"),
)
LOGPROBS = "message.output_text.logprobs"


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the Protocol's
    return "/responses"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    changes = list[Change]()
    asked = cast(Json, {name: value for name, value in request.items() if value is not None})
    if not neutral("n", asked.get("n")):
        raise InvalidRequest(f"{target.provider.title} gives one answer at a time: n must be 1", param="n")
    body: Json = {"model": target.model.name, "input": render_input(request["messages"], target, changes)}
    body["store"] = False
    for name, value in asked.items():
        if name in target.provider.drop or name not in RENDERED:
            if not neutral(name, value):
                reason = f"{target.provider.title} has no such parameter here"
                changes.append(Change(name, "dropped", reason))
        elif (render := RENDERED[name]) is not None:
            render(body, name, asked, changes)
    changes += unplaced(asked, "there is no place for it here", *UNPLACED)
    changes += unsigned(request["messages"], "thoughts go back as the items they were issued in")
    if target.model.capabilities.thinking not in (None, "none"):
        body.setdefault("include", []).append(ENCRYPTED)
    return Rendered(body, tuple(changes))


def _same(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    body[name] = asked[name]


def _stream(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    if asked[name]:
        body["stream"] = True


def _length(body: Json, name: str, asked: Json, changes: list[Change]) -> None:
    wanted = asked[name]
    if name == "max_tokens" and "max_completion_tokens" in asked:
        if wanted != asked["max_completion_tokens"]:
            changes.append(Change(name, "dropped", "max_completion_tokens says otherwise"))
        return
    if wanted < LEAST_LENGTH:
        reason = f"an answer may be limited to {LEAST_LENGTH} tokens and no fewer"
        changes.append(Change(name, "clamped", reason, was=wanted, now=LEAST_LENGTH))
    body["max_output_tokens"] = max(wanted, LEAST_LENGTH)


def _effort(body: Json, name: str, asked: Json, changes: list[Change]) -> None:
    effort = asked[name] if name == "reasoning_effort" else None
    wide = asked.get("reasoning") if name == "reasoning" else None
    told = {"effort": effort} if effort else {}
    if isinstance(wide, dict):
        told = {key: wide[key] for key in ("effort", "summary") if wide.get(key) is not None}
        if wide.get("max_tokens") is not None:
            changes.append(Change("reasoning.max_tokens", "dropped", "thinking is asked for by effort"))
    held = body.get("reasoning") or {}
    if "effort" in held and "effort" in told and held["effort"] != told["effort"]:
        raise InvalidRequest("reasoning_effort and reasoning.effort disagree", param="reasoning_effort")
    if told:
        body["reasoning"] = {**held, **told}


def _format(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    match asked[name]:
        case {"type": "json_schema", "json_schema": dict() as described}:
            shape: Json = {"type": "json_schema", "name": "answer", "schema": {}, **described}
        case {"type": "json_object" | "text" as kind}:
            shape = {"type": kind}
        case _:
            raise InvalidRequest("response_format is none that is known", param="response_format.type")
    body["text"] = {**body.get("text", {}), "format": shape}


def _verbosity(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    body["text"] = {**body.get("text", {}), "verbosity": asked[name]}


def _logprobs(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    if asked[name]:
        body.setdefault("include", []).append(LOGPROBS)


def _top(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    if asked.get("logprobs"):
        body["top_logprobs"] = asked[name]


def _tools(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    if asked[name]:
        body["tools"] = [*render_tools(asked[name]), *body.get("tools", ())]


def _search(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    told = asked[name] if isinstance(asked[name], dict) else {}
    tool: Json = {"type": "web_search"}
    match told:
        case {"user_location": {"approximate": dict() as place}}:
            tool["user_location"] = {**place, "type": "approximate"}
    if told.get("search_context_size"):
        tool["search_context_size"] = told["search_context_size"]
    body["tools"] = [*body.get("tools", ()), tool]


def _choice(body: Json, name: str, asked: Json, changes: list[Change]) -> None:  # noqa: ARG001 - one of a table
    body["tool_choice"] = render_choice(asked[name])


RENDERED: Mapping[str, Callable[[Json, str, Json, list[Change]], None] | None] = {
    **dict.fromkeys(SAME, _same),
    **dict.fromkeys(("model", "messages", "store", "stream_options", "n"), None),
    "stream": _stream,
    "max_tokens": _length,
    "max_completion_tokens": _length,
    "reasoning_effort": _effort,
    "reasoning": _effort,
    "response_format": _format,
    "verbosity": _verbosity,
    "logprobs": _logprobs,
    "top_logprobs": _top,
    "tools": _tools,
    "web_search_options": _search,
    "tool_choice": _choice,
}
