"""An Anthropic response as a chat completion: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, repair
from vaultcore.dialects.anthropic.tool_uses import count_call, parse_tool_uses
from vaultcore.dialects.json_fields import dump, require_object, string_field
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.turn_order import position
from vaultcore.dialects.usage_counts import mark_unusable, read_count, with_tool_uses
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import (
        AnthropicBlock,
        AnthropicCitation,
        AnthropicResponse,
        AnthropicUsage,
    )

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "refusal": "content_filter",
}

COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
BILLED_TIERS = ("priority", "batch")  # service tiers that may have prices of their own
NO_USES: Mapping[str, int] = {}


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion. Raise StreamFault for an error object, ValueError for a malformed response."""
    response = cast("AnthropicResponse", require_object(body, "a response"))
    if response.get("type") == "error" or response.get("error"):
        raise repair.stream_fault(response)
    message = _parse_message(_content(response))
    message["refusal"] = parse_explanation(response)
    has_calls = bool(message.get("tool_calls"))
    has_output = bool(message.get("content") or message.get("reasoning_content"))
    finish_reason = parse_stop_reason(response.get("stop_reason"), has_calls=has_calls, has_output=has_output)
    completion: Json = {
        "id": str(response.get("id") or ""),
        "object": "chat.completion",
        "created": 0,  # the API does not return it
        "model": str(response.get("model") or ""),
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }
    usage = response.get("usage")
    if isinstance(usage, dict):
        uses: dict[str, int] = {}
        for block in _content(response):
            uses = count_call(block, uses)
        completion["usage"] = parse_usage(usage, uses)
        completion |= parse_service_tier(usage)
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - a parameter of the protocol
    """Return the content of an error response.

    `{"type": "error", "error": {"type", "message", "details": {"error_code", …}}, "request_id": "req_…"}`
    """
    return parse_error_body(body)


def parse_stop_reason(reason: object, *, has_calls: bool, has_output: bool) -> FinishReason:
    """Return OpenAI's finish reason. Raise ValueError for an unknown reason of an empty response."""
    if isinstance(reason, str) and reason in FINISH_REASONS:
        finish_reason = FINISH_REASONS[reason]
        return "stop" if finish_reason == "tool_calls" and not has_calls else finish_reason
    return repair.map_finish_reason(reason, has_calls=has_calls, has_output=has_output)


def parse_explanation(fields: object) -> str | None:
    """Return why the model refused, from `stop_details` of a response or of a `message_delta`, or None.

    `{"type": "refusal", "category": "cyber", "explanation": "…"}`
    """
    match fields:
        case {"stop_details": {"explanation": str(explanation)}} if explanation:
            return explanation
        case _:
            return None


def parse_usage(usage: AnthropicUsage, blocks: Mapping[str, int] = NO_USES) -> Usage:
    """Return the usage. Its prompt tokens include those read from a cache and those written to one.

    `blocks` are the uses of server tools that the response's blocks show.

    >>> parse_usage({"input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 5})["prompt_tokens"]
    9
    """
    counts = [usage, *_compactions(usage)]
    cache_reads = sum(read_count(each, "cache_read_input_tokens") for each in counts)
    cache_writes = sum(read_count(each, "cache_creation_input_tokens") for each in counts)
    prompt = sum(read_count(each, "input_tokens") for each in counts) + cache_reads + cache_writes
    completion = sum(read_count(each, "output_tokens") for each in counts)
    prompt_details: Json = {"cached_tokens": cache_reads, "cache_write_tokens": cache_writes}
    if one_hour_writes := sum(map(_count_one_hour_writes, counts)):
        prompt_details["cache_write_1h_tokens"] = one_hour_writes  # included in cache_write_tokens
    parsed: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
    }
    details = usage.get("output_tokens_details")
    if isinstance(details, dict) and "thinking_tokens" in details:
        parsed["completion_tokens_details"] = {"reasoning_tokens": read_count(details, "thinking_tokens")}
    if isinstance(region := usage.get("inference_geo"), str):
        parsed["inference_geo"] = region
    if (tier := usage.get("service_tier")) in BILLED_TIERS:
        parsed["service_tier"] = tier
    return mark_unusable(with_tool_uses(parsed, parse_tool_uses(usage, blocks)), usage, COUNTS)


def parse_service_tier(usage: AnthropicUsage) -> Json:
    """Return `{"service_tier": "fast"}` for fast mode, which has its own price, else `{}`."""
    return {"service_tier": "fast"} if usage.get("speed") == "fast" else {}


def parse_citations(block: AnthropicBlock, start: int) -> list[Json]:
    """Return what a text block cites as annotations; `start` is the block's offset in the whole text.

    A document has no URL: it is `document:` and its index in the request.
    """
    end = start + len(string_field(block, "text"))
    citations = block.get("citations")
    annotations = []
    for citation in citations if isinstance(citations, list) else ():
        if isinstance(citation, dict) and (url := _cited_url(cast("AnthropicCitation", citation))):
            title = string_field(citation, "title") or string_field(citation, "document_title")
            cited = {"start_index": start, "end_index": end, "url": url, "title": title}
            annotations.append({"type": "url_citation", "url_citation": cited})
    return annotations


def _cited_url(citation: AnthropicCitation) -> str:
    """Return the URL of a web page, the source of a search result, or the name of a document; "" if none."""
    url = string_field(citation, "url") or string_field(citation, "source")
    index = citation.get("document_index")
    return url or (f"document:{index}" if isinstance(index, int) else "")


def _count_one_hour_writes(usage: AnthropicUsage) -> int:
    writes = usage.get("cache_creation")
    return read_count(writes, "ephemeral_1h_input_tokens")


def _compactions(usage: AnthropicUsage) -> list[AnthropicUsage]:
    """Return the counts of context compactions, which are billed but not part of the other counts."""
    counts = usage.get("iterations")
    if not isinstance(counts, list):
        return []
    return [count for count in counts if isinstance(count, dict) and count.get("type") == "compaction"]


def _content(response: AnthropicResponse) -> list[AnthropicBlock]:
    content = response.get("content")
    if not isinstance(content, list):
        raise ValueError("a response without content")  # noqa: TRY004 - the provider's data, not our call
    return content


def _parse_message(blocks: list[AnthropicBlock]) -> Json:
    """Return OpenAI's message. Skip the blocks of server tools, which no client can answer."""
    text, annotations, calls = "", list[Json](), list[Json]()
    reasoning: list[AnthropicBlock] = []
    for block in blocks:
        require_object(block, "a content block")
        match block:
            case {"type": "text"}:
                annotations += parse_citations(block, len(text))
                text += string_field(block, "text")
            case {"type": "tool_use"}:
                calls.append(_parse_call(block))
            case {"type": "thinking" | "redacted_thinking"}:
                reasoning.append(cast("AnthropicBlock", {**block, **position(len(text), len(calls))}))
    message: Json = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if reasoning_text := "".join(string_field(block, "thinking") for block in reasoning):
        message["reasoning_content"] = reasoning_text
    if reasoning:
        message["thinking_blocks"] = reasoning
    if calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations"] = annotations
    return message


def _parse_call(block: AnthropicBlock) -> Json:
    arguments = block.get("input")
    function = {
        "name": str(block.get("name") or ""),
        "arguments": dump({} if arguments is None else arguments),
    }
    return {"id": str(block.get("id") or ""), "type": "function", "function": function}
