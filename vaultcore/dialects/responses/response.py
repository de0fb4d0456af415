"""A response object as a chat completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import an_object, string
from vaultcore.dialects.provider_error import complaint, detail, status
from vaultcore.dialects.responses.reasoning_owner import block
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

BETWEEN = "\n\n"  # two parts of a reasoning summary
CALLS = ("function_call", "custom_tool_call")


def parse_completion(body: Json) -> ChatCompletion:
    told = an_object(body, "an answer")
    output = told.get("output")
    if told.get("error") or told.get("status") == "failed":
        raise failed(told)
    if not isinstance(output, list):
        raise ValueError("an answer without output")  # noqa: TRY004 - nobody passed a wrong type
    message = _message([an_object(item, "an item") for item in output], string(told, "model"))
    reason = finish_reason(told, called=bool(message.get("tool_calls")))
    completion: Json = {
        "id": string(told, "id"),
        "object": "chat.completion",
        "created": repair.created(told.get("created_at")),
        "model": string(told, "model"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }
    logprobs = [each for item in output for part in parts(item) for each in _list(part, "logprobs")]
    if logprobs:
        completion["choices"][0]["logprobs"] = {"content": logprobs, "refusal": None}
    if isinstance(told.get("service_tier"), str):
        completion["service_tier"] = told["service_tier"]
        repair.settle_tier(completion)
    if (counted := usage(told.get("usage"))) is not None:
        completion["usage"] = counted
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    return complaint(body)


def failed(told: Json) -> StreamFault:
    """The fault of a response that says it has failed."""
    error = told.get("error")
    return StreamFault(detail(error or "the response failed"), status(error))


def finish_reason(told: Json, *, called: bool) -> FinishReason:
    details = told.get("incomplete_details")
    why = details.get("reason") if isinstance(details, dict) else None
    if told.get("status") == "incomplete" or why:
        return "content_filter" if why == "content_filter" else "length"
    return "tool_calls" if called else "stop"


def usage(told: object) -> Usage | None:
    if not isinstance(told, dict):
        return None
    prompt, completion = _count(told, "input_tokens"), _count(told, "output_tokens")
    counted: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    went_in, came_out = told.get("input_tokens_details"), told.get("output_tokens_details")
    if isinstance(went_in, dict):
        names = ("cached_tokens", "cache_write_tokens")
        counted["prompt_tokens_details"] = {name: _count(went_in, name) for name in names if name in went_in}
    if isinstance(came_out, dict):
        counted["completion_tokens_details"] = {"reasoning_tokens": _count(came_out, "reasoning_tokens")}
    return counted


def citation(told: object, start: int) -> Json | None:
    """An annotation as chat completions have it; `start` is where its part begins in the whole text."""
    match told:
        case {"type": "url_citation", "url": str(url), "start_index": int(at), "end_index": int(end), **rest}:
            title = rest.get("title") or ""
            cited = {"start_index": start + at, "end_index": start + end, "url": url, "title": title}
            return {"type": "url_citation", "url_citation": cited}
        case _:
            return None


def parts(item: object) -> list[Json]:
    """The content parts of a message item."""
    if not isinstance(item, dict) or item.get("type") != "message":
        return []
    return [part for part in _list(item, "content") if isinstance(part, dict)]


def call(item: Json) -> Json:
    """A call as chat completions have it, whole."""
    identity = string(item, "call_id") or string(item, "id")
    if item["type"] == "custom_tool_call":
        custom = {"name": string(item, "name"), "input": string(item, "input")}
        return {"id": identity, "type": "custom", "custom": custom}
    function = {"name": string(item, "name"), "arguments": string(item, "arguments") or "{}"}
    return {"id": identity, "type": "function", "function": function}


def _message(output: Sequence[Json], model: str) -> Json:
    """Items that are none of the client's business, the provider's own tools, are left out."""
    said, refused, cited = "", "", list[Json]()
    thoughts, blocks, calls = list[str](), list[Json](), list[Json]()
    for item in output:
        match item.get("type"):
            case "message":
                for part in parts(item):
                    found = [citation(each, len(said)) for each in _list(part, "annotations")]
                    cited += [each for each in found if each is not None]
                    said += string(part, "text")
                    refused += string(part, "refusal")
            case "reasoning":
                thoughts += [text for text in thought(item) if text]
                if item.get("encrypted_content"):
                    blocks.append(block(item, model=model))
            case kind if kind in CALLS:
                calls.append(call(item))
    message: Json = {"role": "assistant", "content": said or (None if calls or refused else "")}
    message["refusal"] = refused or None
    held = {"reasoning_content": BETWEEN.join(thoughts), "thinking_blocks": blocks, "tool_calls": calls}
    return {**message, **{name: value for name, value in {**held, "annotations": cited}.items() if value}}


def thought(item: Json) -> list[str]:
    """What a reasoning item shows: its summary or, where there is none, the reasoning itself."""
    for name in ("summary", "content"):
        texts = [string(part, "text") for part in _list(item, name) if isinstance(part, dict)]
        if any(texts):
            return texts
    return []


def _list(told: Json, name: str) -> list[object]:
    value = told.get(name)
    return value if isinstance(value, list) else []


def _count(told: Json, name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
