"""The manners of an Anthropic-style provider: https://docs.anthropic.com/en/api/messages.

Stricter than the real one in one point: two messages of one role in a row are refused, not joined.
Where it is asked to think, it does, and knows its thoughts again by their signature.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import THOUGHT, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.sample import schema_in
from vaultcore.simulators.strict import bounded, left_open

PATH = "/messages"
MODELS: tuple[str, ...] = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")
CREATED = "2025-10-09T08:53:20Z"
KNOWN = frozenset(  # whatever else a request has at its top level is refused
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


def token(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (key if scheme == "Bearer" else "")  # its newer SDKs send a bearer


def check(headers: Mapping[str, str], body: Json) -> None:
    _rule(headers.get("anthropic-version"), "anthropic-version: header is required")
    _rule("application/json" in headers.get("content-type", ""), "content-type: must be application/json")
    for name in body:
        _rule(name in KNOWN, f"{name}: Extra inputs are not permitted")
    _rule(isinstance(body.get("model"), str) and body["model"], "model: Field required")
    limit = body.get("max_tokens")
    _rule(type(limit) is int and limit > 0, "max_tokens: Field required, a number above 0")
    temperature = body.get("temperature", 1)
    _rule(isinstance(temperature, int | float) and 0 <= temperature <= 1, "temperature: must be 0 to 1")
    _check_tools(body)
    _check_output((body.get("output_config") or {}).get("format"))
    _check_system(body.get("system"))
    _check_messages(body.get("messages"))
    _check_thinking(body)


def prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    choice = body.get("tool_choice") or {}
    return Prompt(
        title=title,
        said=[_text(message["content"]) for message in messages],
        tools=[
            Tool(tool["name"], tool.get("input_schema") or {})
            for tool in body.get("tools") or []
            if choice.get("type") != "none"
        ],
        forced={"any": "", "tool": choice.get("name")}.get(choice.get("type", "")),
        results=[_text(block.get("content")) for block in _results(messages[-1]["content"])],
        parallel=not choice.get("disable_parallel_tool_use"),
        limit=body["max_tokens"],
        schema=_schema(body),
    )


def completion(body: Json, answer: Reply) -> Json:
    content: list[Json] = [_thought()] if _thinks(body) else []
    content += [{"type": "text", "text": answer.text}] if answer.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments}
        for call in answer.calls
    ]
    return {
        **_head(body),
        "content": content,
        "stop_reason": _stop(answer),
        "stop_sequence": None,
        "usage": _usage(answer),
    }


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    opened = {**_head(body), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**opened, "usage": {**_usage(answer), "output_tokens": 1}})
    yield _event("ping")
    index = 0
    if _thinks(body):
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        yield _event("content_block_start", index=index, content_block=empty)
        for piece in _cut(THOUGHT):
            yield _event(
                "content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": piece}
            )
        signed = {"type": "signature_delta", "signature": _thought()["signature"]}
        yield _event("content_block_delta", index=index, delta=signed)
        yield _event("content_block_stop", index=index)
        index += 1
    if answer.text:
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in answer.pieces:
            yield _event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=index)
        index += 1
    for call in answer.calls:
        block = {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": {}}
        yield _event("content_block_start", index=index, content_block=block)
        for piece in ("", *_cut(json.dumps(call.arguments) if call.arguments else "")):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
        index += 1
    yield _event(
        "message_delta",
        delta={"stop_reason": _stop(answer), "stop_sequence": None},
        usage={"output_tokens": answer.completion_tokens},
    )
    yield _event("message_stop")


def failure(error: Refused) -> Json:
    return {"type": "error", "error": {"type": error.kind, "message": str(error)}}


def listing(title: str, names: tuple[str, ...]) -> Json:
    rows = [
        {"type": "model", "id": name, "display_name": f"{title} {name}", "created_at": CREATED}
        for name in names
    ]
    return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _rule(kept: object, message: str) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message)


def _check_tools(body: Json) -> None:
    names = set()
    for at, tool in enumerate(body.get("tools") or []):
        name = tool.get("name")
        _rule(isinstance(name, str) and NAME.fullmatch(name), f"tools.{at}.name: is no name for a tool")
        schema = tool.get("input_schema")
        _rule(
            isinstance(schema, dict) and schema.get("type") == "object",
            f"tools.{at}.input_schema: must be an object schema",
        )
        names.add(name)
    choice: Json = body.get("tool_choice") or {"type": "auto"}
    _rule(names or "tool_choice" not in body, "tool_choice: may only be given with tools")
    _rule(choice.get("type") in CHOICES, f"tool_choice.type: must be one of {', '.join(CHOICES)}")
    _rule("name" not in choice or choice["name"] in names, "tool_choice.name: is no tool that is given")


def _check_output(told: object) -> None:
    match told:
        case None:
            return
        case {"type": "json_schema", "schema": dict() as schema}:
            found = next(left_open(schema), None)
            _rule(found is None, f"output_config.format: 'additionalProperties' must be false: {found}")
            found = next(bounded(schema), None)
            _rule(found is None, f"output_config.format: {found} is not supported")
        case _:
            _rule(False, "output_config.format: must be a json_schema with a schema")


def _check_system(system: object) -> None:
    _rule(system is None or isinstance(system, str | list), "system: must be text or blocks")
    for at, block in enumerate(system if isinstance(system, list) else []):
        _rule(block.get("text", "").strip(), f"system.{at}: text content blocks must be non-empty")


def _check_messages(messages: object) -> None:
    _rule(isinstance(messages, list) and messages, "messages: at least one message is required")
    used: set[str] = set()
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        role, content = message.get("role"), message.get("content")
        _rule(role == ("user", "assistant")[at % 2], f"messages.{at}.role: user and assistant must alternate")
        _rule(isinstance(content, str | list) and content, f"messages.{at}.content: must not be empty")
        for block in _blocks(content, "text"):
            _rule(block.get("text", "").strip(), f"messages.{at}: text content blocks must be non-empty")
        answered = {str(block.get("tool_use_id")) for block in _blocks(content, "tool_result")}
        _rule(answered == used, f"messages.{at}: tool_use ids {sorted(answered ^ used)} have no partner")
        used = {_use(block, f"messages.{at}") for block in _blocks(content, "tool_use")}
    _rule(not used, f"messages: tool_use ids without a tool_result: {sorted(used)}")


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        fits = type(budget) is int and 1_024 <= budget < body["max_tokens"]
        _rule(fits, "thinking.budget_tokens: must be 1024 or more and less than max_tokens")
    if _thinks(body):
        free = (body.get("tool_choice") or {}).get("type") not in ("any", "tool")
        _rule(free, "Thinking may not be enabled when tool_choice forces tool use.")
        _rule(body.get("temperature", 1) == 1, "temperature: may only be 1 when thinking is enabled")
    for at, message in enumerate(body["messages"]):
        for block in _blocks(message["content"], "thinking"):
            signed = block.get("signature") == mark("sig_", block.get("thinking"))
            _rule(signed, f"messages.{at}: Invalid `signature` in `thinking` block")


def _thinks(body: Json) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def _thought() -> Json:
    return {"type": "thinking", "thinking": THOUGHT, "signature": mark("sig_", THOUGHT)}


def _schema(body: Json) -> Json | None:
    """The schema of the JSON that is asked for: told with the request or, to a model that obeys, in words."""
    told = (body.get("output_config") or {}).get("format")
    return told["schema"] if told else schema_in(_text(body.get("system")))


def _use(block: Json, place: str) -> str:
    _rule(ID.fullmatch(str(block.get("id", ""))), f"{place}: tool_use.id must match {ID.pattern}")
    _rule(isinstance(block.get("input"), dict), f"{place}: tool_use.input must be an object")
    return str(block["id"])


def _results(content: object) -> list[Json]:
    """The results a turn ends with: where something is said after them, that is what is answered."""
    ends = isinstance(content, list) and content and content[-1].get("type") == "tool_result"
    return _blocks(content, "tool_result") if ends else []


def _blocks(content: object, kind: str) -> list[Json]:
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in _blocks(content, "text"))


def _head(body: Json) -> Json:
    return {
        "id": mark("msg_", body["messages"]),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


def _stop(answer: Reply) -> str:
    if answer.calls:
        return "tool_use"
    return "max_tokens" if answer.cut else "end_turn"


def _usage(answer: Reply) -> Json:
    return {
        "input_tokens": answer.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.completion_tokens,
    }


def _cut(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def _event(name: str, **fields: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()
