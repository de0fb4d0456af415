"""A message as a chat completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.dialects import ErrorDetail, repair
from vaultcore.dialects.json_fields import an_object, dump, string
from vaultcore.dialects.provider_error import complaint
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "refusal": "content_filter",
}
THOUGHTS = ("thinking", "redacted_thinking")


def parse_completion(body: Json) -> ChatCompletion:
    told = an_object(body, "an answer")
    if told.get("type") == "error" or told.get("error"):
        raise repair.fault(told.get("error") or told)
    message = _message([an_object(block, "a block") for block in _blocks(told)])
    called = bool(message.get("tool_calls"))
    said = bool(message.get("content") or message.get("reasoning_content"))
    completion: Json = {
        "id": str(told.get("id") or ""),
        "object": "chat.completion",
        "created": 0,  # the API does not say
        "model": str(told.get("model") or ""),
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": finish_reason(told.get("stop_reason"), called=called, said=said),
            }
        ],
    }
    if isinstance(told.get("usage"), dict):
        completion["usage"] = usage(told["usage"])
        completion |= tier(told["usage"])
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    return complaint(body)


def finish_reason(reason: object, *, called: bool, said: bool) -> FinishReason:
    if isinstance(reason, str) and reason in FINISH:
        known = FINISH[reason]
        return "stop" if known == "tool_calls" and not called else known
    return repair.finish_reason(reason, called=called, said=said)


def usage(told: Json) -> Usage:
    """Usage whose prompt counts everything that went in, from a cache or into one included."""
    counts = [told, *_compactions(told)]
    read = sum(_count(each, "cache_read_input_tokens") for each in counts)
    written = sum(_count(each, "cache_creation_input_tokens") for each in counts)
    prompt = sum(_count(each, "input_tokens") for each in counts) + read + written
    completion = sum(_count(each, "output_tokens") for each in counts)
    went_in: Json = {"cached_tokens": read, "cache_write_tokens": written}
    if hour := sum(map(_written_for_an_hour, counts)):
        went_in["cache_write_1h_tokens"] = hour  # of those written
    counted: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": went_in,
    }
    details = told.get("output_tokens_details")
    if isinstance(details, dict) and "thinking_tokens" in details:
        counted["completion_tokens_details"] = {"reasoning_tokens": _count(details, "thinking_tokens")}
    return counted


def tier(told: Json) -> Json:
    """The service tier that usage tells of, where it has a price of its own."""
    return {"service_tier": "fast"} if told.get("speed") == "fast" else {}


def _written_for_an_hour(told: Json) -> int:
    created = told.get("cache_creation")
    return _count(created, "ephemeral_1h_input_tokens") if isinstance(created, dict) else 0


def _compactions(told: Json) -> list[Json]:
    """What it took to make the conversation shorter: billed as well, and in none of the other counts."""
    each = _list(told, "iterations")
    return [count for count in each if isinstance(count, dict) and count.get("type") == "compaction"]


def citations(block: Json, start: int) -> list[Json]:
    """The web pages a text block cites; `start` is where it begins in the whole text."""
    end = start + len(string(block, "text"))
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": start,
                "end_index": end,
                "url": citation["url"],
                "title": string(citation, "title"),
            },
        }
        for citation in _list(block, "citations")
        if isinstance(citation, dict) and isinstance(citation.get("url"), str)
    ]


def _blocks(told: Json) -> list[object]:
    match told.get("content"):
        case list() as blocks:
            return blocks
        case _:
            raise ValueError("an answer without content")


def _list(told: Json, name: str) -> list[object]:
    value = told.get(name)
    return value if isinstance(value, list) else []


def _message(blocks: list[Json]) -> Json:
    """Blocks that are none of the client's business, a server's own tools, are left out."""
    said, cited, thoughts, calls = "", list[Json](), list[Json](), list[Json]()
    for block in blocks:
        match block.get("type"):
            case "text":
                cited += citations(block, len(said))
                said += string(block, "text")
            case "tool_use":
                calls.append(_call(block))
            case kind if kind in THOUGHTS:
                thoughts.append(block)
    message: Json = {"role": "assistant", "content": said or (None if calls else ""), "refusal": None}
    if thought := "".join(string(block, "thinking") for block in thoughts):
        message["reasoning_content"] = thought
    if thoughts:
        message["thinking_blocks"] = thoughts
    if calls:
        message["tool_calls"] = calls
    if cited:
        message["annotations"] = cited
    return message


def _call(block: Json) -> Json:
    text = block.get("input")
    return {
        "id": str(block.get("id") or ""),
        "type": "function",
        "function": {"name": str(block.get("name") or ""), "arguments": dump({} if text is None else text)},
    }


def _count(told: Json, name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
