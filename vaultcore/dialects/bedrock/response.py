"""A Converse answer as a chat completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import an_object, dump, string
from vaultcore.dialects.provider_error import complaint
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
FAILED = ("malformed_model_output", "malformed_tool_use")
OWN_TOOL = "server_tool_use"  # a call that the provider answers itself


def parse_completion(body: Json) -> ChatCompletion:
    told = an_object(body, "an answer")
    output = an_object(told.get("output"), "an output")
    message = _message(an_object(output.get("message"), "a message"))
    called = bool(message.get("tool_calls"))
    said = bool(message.get("content") or message.get("reasoning_content"))
    completion: Json = {
        "id": repair.identity("chatcmpl-", dump(told)),  # the API has none but in a header
        "object": "chat.completion",
        "created": 0,
        "model": "",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": finish_reason(told.get("stopReason"), called=called, said=said),
            }
        ],
    }
    if isinstance(told.get("usage"), dict):
        completion["usage"] = usage(told["usage"])
    if (tier := service_tier(told)) is not None:
        completion["service_tier"] = tier
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    return complaint(body)


def finish_reason(reason: object, *, called: bool, said: bool) -> FinishReason:
    if isinstance(reason, str) and reason in FAILED:
        raise StreamFault(ErrorDetail(f"the answer ended with {reason}", reason))
    if isinstance(reason, str) and reason in FINISH:
        known = FINISH[reason]
        if known == "stop" and called:
            return "tool_calls"
        return "stop" if known == "tool_calls" and not called else known
    return repair.finish_reason(reason, called=called, said=said)


def usage(told: Json) -> Usage:
    """Usage whose prompt counts everything that went in: Bedrock leaves out what a cache has to do with."""
    read, written = count(told, "cacheReadInputTokens"), count(told, "cacheWriteInputTokens")
    prompt, completion = count(told, "inputTokens") + read + written, count(told, "outputTokens")
    details: Json = {"cached_tokens": read, "cache_write_tokens": written}
    if hour := _written_for_an_hour(told):
        details["cache_write_1h_tokens"] = hour
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
    }


def count(told: Json, name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def service_tier(told: Json) -> str | None:
    """The tier that served, where OpenAI has a word for it."""
    tier = told.get("serviceTier")
    kind = tier.get("type") if isinstance(tier, dict) else None
    return kind if isinstance(kind, str) and kind in repair.TIERS else None


def thoughts(told: object) -> list[Json]:
    """Reasoning as thinking blocks: its text and signature, or the bytes of it that nobody may read."""
    if not isinstance(told, dict):
        return []
    found: list[Json] = []
    inner = told.get("reasoningText")
    if isinstance(inner, dict):
        block: Json = {"type": "thinking", "thinking": string(inner, "text")}
        if signature := string(inner, "signature"):
            block["signature"] = signature
        found.append(block)
    if redacted := string(told, "redactedContent"):
        found.append({"type": "redacted_thinking", "data": redacted})
    return found


def annotation(told: object, start: int, end: int) -> Json | None:
    """A citation of a web page; `start` and `end` are where the text that cites it stands."""
    match told:
        case {"location": {"web": {"url": str(url)}}, **rest}:
            title = rest.get("title")
            cited = {
                "start_index": start,
                "end_index": end,
                "url": url,
                "title": title if isinstance(title, str) else "",
            }
            return {"type": "url_citation", "url_citation": cited}
        case _:
            return None


def _written_for_an_hour(told: Json) -> int:
    rows = _objects(told, "cacheDetails")
    return sum(count(row, "inputTokens") for row in rows if row.get("ttl") == "1h")


def _message(told: Json) -> Json:
    """Blocks that are none of the client's business, a server's own tools, are left out."""
    said, cited, thought, calls = "", list[Json](), list[Json](), list[Json]()
    for block in _objects(told, "content"):
        match block:
            case {"text": str(words)}:
                said += words
            case {"citationsContent": dict() as content}:
                start = len(said)
                said += "".join(string(part, "text") for part in _objects(content, "content"))
                found = [annotation(each, start, len(said)) for each in _list(content, "citations")]
                cited += [each for each in found if each is not None]
            case {"reasoningContent": inner}:
                thought += thoughts(inner)
            case {"toolUse": dict()}:
                calls += _calls(block["toolUse"])
    message: Json = {"role": "assistant", "content": said or (None if calls else ""), "refusal": None}
    if words := "".join(string(block, "thinking") for block in thought):
        message["reasoning_content"] = words
    if thought:
        message["thinking_blocks"] = thought
    if calls:
        message["tool_calls"] = calls
    if cited:
        message["annotations"] = cited
    return message


def _calls(told: Json) -> list[Json]:
    """The call, if it is the client's to answer."""
    if told.get("type") == OWN_TOOL:
        return []
    given = told.get("input")
    function = {"name": str(told.get("name") or ""), "arguments": dump({} if given is None else given)}
    return [{"id": str(told.get("toolUseId") or ""), "type": "function", "function": function}]


def _objects(told: Json, name: str) -> list[Json]:
    return [each for each in _list(told, name) if isinstance(each, dict)]


def _list(told: Json, name: str) -> list[object]:
    value = told.get(name)
    return value if isinstance(value, list) else []
