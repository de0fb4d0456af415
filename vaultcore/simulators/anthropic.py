"""A simulated Anthropic-style provider: https://docs.anthropic.com/en/api/messages.

It is stricter than the real one in one point: it rejects two messages of one role in a row.
It returns thinking blocks if thinking is enabled, and verifies their signatures in later requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import REASONING, Json, Prompt, PromptTool, Reply, split_text, stable_id
from vaultcore.simulators.schema_values import find_schema
from vaultcore.simulators.strict_schema import bounded_values, open_objects

PATH = "/messages"
MODELS: tuple[str, ...] = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")
CREATED = "2025-10-09T08:53:20Z"
ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ]
)
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CHOICES = ("auto", "any", "tool", "none")
ID = re.compile(r"[a-zA-Z0-9_-]+")


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (key if scheme == "Bearer" else "")  # newer SDKs send a bearer token


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require(headers.get("anthropic-version"), "anthropic-version: header is required")
    _require("application/json" in headers.get("content-type", ""), "content-type: must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"{name}: Extra inputs are not permitted")
    _require(isinstance(body.get("model"), str) and body["model"], "model: Field required")
    limit = body.get("max_tokens")
    _require(type(limit) is int and limit > 0, "max_tokens: Field required, a number above 0")
    temperature = body.get("temperature", 1)
    _require(isinstance(temperature, int | float) and 0 <= temperature <= 1, "temperature: must be 0 to 1")
    _check_tools(body)
    _check_output((body.get("output_config") or {}).get("format"))
    _check_system(body.get("system"))
    _check_messages(body.get("messages"))
    _check_thinking(body)


def can_search(body: Json) -> bool:
    return any(_is_server_tool(tool) for tool in body.get("tools") or [])


def parse_prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    choice = body.get("tool_choice") or {}
    return Prompt(
        title=title,
        texts=[_text(message["content"]) for message in messages],
        tools=[
            PromptTool(tool["name"], tool.get("input_schema") or {})
            for tool in body.get("tools") or []
            if choice.get("type") != "none" and not _is_server_tool(tool)
        ],
        forced_tool={"any": "", "tool": choice.get("name")}.get(choice.get("type", "")),
        tool_results=[_text(block.get("content")) for block in _results(messages[-1]["content"])],
        parallel=not choice.get("disable_parallel_tool_use"),
        token_limit=body["max_tokens"],
        schema=_schema(body),
    )


def render_completion(body: Json, reply: Reply) -> Json:
    content: list[Json] = [_thinking_block()] if _has_reasoning(body) else []
    content += [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments}
        for call in reply.calls
    ]
    return {
        **_head(body),
        "content": content,
        "stop_reason": _stop_reason(reply),
        "stop_sequence": None,
        "usage": _usage(reply),
    }


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    message = {**_head(body), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**message, "usage": {**_usage(reply), "output_tokens": 1}})
    yield _event("ping")
    index = 0
    if _has_reasoning(body):
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        yield _event("content_block_start", index=index, content_block=empty)
        for chunk in split_text(REASONING):
            yield _event(
                "content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": chunk}
            )
        signature = {"type": "signature_delta", "signature": _thinking_block()["signature"]}
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
        delta={"stop_reason": _stop_reason(reply), "stop_sequence": None},
        usage={"output_tokens": reply.completion_tokens, **_searches(reply)},
    )
    yield _event("message_stop")


def render_error(error: SimulatedError) -> Json:
    return {"type": "error", "error": {"type": error.kind, "message": str(error)}}


def render_models(title: str, names: tuple[str, ...]) -> Json:
    rows = [
        {"type": "model", "id": name, "display_name": f"{title} {name}", "created_at": CREATED}
        for name in names
    ]
    return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _require(condition: object, message: str) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message)


def _check_tools(body: Json) -> None:
    names = set()
    for at, tool in enumerate(body.get("tools") or []):
        name = tool.get("name")
        _require(isinstance(name, str) and NAME.fullmatch(name), f"tools.{at}.name: is not a valid tool name")
        schema = tool.get("input_schema")
        _require(
            _is_server_tool(tool) or (isinstance(schema, dict) and schema.get("type") == "object"),
            f"tools.{at}.input_schema: must be an object schema",
        )
        names.add(name)
    choice: Json = body.get("tool_choice") or {"type": "auto"}
    _require(names or "tool_choice" not in body, "tool_choice: may only be given with tools")
    _require(choice.get("type") in CHOICES, f"tool_choice.type: must be one of {', '.join(CHOICES)}")
    _require("name" not in choice or choice["name"] in names, "tool_choice.name: names an unknown tool")


def _is_server_tool(tool: Json) -> bool:
    return str(tool.get("type")).startswith("web_search_")


def _check_output(value: object) -> None:
    match value:
        case None:
            return
        case {"type": "json_schema", "schema": dict() as schema}:
            path = next(open_objects(schema), None)
            _require(path is None, f"output_config.format: 'additionalProperties' must be false: {path}")
            path = next(bounded_values(schema), None)
            _require(path is None, f"output_config.format: {path} is not supported")
        case _:
            _require(False, "output_config.format: must be a json_schema with a schema")


def _check_system(system: object) -> None:
    _require(system is None or isinstance(system, str | list), "system: must be text or blocks")
    for at, block in enumerate(system if isinstance(system, list) else []):
        _require(block.get("text", "").strip(), f"system.{at}: text content blocks must be non-empty")


def _check_messages(messages: object) -> None:
    _require(isinstance(messages, list) and messages, "messages: at least one message is required")
    open_calls: set[str] = set()
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        role, content = message.get("role"), message.get("content")
        _require(
            role == ("user", "assistant")[at % 2], f"messages.{at}.role: user and assistant must alternate"
        )
        _require(isinstance(content, str | list) and content, f"messages.{at}.content: must not be empty")
        for block in _blocks(content, "text"):
            _require(block.get("text", "").strip(), f"messages.{at}: text content blocks must be non-empty")
        results = {str(block.get("tool_use_id")) for block in _blocks(content, "tool_result")}
        _require(
            results == open_calls,
            f"messages.{at}: tool_use ids {sorted(results ^ open_calls)} have no matching tool_result",
        )
        open_calls = {_check_tool_use(block, f"messages.{at}") for block in _blocks(content, "tool_use")}
    _require(not open_calls, f"messages: tool_use ids without a tool_result: {sorted(open_calls)}")


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        is_valid = type(budget) is int and 1_024 <= budget < body["max_tokens"]
        _require(is_valid, "thinking.budget_tokens: must be 1024 or more and less than max_tokens")
    if _has_reasoning(body):
        is_free = (body.get("tool_choice") or {}).get("type") not in ("any", "tool")
        _require(is_free, "Thinking may not be enabled when tool_choice forces tool use.")
        _require(body.get("temperature", 1) == 1, "temperature: may only be 1 when thinking is enabled")
    for at, message in enumerate(body["messages"]):
        for block in _blocks(message["content"], "thinking"):
            is_valid = block.get("signature") == stable_id("sig_", block.get("thinking"))
            _require(is_valid, f"messages.{at}: Invalid `signature` in `thinking` block")


def _has_reasoning(body: Json) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def _thinking_block() -> Json:
    return {"type": "thinking", "thinking": REASONING, "signature": stable_id("sig_", REASONING)}


def _schema(body: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    output_format = (body.get("output_config") or {}).get("format")
    return output_format["schema"] if output_format else find_schema(_text(body.get("system")))


def _check_tool_use(block: Json, place: str) -> str:
    _require(ID.fullmatch(str(block.get("id", ""))), f"{place}: tool_use.id must match {ID.pattern}")
    _require(isinstance(block.get("input"), dict), f"{place}: tool_use.input must be an object")
    return str(block["id"])


def _results(content: object) -> list[Json]:
    """Return the tool results at the end of a message, none if other content follows them."""
    ends_with_result = isinstance(content, list) and content and content[-1].get("type") == "tool_result"
    return _blocks(content, "tool_result") if ends_with_result else []


def _blocks(content: object, kind: str) -> list[Json]:
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in _blocks(content, "text"))


def _head(body: Json) -> Json:
    return {
        "id": stable_id("msg_", body["messages"]),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


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
