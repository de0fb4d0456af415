"""A simulated OpenAI-style provider: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import (
    REASONING,
    Json,
    Prompt,
    PromptTool,
    Reply,
    ReplyToolCall,
    split_text,
    stable_id,
)
from vaultcore.simulators.schema_values import find_schema
from vaultcore.simulators.strict_schema import open_objects, optional_properties

PATH = "/chat/completions"
MODELS: tuple[str, ...] = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")
CREATED = 1_760_000_000  # fixed, so that equal requests have equal responses, byte for byte
ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
CITATION: Json = {  # the only trace of a search
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 3, "title": "A page", "url": "https://example.com"},
}
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"Unrecognized request argument supplied: {name}", name)
    _require(
        isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter", "model"
    )
    _require(
        not ("max_tokens" in body and "max_completion_tokens" in body),
        "max_tokens and max_completion_tokens cannot both be set",
        "max_tokens",
    )
    _require(
        body.get("stream") is True or "stream_options" not in body,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )
    temperature = body.get("temperature", 1)
    _require(isinstance(temperature, int | float) and 0 <= temperature <= 2, "must be 0 to 2", "temperature")
    _check_tools(body)
    _check_format(body.get("response_format"))
    _check_messages(body.get("messages"))


def parse_prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    results = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.append(_text(message.get("content")))
    return Prompt(
        title=title,
        texts=[_text(message.get("content")) for message in messages if message["role"] != "tool"],
        tools=[
            PromptTool(tool["function"]["name"], tool["function"].get("parameters") or {})
            for tool in body.get("tools") or []
            if _allowed(tool["function"]["name"], body.get("tool_choice"))
        ],
        forced_tool=_forced(body.get("tool_choice")),
        tool_results=results[::-1],
        parallel=body.get("parallel_tool_calls", True) is not False,
        token_limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        schema=_schema(body),
    )


def can_search(body: Json) -> bool:
    return body.get("web_search_options") is not None


def render_completion(body: Json, reply: Reply) -> Json:
    message: Json = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.searches:
        message["annotations"] = [CITATION]
    if _has_reasoning(body):
        message["reasoning_content"] = REASONING
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(reply)}
    return {**_head(body), "object": "chat.completion", "choices": [choice], "usage": _usage(reply)}


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    head = {**_head(body), "object": "chat.completion.chunk"}
    include_usage = (body.get("stream_options") or {}).get("include_usage") is True

    def event(delta: Json, finish: str | None = None) -> bytes:
        chunk: Json = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        return _data({**chunk, "usage": None} if include_usage else chunk)

    yield event({"role": "assistant", "content": None if reply.calls else ""})
    if _has_reasoning(body):
        yield event({"reasoning_content": REASONING})
    for chunk in reply.chunks:
        yield event({"content": chunk})
    for index, call in enumerate(reply.calls):
        start = _call(call)
        start["function"]["arguments"] = ""
        yield event({"tool_calls": [{"index": index, **start}]})
        for chunk in split_text(json.dumps(call.arguments)):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": chunk}}]})
    yield event({"annotations": [CITATION]} if reply.searches else {}, _finish_reason(reply))
    if include_usage:
        yield _data({**head, "choices": [], "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def render_error(error: SimulatedError) -> Json:
    return {
        "error": {"message": str(error), "type": error.kind, "param": error.param, "code": error.code},
    }


def render_models(title: str, names: tuple[str, ...]) -> Json:
    rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": title.lower()} for name in names]
    return {"object": "list", "data": rows}


def _require(condition: object, message: str, param: str | None = None) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message, param=param, code="invalid_value")


def _check_tools(body: Json) -> None:
    tools = body.get("tools")
    _require(
        tools is None or (isinstance(tools, list) and tools),
        "tools must be a list that is not empty",
        "tools",
    )
    names = set()
    for at, tool in enumerate(tools or []):
        name = (tool.get("function") or {}).get("name")
        _require(tool.get("type") == "function", "must be function", f"tools[{at}].type")
        _require(
            isinstance(name, str) and NAME.fullmatch(name),
            "is not a valid tool name",
            f"tools[{at}].function.name",
        )
        names.add(name)
        _check_strict(tool["function"], "parameters", f"tools[{at}].function.parameters")
    _require(
        tools or "tool_choice" not in body, "tool_choice is only allowed when tools are given", "tool_choice"
    )
    forced = _forced(body.get("tool_choice"))
    _require(not forced or forced in names, "tool_choice names an unknown tool", "tool_choice")


def _check_format(value: object) -> None:
    match value:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"name": str(name)} as json_schema} if NAME.fullmatch(
            name
        ):
            _check_strict(json_schema, "schema", "response_format")
        case _:
            _require(False, "must be text, json_object, or json_schema with a name", "response_format")


def _check_strict(holder: Json, key: str, param: str) -> None:
    if not holder.get("strict"):
        return
    schema = holder.get(key)
    _require(isinstance(schema, dict), "must contain a schema to be strict", param)
    path = next(open_objects(schema), None)
    _require(path is None, f"'additionalProperties' is required to be false: {path}", param)
    path = next(optional_properties(schema), None)
    _require(path is None, f"'required' must name every property: {path}", param)


def _check_messages(messages: object) -> None:
    _require(isinstance(messages, list) and messages, "must be a list that is not empty", "messages")
    open_calls: list[Any] = []
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        role = message.get("role") if isinstance(message, dict) else None
        _require(role in ROLES, f"must be one of {', '.join(ROLES)}", f"messages[{at}].role")
        if role == "tool":
            _require(
                message.get("tool_call_id") in open_calls,
                "must answer a tool call of the message before",
                f"messages[{at}].tool_call_id",
            )
            open_calls.remove(message["tool_call_id"])
            continue
        _require(not open_calls, f"tool calls without an answer: {open_calls}", f"messages[{at}]")
        calls = message.get("tool_calls") or []
        _require(
            calls or message.get("function_call") or isinstance(message.get("content"), str | list),
            "must be text or parts",
            f"messages[{at}].content",
        )
        open_calls = [_check_tool_call(call, f"messages[{at}].tool_calls") for call in calls]
    _require(not open_calls, f"tool calls without an answer: {open_calls}", "messages")


def _check_tool_call(call: Json, param: str) -> str:
    _require(isinstance(call.get("id"), str) and call["id"], "must have an id", param)
    arguments = (call.get("function") or {}).get("arguments")
    _require(isinstance(arguments, str), "must have arguments as JSON text", param)
    return str(call["id"])


def _has_reasoning(body: Json) -> bool:
    """Return True if the response has reasoning, as with providers of other models behind this API."""
    return body.get("reasoning_effort") not in (None, "none")


def _schema(body: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            return schema
        case {"type": str(kind)}:
            default: Json | None = {} if kind == "json_object" else None
        case _:
            default = None
    instructions = [message for message in body["messages"] if message["role"] in ("system", "developer")]
    return find_schema(" ".join(_text(message.get("content")) for message in instructions)) or default


def _allowed(name: str, choice: object) -> bool:
    match choice:
        case "none":
            return False
        case {"type": "allowed_tools", "allowed_tools": {"tools": list() as tools}}:
            return any(tool["function"]["name"] == name for tool in tools)
        case _:
            return True


def _forced(choice: object) -> str | None:
    match choice:
        case {"function": {"name": str(name)}}:
            return name
        case "required" | {"allowed_tools": {"mode": "required"}}:
            return ""
        case _:
            return None


def _text(content: object) -> str:
    match content:
        case str(text):
            return text
        case list(parts):
            return "".join(str(part.get("text", "")) for part in parts)
        case _:
            return ""


def _head(body: Json) -> Json:
    return {
        "id": stable_id("chatcmpl-", body["messages"]),
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": "fp_simulated",
    }


def _call(call: ReplyToolCall) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"call_{call.id}", "type": "function", "function": function}


def _finish_reason(reply: Reply) -> str:
    if reply.calls:
        return "tool_calls"
    return "length" if reply.is_cut else "stop"


def _usage(reply: Reply) -> Json:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _data(chunk: Json) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
