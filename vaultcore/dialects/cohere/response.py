"""Parses Cohere's responses: https://docs.cohere.com/v2/reference/chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import require_object, string_field
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.usage_counts import mark_unusable, read_count
from vaultcore.wire import ChatCompletion, FinishReason, FunctionCall, Json, ToolCall, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.cohere.wire import (
        CohereResponse,
        CohereResponseMessage,
        CohereSource,
        CohereToolCall,
        CohereUsage,
    )

FINISH_REASONS: Mapping[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
COUNTS = ("input_tokens", "output_tokens")  # of tokens and of billed units
FAILURES: Mapping[str, int | None] = {"ERROR": None, "TIMEOUT": 504}  # failed finish reason -> HTTP status


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion. Raise StreamFault for a failed response, ValueError for an invalid one."""
    response = cast("CohereResponse", require_object(body, "the response"))
    if "message" in response and not isinstance(response["message"], dict):
        raise repair.stream_fault(response)  # the message of an error response is a string
    raw_message = cast("CohereResponseMessage", require_object(response.get("message"), "a message"))
    message = _parse_message(raw_message, response.get("id"))
    choice: Json = {"index": 0, "message": message, "logprobs": None}
    if isinstance(logprobs := response.get("logprobs"), list):
        choice["logprobs"] = parse_logprobs(logprobs)
    choice["finish_reason"] = parse_finish_reason(
        response.get("finish_reason"),
        has_calls=bool(message.get("tool_calls")),
        has_output=bool(message["content"] or message.get("reasoning_content")),
    )
    completion: Json = {
        "id": string_field(response, "id"),
        "object": "chat.completion",
        "created": 0,  # Cohere's responses contain neither the time nor the model
        "model": "",
        "choices": [choice],
    }
    if (usage := parse_usage(response.get("usage"))) is not None:
        completion["usage"] = usage
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the protocol's signature
    return parse_error_body(body)


def parse_finish_reason(
    reason: object, *, has_calls: bool, has_output: bool, error: object = None
) -> FinishReason:
    """Return OpenAI's finish reason. Raise StreamFault with text `error` for a reason that is a failure."""
    if isinstance(reason, str) and reason in FAILURES:
        text = error if isinstance(error, str) and error else f"the response ended with {reason}"
        raise StreamFault(ErrorDetail(text), FAILURES[reason])
    if isinstance(reason, str) and reason in FINISH_REASONS:
        mapped = FINISH_REASONS[reason]
        return "stop" if mapped == "tool_calls" and not has_calls else mapped
    return repair.map_finish_reason(reason, has_calls=has_calls, has_output=has_output)


def parse_usage(usage: CohereUsage | None) -> Usage | None:
    """Return the tokens that the model processed; `billed` has the charged ones, which may be fewer."""
    if not isinstance(usage, dict):
        return None
    processed, charged = usage.get("tokens"), usage.get("billed_units")
    counts = processed if isinstance(processed, dict) else charged
    if not isinstance(counts, dict):
        return None
    prompt, completion = (
        read_count(counts, "input_tokens"),
        read_count(counts, "output_tokens"),
    )
    out: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(read_count(usage, "cached_tokens"), prompt)},
    }
    if isinstance(charged, dict):
        out["billed"] = {
            "prompt_tokens": read_count(charged, "input_tokens"),
            "completion_tokens": read_count(charged, "output_tokens"),
        }
        out = mark_unusable(out, charged, COUNTS)
    return mark_unusable(out, counts, COUNTS)


def parse_citations(citations: object, starts: Mapping[int, int]) -> list[Json]:
    """Return citations of the text as annotations.

    `starts` maps the index of a content part to its offset in the whole text, in characters.
    """
    annotations = []
    for each in citations if isinstance(citations, list) else [citations]:
        if not isinstance(each, dict) or each.get("type", "TEXT_CONTENT") != "TEXT_CONTENT":
            continue
        offset = starts.get(repair.read_count(each, "content_index"), 0)
        start, end = offset + repair.read_count(each, "start"), offset + repair.read_count(each, "end")
        sources = each.get("sources")
        for source in sources if isinstance(sources, list) else ():
            if isinstance(source, dict):
                url = _parse_source(cast("CohereSource", source))
                citation = {"start_index": start, "end_index": end, **url}
                annotations.append({"type": "url_citation", "url_citation": citation})
    return annotations


def parse_logprobs(items: object) -> Json:
    """Return OpenAI's `logprobs`: one entry for each of Cohere's items, with the sum of its tokens."""
    content = []
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        text, values = string_field(item, "text"), item.get("logprobs")
        numbers = [n for n in values if isinstance(n, int | float)] if isinstance(values, list) else []
        entry = {"token": text, "logprob": float(sum(numbers)), "bytes": list(text.encode(errors="replace"))}
        content.append({**entry, "top_logprobs": []})
    return {"content": content, "refusal": None}


def parse_call(raw: object, response_id: object, position: int) -> ToolCall:
    """Return a tool call; derive its id if it has none. Raise ValueError if it is no object."""
    call = cast("CohereToolCall", require_object(raw, "a tool call"))
    source = require_object(call.get("function") or {}, "a function")
    function: FunctionCall = {
        "name": string_field(source, "name"),
        "arguments": repair.arguments_text(source.get("arguments")),
    }
    call_id = string_field(call, "id") or repair.derive_id("call_", response_id, position)
    return {"id": call_id, "type": "function", "function": function}


def _parse_source(source: CohereSource) -> Json:
    """Return the URL and title of a citation's source: the document's URL, or `document:<id>`."""
    document = source.get("document")
    document = document if isinstance(document, dict) else {}
    identity = f"{string_field(source, 'type') or 'document'}:{string_field(source, 'id')}"
    return {"url": string_field(document, "url") or identity, "title": string_field(document, "title")}


def _parse_message(raw: CohereResponseMessage, response_id: object) -> Json:
    text, reasoning, starts = "", "", dict[int, int]()
    content: object = raw.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for i, part in enumerate(parts if isinstance(parts, list) else ()):
        match part:
            case {"type": "thinking"}:
                reasoning += string_field(part, "thinking")
            case {"text": str(part_text)}:
                starts[i] = len(text)
                text += part_text
    raw_calls = raw.get("tool_calls")
    raw_calls = raw_calls if isinstance(raw_calls, list) else []
    calls = [parse_call(call, response_id, i) for i, call in enumerate(raw_calls)]
    for call in calls:
        call["function"]["arguments"] = call["function"]["arguments"].strip() or "{}"
    message: Json = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if reasoning := reasoning + string_field(raw, "tool_plan"):
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    if annotations := parse_citations(raw.get("citations") or [], starts):
        message["annotations"] = annotations
    return message
