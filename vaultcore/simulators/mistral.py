"""A simulated Mistral chat completions API: https://docs.mistral.ai/api/#tag/chat.

Responses are those of OpenAI, with three differences: a tool call comes in one chunk, reasoning is a content
part, and usage is always present.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from vaultcore.simulators import openai
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.openai import render_models, request_key
from vaultcore.simulators.reply import REASONING, Json, Prompt, Reply, stable_id

__all__ = [
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

PATH = "/chat/completions"
MODELS: tuple[str, ...] = ("mistral-large-latest", "mistral-small-latest", "magistral-medium-latest")
ID = re.compile(r"[a-zA-Z0-9]{9}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ALLOWED_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "temperature", "top_p", "max_tokens", "stop", "random_seed"),
        *("metadata", "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty"),
        *("n", "prediction", "parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails"),
        *("safe_prompt", "logprobs", "top_logprobs", "top_k", "min_tokens", "repetition_penalty"),
        "prompt_cache_key",
    }
)
FIELDS: Mapping[str, frozenset[str]] = {  # of a message, by role
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
CHOICES = ("auto", "none", "any", "required")


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"Extra inputs are not permitted: {name}", status=422)
    _require(isinstance(body.get("model"), str) and body["model"], "model is required", status=422)
    temperature = body.get("temperature", 1)
    _require(isinstance(temperature, int | float) and 0 <= temperature <= 1.5, "temperature is out of range")
    choice = body.get("tool_choice", "auto")
    _require(choice in CHOICES or isinstance(choice, dict), "tool_choice is unknown", status=422)
    for at, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        _require(
            isinstance(function.get("parameters"), dict), f"tools[{at}]: parameters required", status=422
        )
        _check_name(function.get("name"))
    _require(body.get("tools") or choice not in ("any", "required"), "tool_choice needs tools", status=422)
    _check_messages(body.get("messages"))


def can_search(body: Json) -> bool:  # noqa: ARG001 - the protocol names it
    return False


def parse_prompt(title: str, body: Json) -> Prompt:
    is_forced = body.get("tool_choice") == "any"
    return openai.parse_prompt(title, {**body, "tool_choice": "required"} if is_forced else body)


def render_completion(body: Json, reply: Reply) -> Json:
    rendered = openai.render_completion(body, reply)
    for choice in rendered["choices"]:
        choice["message"] = {"role": "assistant", "content": _content(body, reply)}
        if reply.calls:
            choice["message"]["tool_calls"] = _calls(reply)
    return rendered


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    head = {**openai.render_completion(body, reply), "object": "chat.completion.chunk"}
    usage = head.pop("usage")
    finish = head["choices"][0]["finish_reason"]

    def event(delta: Json, finish: str | None = None, **fields: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({**head, 'choices': [choice], **fields})}\n\n".encode()

    yield event({"role": "assistant", "content": ""})
    if _has_reasoning(body):
        yield event({"content": [_thinking_part()]})
    for chunk in reply.chunks:
        yield event({"content": chunk})
    last: Json = {"tool_calls": _calls(reply)} if reply.calls else {"content": ""}
    yield event(last, finish, usage=usage)
    yield b"data: [DONE]\n\n"


def render_error(error: SimulatedError) -> Json:
    return {"object": "error", "message": str(error), "type": error.kind, "param": None, "code": error.code}


def _require(condition: object, message: str, *, status: int = 400) -> None:
    if not condition:
        raise SimulatedError(status, "invalid_request_error", message)


def _check_messages(messages: object) -> None:
    _require(isinstance(messages, list) and messages, "messages must not be empty", status=422)
    turns: list[Json] = messages if isinstance(messages, list) else []
    open_calls: list[str] = []
    for at, message in enumerate(turns):
        fields = FIELDS.get(str(message.get("role")))
        _require(fields is not None, f"messages[{at}].role is unknown", status=422)
        _require(
            message.keys() <= (fields or set()), f"messages[{at}]: extra inputs not permitted", status=422
        )
        if message["role"] == "tool":
            _require(message.get("tool_call_id") in open_calls, "Unexpected tool call id in tool results")
            open_calls.remove(message["tool_call_id"])
            continue
        _require(not open_calls, "Not the same number of function calls and responses")
        calls = message.get("tool_calls") or []
        if message["role"] == "assistant":
            _require(
                message.get("content") or calls, "Assistant message must have either content or tool_calls"
            )
        for call in calls:
            problem = f"Tool call id has to be defined in a-z, A-Z, 0-9, with a length of 9: {call.get('id')}"
            _require(ID.fullmatch(str(call.get("id"))), problem)
            _check_name((call.get("function") or {}).get("name"))
        _check_thinking(at, message)
        open_calls = [call["id"] for call in calls]
    _require(not open_calls, "Not the same number of function calls and responses")
    if turns[-1]["role"] == "assistant":
        _require(
            turns[-1].get("prefix") is True, "Expected last role User or Tool (or Assistant with prefix True)"
        )


def _check_thinking(at: int, message: Json) -> None:
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "thinking":
            _require(
                message["role"] == "assistant", f"messages[{at}]: thinking is the assistant's", status=422
            )
            texts = [text.get("type") == "text" for text in part.get("thinking") or ()]
            _require(texts and all(texts), f"messages[{at}]: thinking must be a list of texts", status=422)


def _check_name(name: object) -> None:
    text = f"Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and dashes, "
    _require(NAME.fullmatch(str(name)), text + "with a maximum length of 64.")


def _content(body: Json, reply: Reply) -> str | list[Json]:
    if not _has_reasoning(body):
        return reply.text
    return [_thinking_part(), {"type": "text", "text": reply.text}]


def _has_reasoning(body: Json) -> bool:
    return body.get("prompt_mode") == "reasoning" or body.get("reasoning_effort") not in (None, "none")


def _thinking_part() -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": REASONING}]}


def _calls(reply: Reply) -> list[Json]:
    return [
        {
            "id": stable_id("", call.id)[:9],
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            "index": index,
        }
        for index, call in enumerate(reply.calls)
    ]
