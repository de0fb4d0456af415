"""A simulated OpenAI-style provider: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.openai_rules import NAME, forced_tool, validate_request
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

__all__ = [
    "CREATED",
    "MODELS",
    "NAME",
    "PATH",
    "can_search",
    "parse_prompt",
    "render_completion",
    "render_error",
    "render_events",
    "render_models",
    "request_key",
    "validate_request",
]

PATH = "/chat/completions"
MODELS: tuple[str, ...] = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-5.1",
    "gpt-5.5",
    "gpt-6-sol",
)
CREATED = 1_760_000_000  # fixed, so that equal requests have equal responses, byte for byte
CITATION: Json = {  # the only trace of a search
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 3, "title": "A page", "url": "https://example.com"},
}


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


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
            if "function" in tool and _allowed(tool["function"]["name"], body.get("tool_choice"))
        ],
        forced_tool=forced_tool(body.get("tool_choice")),
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
