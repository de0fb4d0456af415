"""The manners of an OpenAI-style provider: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import THOUGHT, Call, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.sample import schema_in
from vaultcore.simulators.strict import left_open, optional

PATH = "/chat/completions"
MODELS: tuple[str, ...] = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")
CREATED = 1_760_000_000  # fixed, so that the same question has the same answer to the last byte
KNOWN = frozenset(  # whatever else a request has at its top level is refused
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
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def token(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def check(headers: Mapping[str, str], body: Json) -> None:
    _rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _rule(name in KNOWN, f"Unrecognized request argument supplied: {name}", name)
    _rule(isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter", "model")
    _rule(
        not ("max_tokens" in body and "max_completion_tokens" in body),
        "max_tokens and max_completion_tokens cannot both be set",
        "max_tokens",
    )
    _rule(
        body.get("stream") is True or "stream_options" not in body,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )
    temperature = body.get("temperature", 1)
    _rule(isinstance(temperature, int | float) and 0 <= temperature <= 2, "must be 0 to 2", "temperature")
    _check_tools(body)
    _check_format(body.get("response_format"))
    _check_messages(body.get("messages"))


def prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    results = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.append(_text(message.get("content")))
    return Prompt(
        title=title,
        said=[_text(message.get("content")) for message in messages if message["role"] != "tool"],
        tools=[
            Tool(tool["function"]["name"], tool["function"].get("parameters") or {})
            for tool in body.get("tools") or []
            if _allowed(tool["function"]["name"], body.get("tool_choice"))
        ],
        forced=_forced(body.get("tool_choice")),
        results=results[::-1],
        parallel=body.get("parallel_tool_calls", True) is not False,
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        schema=_schema(body),
    )


def completion(body: Json, answer: Reply) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if _thinks(body):
        message["reasoning_content"] = THOUGHT
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return {**_head(body), "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    head = {**_head(body), "object": "chat.completion.chunk"}
    counted = (body.get("stream_options") or {}).get("include_usage") is True

    def event(delta: Json, finish: str | None = None) -> bytes:
        chunk: Json = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        return _data({**chunk, "usage": None} if counted else chunk)

    yield event({"role": "assistant", "content": None if answer.calls else ""})
    if _thinks(body):
        yield event({"reasoning_content": THOUGHT})
    for piece in answer.pieces:
        yield event({"content": piece})
    for index, call in enumerate(answer.calls):
        opened = _call(call)
        opened["function"]["arguments"] = ""
        yield event({"tool_calls": [{"index": index, **opened}]})
        for piece in _cut(json.dumps(call.arguments)):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, _finish(answer))
    if counted:
        yield _data({**head, "choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def failure(error: Refused) -> Json:
    return {
        "error": {"message": str(error), "type": error.kind, "param": error.param, "code": error.code},
    }


def listing(title: str, names: tuple[str, ...]) -> Json:
    rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": title.lower()} for name in names]
    return {"object": "list", "data": rows}


def _rule(kept: object, message: str, param: str | None = None) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message, param=param, code="invalid_value")


def _check_tools(body: Json) -> None:
    tools = body.get("tools")
    _rule(
        tools is None or (isinstance(tools, list) and tools),
        "tools must be a list that is not empty",
        "tools",
    )
    names = set()
    for at, tool in enumerate(tools or []):
        name = (tool.get("function") or {}).get("name")
        _rule(tool.get("type") == "function", "must be function", f"tools[{at}].type")
        _rule(
            isinstance(name, str) and NAME.fullmatch(name),
            "is no name for a tool",
            f"tools[{at}].function.name",
        )
        names.add(name)
        _check_strict(tool["function"], "parameters", f"tools[{at}].function.parameters")
    _rule(
        tools or "tool_choice" not in body, "tool_choice is only allowed when tools are given", "tool_choice"
    )
    forced = _forced(body.get("tool_choice"))
    _rule(not forced or forced in names, "tool_choice names no tool that is given", "tool_choice")


def _check_format(told: object) -> None:
    match told:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"name": str(name)} as held} if NAME.fullmatch(name):
            _check_strict(held, "schema", "response_format")
        case _:
            _rule(False, "must be text, json_object, or json_schema with a name", "response_format")


def _check_strict(holder: Json, key: str, param: str) -> None:
    if not holder.get("strict"):
        return
    schema = holder.get(key)
    _rule(isinstance(schema, dict), "must hold a schema to be strict", param)
    found = next(left_open(schema), None)
    _rule(found is None, f"'additionalProperties' is required to be false: {found}", param)
    found = next(optional(schema), None)
    _rule(found is None, f"'required' must name every property: {found}", param)


def _check_messages(messages: object) -> None:
    _rule(isinstance(messages, list) and messages, "must be a list that is not empty", "messages")
    open_calls: list[Any] = []
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        role = message.get("role") if isinstance(message, dict) else None
        _rule(role in ROLES, f"must be one of {', '.join(ROLES)}", f"messages[{at}].role")
        if role == "tool":
            _rule(
                message.get("tool_call_id") in open_calls,
                "must answer a tool call of the message before",
                f"messages[{at}].tool_call_id",
            )
            open_calls.remove(message["tool_call_id"])
            continue
        _rule(not open_calls, f"tool calls without an answer: {open_calls}", f"messages[{at}]")
        calls = message.get("tool_calls") or []
        _rule(
            calls or message.get("function_call") or isinstance(message.get("content"), str | list),
            "must be text or parts",
            f"messages[{at}].content",
        )
        open_calls = [_called(call, f"messages[{at}].tool_calls") for call in calls]
    _rule(not open_calls, f"tool calls without an answer: {open_calls}", "messages")


def _called(call: Json, param: str) -> str:
    _rule(isinstance(call.get("id"), str) and call["id"], "must have an id", param)
    arguments = (call.get("function") or {}).get("arguments")
    _rule(isinstance(arguments, str), "must have arguments as JSON text", param)
    return str(call["id"])


def _thinks(body: Json) -> bool:
    """Whether it thinks aloud, as those do who have models of their own behind this API."""
    return body.get("reasoning_effort") not in (None, "none")


def _schema(body: Json) -> Json | None:
    """The schema of the JSON that is asked for: told with the request or, to a model that obeys, in words."""
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            return schema
        case {"type": str(kind)}:
            otherwise: Json | None = {} if kind == "json_object" else None
        case _:
            otherwise = None
    instructions = [message for message in body["messages"] if message["role"] in ("system", "developer")]
    return schema_in(" ".join(_text(message.get("content")) for message in instructions)) or otherwise


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
        "id": mark("chatcmpl-", body["messages"]),
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": "fp_simulated",
    }


def _call(call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"call_{call.id}", "type": "function", "function": function}


def _cut(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def _finish(answer: Reply) -> str:
    if answer.calls:
        return "tool_calls"
    return "length" if answer.cut else "stop"


def _usage(answer: Reply) -> Json:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _data(chunk: Json) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
