"""A simulated OpenAI Responses API: https://platform.openai.com/docs/api-reference/responses.

If an effort is requested, it returns reasoning: a summary and, if included, encrypted content, which it
verifies in later requests. It compacts a conversation if its input ends with a trigger, or at an endpoint of
its own, and counts the tokens of an input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vaultcore.simulators.openai import CREATED, MODELS, NAME, render_error, render_models, request_key
from vaultcore.simulators.reply import (
    Json,
    Prompt,
    PromptTool,
    Reply,
    ReplyToolCall,
    split_text,
    stable_id,
    tokens,
)
from vaultcore.simulators.responses_rules import (
    COMPACTION,
    TRIGGER,
    check_input,
    check_tools,
    content_text,
    encrypted_reasoning,
    encrypted_summary,
    ids,
    validate_request,
)
from vaultcore.simulators.schema_values import find_schema

PATH = "/responses"
REASONING = "The question is clear."

__all__ = [
    "ENDPOINTS",
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


def parse_prompt(title: str, body: Json) -> Prompt:
    value = body["input"]
    items = value if isinstance(value, list) else [{"role": "user", "content": value}]
    results = []
    for item in reversed(items):
        if not str(item.get("type", "")).endswith("_call_output"):
            break
        results.append(content_text(item["output"]))
    messages = [content_text(item.get("content")) for item in items if "role" in item]
    return Prompt(
        title=title,
        texts=[text for text in (body.get("instructions"), *messages) if text],
        tools=[_tool(tool) for tool in _named_tools(body) if _allowed(tool, body.get("tool_choice"))],
        forced_tool=_forced(body.get("tool_choice")),
        tool_results=results[::-1],
        parallel=body.get("parallel_tool_calls", True) is not False,
        token_limit=body.get("max_output_tokens"),
        schema=_schema(body),
    )


def can_search(body: Json) -> bool:
    return any(tool["type"].startswith("web_search") for tool in body.get("tools") or [])


def render_completion(body: Json, reply: Reply) -> Json:
    incomplete_reason = "max_output_tokens" if reply.is_cut else None
    searches = {"tool_usage": {"web_search": {"num_requests": reply.searches}}} if reply.searches else {}
    return {
        **_head(body),
        **searches,
        "status": "incomplete" if incomplete_reason else "completed",
        "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
        "output": _output(body, reply),
        "usage": _usage(body, reply),
    }


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    number = -1

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        payload = {"type": f"response.{kind}", "sequence_number": number, **fields}
        return f"event: response.{kind}\ndata: {json.dumps(payload)}\n\n".encode()

    started = {**_head(body), "status": "in_progress", "output": [], "usage": None}
    yield event("created", response=started)
    yield event("in_progress", response=started)
    for index, item in enumerate(_output(body, reply)):
        position = {"output_index": index}
        yield event("output_item.added", item=_start_item(item), **position)
        for kind, fields in _item_events(item, reply):
            yield event(kind, item_id=item["id"], **position, **fields)
        yield event("output_item.done", item=item, **position)
    response = render_completion(body, reply)
    yield event(response["status"], response=response)


def _item_events(item: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    """Yield the events between an item's first and last event."""
    match item["type"]:
        case "reasoning":
            for index, part in enumerate(item["summary"]):
                position = {"summary_index": index}
                yield "reasoning_summary_part.added", {**position, "part": {**part, "text": ""}}
                for chunk in split_text(part["text"]):
                    yield "reasoning_summary_text.delta", {**position, "delta": chunk}
                yield "reasoning_summary_text.done", {**position, "text": part["text"]}
                yield "reasoning_summary_part.done", {**position, "part": part}
        case "message":
            part, position = item["content"][0], {"content_index": 0}
            yield "content_part.added", {**position, "part": {**part, "text": ""}}
            for chunk in reply.chunks:
                yield "output_text.delta", {**position, "delta": chunk, "logprobs": []}
            yield "output_text.done", {**position, "text": part["text"], "logprobs": []}
            yield "content_part.done", {**position, "part": part}
        case "function_call":
            for chunk in split_text(item["arguments"]):
                yield "function_call_arguments.delta", {"delta": chunk}
            yield "function_call_arguments.done", {"arguments": item["arguments"], "name": item["name"]}
        case "custom_tool_call":
            yield "custom_tool_call_input.delta", {"delta": item["input"]}
            yield "custom_tool_call_input.done", {"input": item["input"]}


def _start_item(item: Json) -> Json:
    empty: Json = {"arguments": "", "input": "", "content": [], "summary": []}
    return {**item, **{name: empty[name] for name in empty if name in item}, "status": "in_progress"}


def _head(body: Json) -> Json:
    return {
        "id": stable_id("resp_", json.dumps(body["input"])),
        "object": "response",
        "created_at": CREATED,
        "model": body["model"],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, **(body.get("text") or {})},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation", "disabled"),
    }


