"""A simulated Anthropic-style provider: https://docs.anthropic.com/en/api/messages.

It returns thinking blocks if thinking is enabled, and verifies their signatures in later requests. It keeps
no message threads: a request that continues one is answered from the messages in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from vaultcore.simulators.anthropic_rules import (
    blocks,
    has_reasoning,
    is_run_by_anthropic,
    thinking_block,
    validate_prompt,
    validate_request,
)
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import (
    REASONING,
    Json,
    Prompt,
    PromptTool,
    Reply,
    split_text,
    stable_id,
    tokens,
)
from vaultcore.simulators.schema_values import find_schema

__all__ = [
    "ENDPOINTS",
    "MODELS",
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

PATH = "/messages"
MODELS: tuple[str, ...] = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")
CREATED = "2025-10-09T08:53:20Z"


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (key if scheme == "Bearer" else "")  # newer SDKs send a bearer token


def can_search(body: Json) -> bool:
    return any(str(tool.get("type")).startswith("web_search_") for tool in body.get("tools") or [])


def parse_prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    choice = body.get("tool_choice") or {}
    return Prompt(
        title=title,
        texts=[_text(message["content"]) for message in messages],
        tools=[
            PromptTool(tool["name"], tool.get("input_schema") or {})
            for tool in body.get("tools") or []
            if choice.get("type") != "none" and not is_run_by_anthropic(tool)
        ],
        forced_tool={"any": "", "tool": choice.get("name")}.get(choice.get("type", "")),
        tool_results=[_text(block.get("content")) for block in _results(_last_turn(messages))],
        parallel=not choice.get("disable_parallel_tool_use"),
        token_limit=body["max_tokens"],
        schema=_schema(body),
    )


def render_completion(body: Json, reply: Reply) -> Json:
    content: list[Json] = [thinking_block()] if has_reasoning(body) else []
    content += [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments}
        for call in reply.calls
    ]
    edits: Json = {"context_management": {"applied_edits": []}} if body.get("context_management") else {}
    return {
        **_head(body),
        "content": content,
        **_stop(_stop_reason(reply)),
        **edits,
        "usage": _usage(reply),
    }


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    message = {**_head(body), "content": [], **_stop(None)}
    yield _event("message_start", message={**message, "usage": {**_usage(reply), "output_tokens": 1}})
    yield _event("ping")
    index = 0
    if has_reasoning(body):
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        yield _event("content_block_start", index=index, content_block=empty)
        for chunk in split_text(REASONING):
            yield _event(
                "content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": chunk}
            )
        signature = {"type": "signature_delta", "signature": thinking_block()["signature"]}
        yield _event("content_block_delta", index=index, delta=signature)
        yield _event("content_block_stop", index=index)
        index += 1
    if reply.text:
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for chunk in reply.chunks:
            yield _event("content_block_delta", index=index, delta={"type": "text_delta", "text": chunk})
        yield _event("content_block_stop", index=index)
        index += 1
    for call in reply.calls:
        block = {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": {}}
        yield _event("content_block_start", index=index, content_block=block)
        for chunk in ("", *split_text(json.dumps(call.arguments) if call.arguments else "")):
            delta = {"type": "input_json_delta", "partial_json": chunk}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
        index += 1
    yield _event(
        "message_delta",
        delta=_stop(_stop_reason(reply)),
        usage={"output_tokens": reply.completion_tokens, **_searches(reply)},
    )
    yield _event("message_stop")


def render_error(error: SimulatedError) -> Json:
    detail: Json = {"type": error.kind, "message": str(error)}
    if error.details is not None:
        detail["details"] = error.details
    return {"type": "error", "error": detail, "request_id": stable_id("req_", str(error))}


def render_models(title: str, names: tuple[str, ...]) -> Json:
    rows = [
        {"type": "model", "id": name, "display_name": f"{title} {name}", "created_at": CREATED}
        for name in names
    ]
    return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _schema(body: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    output_format = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return output_format["schema"] if output_format else find_schema(_text(body.get("system")))


def _count_tokens(headers: Mapping[str, str], body: Json) -> Json:
    """Return the response of the endpoint that counts the tokens of a prompt."""
    validate_prompt(headers, body)
    texts = [_text(body.get("system")), *(_text(message["content"]) for message in body["messages"])]
    return {"input_tokens": sum(map(tokens, texts)) + tokens(json.dumps(body.get("tools") or ""))}


ENDPOINTS = {"/messages/count_tokens": _count_tokens}


def _last_turn(messages: list[Json]) -> object:
    """Return the content of the last message that is no system message."""
    return next((each["content"] for each in reversed(messages) if each["role"] != "system"), "")


def _results(content: object) -> list[Json]:
    """Return the tool results at the end of a message, none if other content follows them."""
    ends_with_result = isinstance(content, list) and content and content[-1].get("type") == "tool_result"
    return blocks(content, "tool_result") if ends_with_result else []


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in blocks(content, "text"))


def _head(body: Json) -> Json:
    return {
        "id": stable_id("msg_", body["messages"]),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


def _stop(reason: str | None) -> Json:
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": None}


def _stop_reason(reply: Reply) -> str:
    if reply.calls:
        return "tool_use"
    return "max_tokens" if reply.is_cut else "end_turn"


def _usage(reply: Reply) -> Json:
    return {
        "input_tokens": reply.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": reply.completion_tokens,
        **_searches(reply),
    }


def _searches(reply: Reply) -> Json:
    return {"server_tool_use": {"web_search_requests": reply.searches}} if reply.searches else {}


def _event(name: str, **fields: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()
