"""A simulated Cohere chat API, version 2: https://docs.cohere.com/v2/reference/chat.

It is stricter than the real one: it rejects fields that are not in the reference, and tool calls without a
result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

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

PATH = "/chat"
MODELS: tuple[str, ...] = ("command-a-03-2025", "command-a-reasoning-08-2025", "command-r7b-12-2024")
PREAMBLE_TOKENS = 496  # tokens of Cohere's own preamble, which are not billed
PLAN = "I will use the tools that are needed."
ALLOWED_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "tools", "strict_tools", "tool_choice", "documents"),
        *("citation_options", "response_format", "safety_mode", "max_tokens", "stop_sequences"),
        *("temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "logprobs"),
        *("thinking", "priority"),
    }
)
FIELDS: Mapping[str, frozenset[str]] = {  # of a message, by role
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "tool_plan", "citations"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")  # of a tool
RANGES = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "priority": (0, 999)}


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else ""


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"unknown field: parameter '{name}' is not a valid field")
    _require(isinstance(body.get("model"), str) and body["model"], "model is required")
    for name, (least, most) in RANGES.items():
        value = body.get(name, least)
        _require(isinstance(value, int | float) and least <= value <= most, f"{name} is out of range")
    _require(body.get("tool_choice") in (None, "REQUIRED", "NONE"), "tool_choice must be REQUIRED or NONE")
    _require("tools" in body or "tool_choice" not in body, "tool_choice needs tools")
    _require("tools" not in body or body["tools"], "tools must not be empty")
    is_json = (body.get("response_format") or {}).get("type") == "json_object"
    _require(not is_json or "tools" not in body, "response_format cannot be used with tools")
    _require(len(body.get("stop_sequences") or ()) <= 5, "too many stop_sequences")
    _check_tools(body)
    _check_messages(body.get("messages"))


def can_search(body: Json) -> bool:  # noqa: ARG001 - the protocol names it
    return False


def parse_prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    results = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.append(_text(message["content"]))
    texts = [_text(message.get("content")) for message in messages if message["role"] != "tool"]
    return Prompt(
        title=title,
        texts=texts,
        tools=[
            PromptTool(tool["function"]["name"], tool["function"]["parameters"])
            for tool in body.get("tools") or []
            if body.get("tool_choice") != "NONE"
        ],
        forced_tool="" if body.get("tool_choice") == "REQUIRED" else None,
        tool_results=results[::-1],
        token_limit=body.get("max_tokens"),
        schema=_schema(body, " ".join(texts)),
    )


def render_completion(body: Json, reply: Reply) -> Json:
    message: Json = {"role": "assistant"}
    blocks: list[Json] = [{"type": "thinking", "thinking": REASONING}] if _has_reasoning(body) else []
    blocks += [{"type": "text", "text": reply.text}] if reply.text else []
    if blocks:
        message["content"] = blocks
    if reply.calls:
        message["tool_plan"] = PLAN
        message["tool_calls"] = [_call(call) for call in reply.calls]
    return {
        "id": _id(body),
        "message": message,
        "finish_reason": _finish_reason(reply),
        "usage": _usage(reply),
    }


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    empty: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield _event("message-start", id=_id(body), delta={"message": empty})
    parts = [("thinking", [REASONING])] if _has_reasoning(body) else []
    parts += [("text", reply.chunks)] if reply.text else []
    for index, (kind, chunks) in enumerate(parts):
        yield _event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
        for chunk in chunks:
            yield _event("content-delta", index=index, delta={"message": {"content": {kind: chunk}}})
        yield _event("content-end", index=index)
    if reply.calls:
        yield _event("tool-plan-delta", delta={"message": {"tool_plan": PLAN}})
    for index, call in enumerate(reply.calls):
        start = _call(call)
        start["function"]["arguments"] = ""
        yield _event("tool-call-start", index=index, delta={"message": {"tool_calls": start}})
        for fragment in split_text(json.dumps(call.arguments) if call.arguments else ""):
            part = {"function": {"arguments": fragment}}
            yield _event("tool-call-delta", index=index, delta={"message": {"tool_calls": part}})
        yield _event("tool-call-end", index=index)
    yield _event("message-end", delta={"finish_reason": _finish_reason(reply), "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def render_error(error: SimulatedError) -> Json:
    return {"id": stable_id("", str(error)), "message": str(error)}


def render_models(title: str, names: tuple[str, ...]) -> Json:
    rows = [{"name": name, "endpoints": ["chat"], "default_endpoints": [], "tag": title} for name in names]
    return {"models": rows}


def _require(condition: object, message: str) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message)


def _check_tools(body: Json) -> None:
    names = set()
    for at, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        name = function.get("name")
        _require(tool.get("type") == "function", f"tools[{at}].type must be function")
        _require(isinstance(name, str) and name not in names, f"tools[{at}] needs a unique name")
        _require(NAME.fullmatch(str(name)), f"tools[{at}]: tool names contain a-z, A-Z, 0-9 and _ only")
        _require(isinstance(function.get("parameters"), dict), f"tools[{at}].function.parameters is required")
        _require(
            function.keys() <= {"name", "description", "parameters"}, f"tools[{at}] has an unknown field"
        )
        names.add(name)


def _check_messages(messages: object) -> None:
    _require(isinstance(messages, list) and messages, "messages must contain at least one element")
    open_calls: list[str] = []
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        fields = FIELDS.get(str(message.get("role")))
        _require(fields is not None, f"messages[{at}].role is unknown")
        _require(
            message.keys() <= (fields or set()), f"messages[{at}] has a field that its role does not allow"
        )
        if message["role"] == "tool":
            _require(message.get("tool_call_id") in open_calls, f"messages[{at}] does not match a tool call")
            open_calls.remove(message["tool_call_id"])
            continue
        _require(not open_calls, f"messages[{at}]: calls without a result: {open_calls}")
        calls = message.get("tool_calls") or []
        _require(message.get("content") or calls, f"messages[{at}] must have content or tool_calls")
        open_calls = [call["id"] for call in calls]
        _require(len(set(open_calls)) == len(open_calls), f"messages[{at}]: two calls have the same id")
    last = messages[-1]["role"] if isinstance(messages, list) else ""
    _require(last in {"user", "tool"} and not open_calls, "the last message must be the user's or a tool's")


def _has_reasoning(body: Json) -> bool:
    return bool((body.get("thinking") or {}).get("type") == "enabled")


def _schema(body: Json, text: str) -> Json | None:
    response_format = body.get("response_format") or {}
    if response_format.get("type") != "json_object":
        return find_schema(text)
    return response_format.get("json_schema") or response_format.get("schema") or {}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content) if isinstance(content, list) else ""


def _id(body: Json) -> str:
    return stable_id("", body["messages"])


def _call(call: ReplyToolCall) -> Json:
    arguments = json.dumps(call.arguments)
    return {
        "id": f"{call.name}_{call.id}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _finish_reason(reply: Reply) -> str:
    if reply.calls:
        return "TOOL_CALL"
    return "MAX_TOKENS" if reply.is_cut else "COMPLETE"


def _usage(reply: Reply) -> Json:
    return {
        "billed_units": {"input_tokens": reply.prompt_tokens, "output_tokens": reply.completion_tokens},
        "tokens": {
            "input_tokens": reply.prompt_tokens + PREAMBLE_TOKENS,
            "output_tokens": reply.completion_tokens + 2,
        },
    }


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