def _output(body: Json, reply: Reply) -> list[Json]:
    seed = json.dumps(body["input"])
    if _is_compaction(body):
        return [_compaction(seed)]
    items: list[Json] = []
    if (body.get("reasoning") or {}).get("effort") not in (None, "none"):
        identity = stable_id("rs_", seed)
        item: Json = {"id": identity, "type": "reasoning", "summary": []}
        if body["reasoning"].get("summary"):
            item["summary"] = [{"type": "summary_text", "text": REASONING}]
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            item["encrypted_content"] = encrypted_reasoning(identity)
        items.append(item)
    if reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        status = "incomplete" if reply.is_cut else "completed"
        head = {"id": stable_id("msg_", seed), "type": "message", "role": "assistant", "status": status}
        items.append({**head, "content": [part]})
    definitions = {tool["name"]: tool for tool in _named_tools(body)}
    return [*items, *(_call(call, definitions[call.name]) for call in reply.calls)]


def _is_compaction(body: Json) -> bool:
    items = body["input"]
    return isinstance(items, list) and items[-1].get("type") == TRIGGER


def _compaction(seed: str) -> Json:
    identity = stable_id("cmp_", seed)
    return {"id": identity, "type": COMPACTION, "encrypted_content": encrypted_summary(identity)}


def _named_tools(body: Json) -> list[Json]:
    """Return the functions and custom tools; those of a namespace with its name."""
    named: list[Json] = []
    added = [item.get("tools") or [] for item in _items(body) if item.get("type") == "additional_tools"]
    for tool in [*(body.get("tools") or []), *(tool for tools in added for tool in tools)]:
        if tool["type"] == "namespace":
            named += [{**inner, "namespace": tool["name"]} for inner in tool["tools"]]
        elif "name" in tool:
            named.append(tool)
    return named


def _items(body: Json) -> list[Json]:
    return body["input"] if isinstance(body["input"], list) else []


def _call(call: ReplyToolCall, definition: Json) -> Json:
    head: Json = {"call_id": f"call_{call.id}", "name": call.name, "status": "completed"}
    if "namespace" in definition:
        head["namespace"] = definition["namespace"]
    if definition["type"] == "custom":
        return {**head, "id": f"ctc_{call.id}", "type": "custom_tool_call", "input": f"{call.name} this"}
    arguments = json.dumps(call.arguments)
    return {**head, "id": f"fc_{call.id}", "type": "function_call", "arguments": arguments}


def _allowed(tool: Json, choice: object) -> bool:
    match choice:
        case "none":
            return False
        case {"type": "allowed_tools", "tools": list() as tools}:
            return any(each.get("name") == tool.get("name") for each in tools)
        case _:
            return True


def _tool(tool: Json) -> PromptTool:
    return PromptTool(str(tool.get("name") or tool["type"]), tool.get("parameters") or {})


def _forced(choice: object) -> str | None:
    match choice:
        case {"type": "function" | "custom", "name": str(name)}:
            return name
        case "required" | {"type": "allowed_tools", "mode": "required"}:
            return ""
        case _:
            return None


def _schema(body: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    match (body.get("text") or {}).get("format"):
        case {"type": "json_schema", "schema": dict() as schema}:
            return schema
        case {"type": "json_object"}:
            default: Json | None = {}
        case _:
            default = None
    system = [
        content_text(item.get("content"))
        for item in _items(body)
        if item.get("role") in ("system", "developer")
    ]
    return find_schema(" ".join([body.get("instructions") or "", *system])) or default


def _usage(body: Json, reply: Reply) -> Json:
    reasoning_tokens = sum(5 for identity in ids(_output(body, reply)) if identity.startswith("rs_"))
    completion_tokens = reply.completion_tokens + reasoning_tokens
    return {
        "input_tokens": reply.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": reply.prompt_tokens + completion_tokens,
    }


def _compact(_headers: Mapping[str, str], body: Json) -> Json:
    """Return the response of the endpoint that compacts a conversation."""
    check_input(body.get("input"))
    prompt = tokens(json.dumps(body["input"]))
    return {
        "id": stable_id("resp_", json.dumps(body["input"])),
        "object": "response.compaction",
        "created_at": CREATED,
        "output": [_compaction(json.dumps(body["input"]))],
        "usage": _usage(body, Reply("", prompt_tokens=prompt, completion_tokens=10)),
    }


def _count_tokens(_headers: Mapping[str, str], body: Json) -> Json:
    """Return the response of the endpoint that counts the tokens of an input."""
    check_input(body.get("input"))
    check_tools(body)
    return {"object": "response.input_tokens", "input_tokens": tokens(json.dumps(body["input"]))}


ENDPOINTS = {"/responses/compact": _compact, "/responses/input_tokens": _count_tokens}
