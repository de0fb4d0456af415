"""The manners of Cohere's chat API, version 2: https://docs.cohere.com/v2/reference/chat.

Stricter than the real one: a field that is not in its reference is refused, and so is a call left open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import THOUGHT, Call, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.sample import schema_in

PATH = "/chat"
MODELS: tuple[str, ...] = ("command-a-03-2025", "command-a-reasoning-08-2025", "command-r7b-12-2024")
PREAMBLE = 496  # tokens that go through the model before anybody has said anything; they are not charged
PLAN = "I will use the tools that are needed."
KNOWN = frozenset(
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
RANGES = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "priority": (0, 999)}


def token(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else ""


def check(headers: Mapping[str, str], body: Json) -> None:
    _rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _rule(name in KNOWN, f"unknown field: parameter '{name}' is not a valid field")
    _rule(isinstance(body.get("model"), str) and body["model"], "model is required")
    for name, (least, most) in RANGES.items():
        value = body.get(name, least)
        _rule(isinstance(value, int | float) and least <= value <= most, f"{name} is out of range")
    _rule(body.get("tool_choice") in (None, "REQUIRED", "NONE"), "tool_choice must be REQUIRED or NONE")
    _rule("tools" in body or "tool_choice" not in body, "tool_choice needs tools")
    shaped = (body.get("response_format") or {}).get("type") == "json_object"
    _rule(not shaped or "tools" not in body, "response_format goes without tools")
    _rule(len(body.get("stop_sequences") or ()) <= 5, "too many stop_sequences")
    _check_tools(body)
    _check_messages(body.get("messages"))


def prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    results = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.append(_text(message["content"]))
    said = [_text(message.get("content")) for message in messages if message["role"] != "tool"]
    return Prompt(
        title=title,
        said=said,
        tools=[
            Tool(tool["function"]["name"], tool["function"]["parameters"])
            for tool in body.get("tools") or []
            if body.get("tool_choice") != "NONE"
        ],
        forced="" if body.get("tool_choice") == "REQUIRED" else None,
        results=results[::-1],
        limit=body.get("max_tokens"),
        schema=_schema(body, " ".join(said)),
    )


def completion(body: Json, answer: Reply) -> Json:
    message: Json = {"role": "assistant"}
    blocks: list[Json] = [{"type": "thinking", "thinking": THOUGHT}] if _thinks(body) else []
    blocks += [{"type": "text", "text": answer.text}] if answer.text else []
    if blocks:
        message["content"] = blocks
    if answer.calls:
        message["tool_plan"] = PLAN
        message["tool_calls"] = [_call(call) for call in answer.calls]
    return {"id": _id(body), "message": message, "finish_reason": _finish(answer), "usage": _usage(answer)}


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    empty: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield _event("message-start", id=_id(body), delta={"message": empty})
    said = [("thinking", [THOUGHT])] if _thinks(body) else []
    said += [("text", answer.pieces)] if answer.text else []
    for index, (kind, pieces) in enumerate(said):
        yield _event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
        for piece in pieces:
            yield _event("content-delta", index=index, delta={"message": {"content": {kind: piece}}})
        yield _event("content-end", index=index)
    if answer.calls:
        yield _event("tool-plan-delta", delta={"message": {"tool_plan": PLAN}})
    for index, call in enumerate(answer.calls):
        begun = _call(call)
        begun["function"]["arguments"] = ""
        yield _event("tool-call-start", index=index, delta={"message": {"tool_calls": begun}})
        text = json.dumps(call.arguments) if call.arguments else ""
        for at in range(0, len(text), 8):
            part = {"function": {"arguments": text[at : at + 8]}}
            yield _event("tool-call-delta", index=index, delta={"message": {"tool_calls": part}})
        yield _event("tool-call-end", index=index)
    yield _event("message-end", delta={"finish_reason": _finish(answer), "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def failure(error: Refused) -> Json:
    return {"id": mark("", str(error)), "message": str(error)}


def listing(title: str, names: tuple[str, ...]) -> Json:
    rows = [{"name": name, "endpoints": ["chat"], "default_endpoints": [], "tag": title} for name in names]
    return {"models": rows}


def _rule(kept: object, message: str) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message)


def _check_tools(body: Json) -> None:
    names = set()
    for at, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        name = function.get("name")
        _rule(tool.get("type") == "function", f"tools[{at}].type must be function")
        _rule(isinstance(name, str) and name and name not in names, f"tools[{at}] needs a name of its own")
        _rule(isinstance(function.get("parameters"), dict), f"tools[{at}].function.parameters is required")
        _rule(function.keys() <= {"name", "description", "parameters"}, f"tools[{at}] has an unknown field")
        names.add(name)


def _check_messages(messages: object) -> None:
    _rule(isinstance(messages, list) and messages, "messages must hold at least one element")
    waiting: list[str] = []
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        fields = FIELDS.get(str(message.get("role")))
        _rule(fields is not None, f"messages[{at}].role is none that is known")
        _rule(message.keys() <= (fields or set()), f"messages[{at}] has a field that its role has not")
        if message["role"] == "tool":
            _rule(message.get("tool_call_id") in waiting, f"messages[{at}] answers no call")
            waiting.remove(message["tool_call_id"])
            continue
        _rule(not waiting, f"messages[{at}]: calls without a result: {waiting}")
        calls = message.get("tool_calls") or []
        _rule(message.get("content") or calls, f"messages[{at}] must have content or tool_calls")
        waiting = [call["id"] for call in calls]
        _rule(len(set(waiting)) == len(waiting), f"messages[{at}]: two calls have one id")
    last = messages[-1]["role"] if isinstance(messages, list) else ""
    _rule(last in {"user", "tool"} and not waiting, "the last message must be the user's or a tool's")


def _thinks(body: Json) -> bool:
    return bool((body.get("thinking") or {}).get("type") == "enabled")


def _schema(body: Json, said: str) -> Json | None:
    told = body.get("response_format") or {}
    if told.get("type") != "json_object":
        return schema_in(said)
    return told.get("json_schema") or told.get("schema") or {}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content) if isinstance(content, list) else ""


def _id(body: Json) -> str:
    return mark("", body["messages"])


def _call(call: Call) -> Json:
    arguments = json.dumps(call.arguments)
    return {
        "id": f"{call.name}_{call.id}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _finish(answer: Reply) -> str:
    if answer.calls:
        return "TOOL_CALL"
    return "MAX_TOKENS" if answer.cut else "COMPLETE"


def _usage(answer: Reply) -> Json:
    return {
        "billed_units": {"input_tokens": answer.prompt_tokens, "output_tokens": answer.completion_tokens},
        "tokens": {
            "input_tokens": answer.prompt_tokens + PREAMBLE,
            "output_tokens": answer.completion_tokens + 2,
        },
    }


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
