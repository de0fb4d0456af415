"""The manners of Mistral chat completions: https://docs.mistral.ai/api/#tag/chat.

Answers as OpenAI does, but whole calls at once, reasoning among the parts of the content, and usage unasked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from vaultcore.simulators import openai
from vaultcore.simulators.faults import Refused
from vaultcore.simulators.openai import listing, token
from vaultcore.simulators.reply import THOUGHT, Json, Prompt, Reply, mark

__all__ = ["MODELS", "PATH", "check", "completion", "events", "failure", "listing", "prompt", "token"]

PATH = "/chat/completions"
MODELS: tuple[str, ...] = ("mistral-large-latest", "mistral-small-latest", "magistral-medium-latest")
ID = re.compile(r"[a-zA-Z0-9]{9}")
KNOWN = frozenset(
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


def check(headers: Mapping[str, str], body: Json) -> None:
    _rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _rule(name in KNOWN, f"Extra inputs are not permitted: {name}", status=422)
    _rule(isinstance(body.get("model"), str) and body["model"], "model is required", status=422)
    temperature = body.get("temperature", 1)
    _rule(isinstance(temperature, int | float) and 0 <= temperature <= 1.5, "temperature is out of range")
    choice = body.get("tool_choice", "auto")
    _rule(choice in CHOICES or isinstance(choice, dict), "tool_choice is none that is known", status=422)
    for at, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        _rule(isinstance(function.get("parameters"), dict), f"tools[{at}]: parameters required", status=422)
    _check_messages(body.get("messages"))


def prompt(title: str, body: Json) -> Prompt:
    forced = body.get("tool_choice") == "any"
    return openai.prompt(title, {**body, "tool_choice": "required"} if forced else body)


def completion(body: Json, answer: Reply) -> Json:
    told = openai.completion(body, answer)
    for choice in told["choices"]:
        choice["message"] = {"role": "assistant", "content": _content(body, answer)}
        if answer.calls:
            choice["message"]["tool_calls"] = _calls(answer)
    return told


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    head = {**openai.completion(body, answer), "object": "chat.completion.chunk"}
    usage = head.pop("usage")
    finish = head["choices"][0]["finish_reason"]

    def event(delta: Json, finish: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({**head, 'choices': [choice], **more})}\n\n".encode()

    yield event({"role": "assistant", "content": ""})
    if _thinks(body):
        yield event({"content": [_thought()]})
    for piece in answer.pieces:
        yield event({"content": piece})
    last: Json = {"tool_calls": _calls(answer)} if answer.calls else {"content": ""}
    yield event(last, finish, usage=usage)
    yield b"data: [DONE]\n\n"


def failure(error: Refused) -> Json:
    return {"object": "error", "message": str(error), "type": error.kind, "param": None, "code": error.code}


def _rule(kept: object, message: str, *, status: int = 400) -> None:
    if not kept:
        raise Refused(status, "invalid_request_error", message)


def _check_messages(messages: object) -> None:
    _rule(isinstance(messages, list) and messages, "messages must not be empty", status=422)
    turns: list[Json] = messages if isinstance(messages, list) else []
    waiting: list[str] = []
    for at, message in enumerate(turns):
        fields = FIELDS.get(str(message.get("role")))
        _rule(fields is not None, f"messages[{at}].role is none that is known", status=422)
        _rule(message.keys() <= (fields or set()), f"messages[{at}]: extra inputs not permitted", status=422)
        if message["role"] == "tool":
            _rule(message.get("tool_call_id") in waiting, "Unexpected tool call id in tool results")
            waiting.remove(message["tool_call_id"])
            continue
        _rule(not waiting, "Not the same number of function calls and responses")
        calls = message.get("tool_calls") or []
        if message["role"] == "assistant":
            _rule(message.get("content") or calls, "Assistant message must have either content or tool_calls")
        for call in calls:
            told = f"Tool call id has to be defined in a-z, A-Z, 0-9, with a length of 9: {call.get('id')}"
            _rule(ID.fullmatch(str(call.get("id"))), told)
        waiting = [call["id"] for call in calls]
    _rule(not waiting, "Not the same number of function calls and responses")
    if turns[-1]["role"] == "assistant":
        _rule(
            turns[-1].get("prefix") is True, "Expected last role User or Tool (or Assistant with prefix True)"
        )


def _content(body: Json, answer: Reply) -> str | list[Json]:
    if not _thinks(body):
        return answer.text
    return [_thought(), {"type": "text", "text": answer.text}]


def _thinks(body: Json) -> bool:
    return body.get("prompt_mode") == "reasoning" or body.get("reasoning_effort") not in (None, "none")


def _thought() -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}


def _calls(answer: Reply) -> list[Json]:
    return [
        {
            "id": mark("", call.id)[:9],
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            "index": index,
        }
        for index, call in enumerate(answer.calls)
    ]
